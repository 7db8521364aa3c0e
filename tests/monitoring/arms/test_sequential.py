"""The sequence may be looked at after every visitor."""

import numpy as np
import pytest

from marquee.monitoring.arms import sequential
from marquee.monitoring.arms.sequential import Sums, looks, rho_squared, widening
from marquee.pipeline.arrays import Float64

EXPERIMENTS, VISITORS = 1_000, 3_000
ORDINARY = 1.96


def of_experiment(number: int, champion: float, challenger: float, share: float = 0.5) -> Sums:
    """Visitors with 1 to 5 lists each, of which each is clicked with the arm's probability."""
    rng = np.random.default_rng(number)
    in_challenger = rng.random(VISITORS) < share
    lists = rng.integers(1, 6, VISITORS)
    # Visitors differ: some click much more than others, which ties the lists of one together.
    eager = rng.beta(0.5, 1.5, VISITORS) * 4
    probability = np.minimum(eager * np.where(in_challenger, challenger, champion), 1.0)
    return Sums(rng.binomial(lists, probability).astype(np.float64), lists.astype(np.float64), in_challenger)


def share_decided(champion: float, challenger: float, share: float = 0.5) -> float:
    """In how many experiments a difference was found at any of the looks."""
    found = [
        looks(of_experiment(number, champion, challenger, share)).decided for number in range(EXPERIMENTS)
    ]
    return float(np.mean([one is not None for one in found]))


@pytest.mark.parametrize(("probability", "share"), [(0.2, 0.5), (0.03, 0.5), (0.1, 0.15)])
def test_where_there_is_no_difference_looking_after_every_visitor_finds_one_in_at_most_5_percent(
    probability: float, share: float
):
    assert share_decided(probability, probability, share) <= 0.05


def test_an_ordinary_interval_looked_at_as_often_would_find_one_far_more_often(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(sequential, "widening", lambda visitors: np.full(len(visitors), ORDINARY))
    assert share_decided(0.2, 0.2) > 0.15


def test_a_difference_that_is_there_is_found_and_has_its_sign():
    decided = [looks(of_experiment(number, 0.2, 0.28)).decided for number in range(60)]
    found = [one for one in decided if one is not None]
    assert len(found) > 54
    assert all(difference > 0 for _, difference in found)
    assert all(200 <= visitors < VISITORS for visitors, _ in found)


def test_the_visitor_who_decides_is_counted_and_later_looks_change_nothing():
    seen = sequential.Looks(np.array([np.nan, 0.1, -0.5, 0.6]), np.array([np.nan, 0.3, 0.4, 0.1]))
    assert seen.decided == (3, -0.5)


def test_the_interval_holds_the_true_difference_at_all_looks_together():
    # 0.28 and 0.2 are not quite the means: 4 x 0.28 x an eagerness near 1 is cut off at 1.
    truth = np.mean([_difference_of_all(of_experiment(number, 0.1, 0.14)) for number in range(EXPERIMENTS)])
    held = []
    for number in range(EXPERIMENTS):
        seen = looks(of_experiment(number, 0.1, 0.14))
        missed = np.abs(seen.difference - truth) > seen.half_width
        held.append(not missed.any())
    assert np.mean(held) >= 0.95


def test_the_widening_is_the_published_formula():
    # t = 100, rho^2 = 0.02: t rho^2 + 1 = 3, and
    # sqrt(2 x 3 / 2 x log(sqrt(3) / 0.05)) = sqrt(3 x 3.54504) = 3.26115.
    narrowest_at = (-2 * np.log(0.05) + np.log(-2 * np.log(0.05) + 1)) / 0.02
    assert rho_squared(narrowest_at) == pytest.approx(0.02)
    assert widening(np.array([100.0]), narrowest_at=narrowest_at)[0] == pytest.approx(3.26115, abs=1e-4)


def test_it_is_narrowest_where_it_was_asked_to_be():
    asked = widening(np.array([5_000.0]), narrowest_at=5_000)[0]
    others = [widening(np.array([5_000.0]), narrowest_at=other)[0] for other in (1_000, 3_000, 8_000, 50_000)]
    assert all(asked < other for other in others)
    assert asked == pytest.approx(3.0, abs=0.1)


def test_a_difference_of_ratios_and_its_width_worked_out_by_hand():
    # Champion: 1 of 2, 0 of 1, 2 of 3: ratio 3 / 6 = 0.5, residuals 0, -0.5, 0.5: sum of squares 0.5,
    # variance 0.5 / 36 x 3 / 2 = 1/48.
    # Challenger: 2 of 2, 1 of 2: ratio 0.75, residuals 0.5, -0.5, variance 0.5 / 16 x 2 = 1/16.
    sums = Sums(
        np.array([1.0, 2.0, 0.0, 1.0, 2.0]),
        np.array([2.0, 2.0, 1.0, 2.0, 3.0]),
        np.array([False, True, False, True, False]),
    )
    seen = looks(sums, fewest=2)
    assert np.isnan(seen.difference[:3]).all()
    assert seen.difference[4] == pytest.approx(0.25)
    expected = widening(np.array([5.0]))[0] * np.sqrt(1 / 48 + 1 / 16)
    assert seen.half_width[4] == pytest.approx(expected)
    # Before the last champion came: 1 of 3, residuals 1/3 and -1/3: 2/9 / 9 x 2 = 4/81.
    assert seen.difference[3] == pytest.approx(0.75 - 1 / 3)
    assert seen.half_width[3] == pytest.approx(widening(np.array([4.0]))[0] * np.sqrt(4 / 81 + 1 / 16))


def test_roots_are_compared_by_the_delta_method():
    rng = np.random.default_rng(0)
    errors: Float64 = rng.normal(0, 0.9, 4_000) ** 2
    sums = Sums(errors, np.ones(4_000), np.arange(4_000) % 2 == 0)
    seen, squared = looks(sums, root=True), looks(sums)
    # d sqrt(x) = dx / (2 sqrt(x)) with sqrt(x) near 0.9.
    assert seen.half_width[-1] == pytest.approx(squared.half_width[-1] / 1.8, rel=0.05)
    assert seen.difference[-1] == pytest.approx(squared.difference[-1] / 1.8, rel=0.05)


def test_there_is_no_look_before_enough_visitors_of_both_arms_say_something():
    silent = np.zeros(150), np.zeros(150)
    loud = np.tile([0.0, 1.0], 75), np.ones(150)
    top = np.concatenate([loud[0], silent[0], loud[0]])
    bottom = np.concatenate([loud[1], silent[1], loud[1]])
    challenger = np.concatenate([np.zeros(150, bool), np.ones(300, bool)])
    seen = looks(Sums(top, bottom, challenger))
    assert np.isnan(seen.half_width[:399]).all()
    assert np.isfinite(seen.half_width[399:]).all()


def test_visitors_who_all_do_the_same_decide_nothing():
    sums = Sums(np.ones(1_000), np.ones(1_000), np.arange(1_000) % 2 == 0)
    assert looks(sums).decided is None


def _difference_of_all(sums: Sums) -> float:
    sides = [
        sums.numerator[sums.challenger == arm].sum() / sums.denominator[sums.challenger == arm].sum()
        for arm in (True, False)
    ]
    return float(sides[0] - sides[1])
