"""Drift proposes, performance confirms, a cool-down keeps it from flapping: case by case."""

from pathlib import Path

import numpy as np
import pytest

from marquee.evaluation.measures.intervals import Interval
from marquee.monitoring.statistics.performance import Change
from marquee.monitoring.verdict import verdict
from marquee.monitoring.verdict.verdict import Evidence
from tests.fixtures.tiny_pipeline import PARAMS

KNOBS = PARAMS.monitoring.model_copy(
    update={"rmse_margin": 0.02, "hit_rate_margin": 0.02, "min_feedback": 100, "cool_down_requests": 1000}
)
LOST = Change(Interval(0.05, 0.01, 0.09), 500)
LOST_MUCH = Change(Interval(0.08, 0.03, 0.12), 500)
KEPT = Change(Interval(0.00, -0.01, 0.01), 500)
OPEN = Change(Interval(0.01, -0.05, 0.07), 500)
TOO_FEW = Change(Interval(0.08, 0.03, 0.12), 99)
NONE = Change(Interval(float("nan"), float("nan"), float("nan")), 0)
WORSE, SAME = Interval(0.05, 0.01, 0.09), Interval(0.0, -0.03, 0.03)


def evidence(
    drifted: tuple[str, ...] = ("rating",),
    rmse: Change = KEPT,
    hit_rate: Change = KEPT,
    estimate: Interval = SAME,
    of_bundle: int = 5000,
    since_retrain: int | None = None,
    windows: int = 10,
) -> Evidence:
    return Evidence(
        windows,
        drifted,
        {"rmse": rmse, "hit_rate_at_10": hit_rate},
        {"rmse": estimate},
        of_bundle,
        since_retrain,
    )


@pytest.mark.parametrize(
    ("given", "retrain"),
    [
        (evidence(windows=0, drifted=()), "wait"),
        (evidence(drifted=()), "no"),
        (evidence(drifted=(), rmse=OPEN, hit_rate=NONE), "no"),
        (evidence(rmse=LOST), "yes"),
        (evidence(hit_rate=LOST), "yes"),
        (evidence(), "no"),  # the world changed, the answers did not get worse
        (evidence(rmse=OPEN), "wait"),
        (evidence(rmse=TOO_FEW, hit_rate=NONE), "wait"),
        (evidence(rmse=NONE, hit_rate=NONE, estimate=WORSE), "yes"),
        (evidence(rmse=KEPT, hit_rate=KEPT, estimate=WORSE), "no"),  # feedback knows better than an estimate
        (evidence(rmse=LOST, of_bundle=999), "wait"),
        (evidence(rmse=LOST, since_retrain=999), "wait"),
        (evidence(rmse=LOST, since_retrain=1000), "yes"),
        (evidence(drifted=(), of_bundle=10), "no"),
        (evidence(drifted=(), rmse=LOST), "wait"),
        (evidence(drifted=(), rmse=LOST_MUCH), "yes"),
    ],
)
def test_the_verdict(given: Evidence, retrain: str):
    assert verdict.judge(given, KNOBS).retrain == retrain


def test_the_reasons_name_what_drifted_and_what_was_lost():
    reasons = verdict.judge(evidence(drifted=("rating", "genres"), rmse=LOST), KNOBS).reasons
    assert reasons[0] == "drifted: rating, genres"
    assert reasons[1] == "rmse worse by 0.050 (0.010 to 0.090, 500): a confirmed loss"


def test_the_cool_down_is_told():
    reasons = verdict.judge(evidence(rmse=LOST, since_retrain=7), KNOBS).reasons
    assert reasons[-1] == "cool-down: 7 answers since retraining was tried of 1000"


def test_exit_codes_are_those_documented():
    codes = [
        verdict.judge(one, KNOBS).exit_code for one in (evidence(), evidence(rmse=LOST), evidence(rmse=OPEN))
    ]
    assert codes == [0, 10, 11]


def test_answers_since_the_last_attempt_are_counted(tmp_path: Path):
    path, times = tmp_path / "last_retrain.json", np.array([10.0, 20.0, 30.0])
    assert verdict.answers_since(path, times) is None
    verdict.record_retrain(path, 20.0)
    assert verdict.answers_since(path, times) == 1
