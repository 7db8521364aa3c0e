import numpy as np
import pytest

from marquee.monitoring.arms import comparison, experiment
from marquee.monitoring.arms.comparison import Compared
from marquee.monitoring.arms.experiment import Visitors
from marquee.pipeline.arrays import Bool, Float64


def visitors(challenger: Bool, **columns: Float64) -> Visitors:
    zeros = np.zeros(len(challenger))
    sums = np.stack([columns.get(name, zeros) for name in experiment.COLUMNS], axis=1)
    return Visitors(("aa" * 32, "bb" * 32), 0.0, challenger, sums, 0, 0, 0)


def compare(given: Visitors) -> dict[str, Compared]:
    return {one.metric.name: one for one in comparison.compare(given, seed=1)}


def test_every_metric_is_its_ratio_over_all_visitors_of_an_arm():
    found = compare(
        visitors(
            np.array([False, False, True]),
            answers=np.array([3.0, 1.0, 2.0]),
            clicked_answers=np.array([1.0, 0.0, 2.0]),
            clicks=np.array([2.0, 0.0, 3.0]),
            reciprocal_rank=np.array([1.5, 0.0, 0.75]),
            ratings=np.array([1.0, 2.0, 1.0]),
            stars=np.array([4.0, 5.0, 2.0]),
            squared_error=np.array([1.0, 2.0, 0.25]),
        )
    )
    assert {name: one.champion.value for name, one in found.items()} == {
        "click_share": 0.25,
        "mrr_of_clicked": 0.75,
        "mean_rating": 3.0,
        "rmse": 1.0,
    }
    assert {name: one.difference.value for name, one in found.items()} == {
        "click_share": 0.75,
        "mrr_of_clicked": -0.5,
        "mean_rating": -1.0,
        "rmse": -0.5,
    }
    assert found["mrr_of_clicked"].visitors == (1, 1)
    assert "too early" in found["click_share"].verdict


def binary(seed: int, count: int, champion: float, challenger: float) -> Visitors:
    """One list per visitor."""
    rng = np.random.default_rng(seed)
    arm = np.arange(count) % 2 == 0
    clicked = (rng.random(count) < np.where(arm, challenger, champion)).astype(np.float64)
    return visitors(arm, answers=np.ones(count), clicked_answers=clicked)


def test_intervals_and_the_detectable_difference_are_those_of_two_shares():
    found = compare(binary(0, 4_000, 0.2, 0.2))["click_share"]
    # 2,000 visitors each: a standard error of sqrt(0.2 x 0.8 / 2000) = 0.0089, of the difference 0.0126.
    assert found.champion.high - found.champion.low == pytest.approx(2 * 1.96 * 0.0089, rel=0.1)
    assert found.difference.high - found.difference.low == pytest.approx(2 * 1.96 * 0.0126, rel=0.1)
    assert found.detectable == pytest.approx(2.80 * 0.0126, rel=0.1)
    low, high = found.at_any_time
    assert low < found.difference.low < found.difference.high < high


def test_the_detectable_difference_is_found_in_80_percent():
    # (1.95996 + 0.84162) standard errors.
    assert comparison.detectable(1.0) == pytest.approx(2.80158, abs=1e-5)
    # 200 visitors each: sqrt((0.2 x 0.8 + 0.322 x 0.678) / 200) x 2.80 = 0.122.
    found = [compare(binary(seed, 400, 0.2, 0.322))["click_share"] for seed in range(80)]
    assert np.mean([one.detectable for one in found]) == pytest.approx(0.122, abs=0.005)
    assert np.mean([one.difference.low > 0 for one in found]) == pytest.approx(0.8, abs=0.1)


def test_which_way_is_better_depends_on_the_metric():
    count = 1_000
    arm = np.arange(count) % 2 == 0
    rng = np.random.default_rng(3)
    found = compare(
        visitors(
            arm,
            answers=np.ones(count),
            clicked_answers=(rng.random(count) < np.where(arm, 0.6, 0.2)).astype(np.float64),
            ratings=np.ones(count),
            stars=np.full(count, 3.0),
            squared_error=rng.exponential(np.where(arm, 2.0, 0.5)),
        )
    )
    assert found["click_share"].verdict.startswith("the challenger is better, known after 2")
    assert found["rmse"].verdict.startswith("the challenger is worse")
    assert "too early" in found["mrr_of_clicked"].verdict
    assert np.isnan(found["mrr_of_clicked"].difference.value)
    assert "open" in compare(binary(0, 1_000, 0.2, 0.2))["click_share"].verdict
