"""Estimates of a challenger that nobody saw: by hand, and against a truth that is known."""

import numpy as np
import pytest

from marquee.monitoring.statistics import off_policy
from marquee.monitoring.statistics.off_policy import Logged, OffPolicyError

RUNS, VISITORS, MOVIES = 200, 180, 3


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)[:, None]


def test_snips_by_hand():
    # Weights 0.9/0.5, 0.1/0.5, 0.9/0.5 = 1.8, 0.2, 1.8: (1.8 + 0 + 1.8) / 3.8 with the second not clicked.
    logged = Logged(np.arange(3), column(1, 0, 1), column(0.5, 0.5, 0.5), column(0.9, 0.1, 0.9))
    assert off_policy.snips(logged, 100, 1, least=0).value == pytest.approx(3.6 / 3.8)
    assert logged.effective_size == pytest.approx(3.8**2 / (2 * 1.8**2 + 0.2**2))


def test_doubly_robust_by_hand():
    # 0.7 + 2 x (1 - 0.5) = 1.7 and 0.3 + 0.5 x (0 - 0.2) = 0.2: mean 0.95.
    logged = Logged(np.arange(2), column(1, 0), column(0.25, 0.5), column(0.5, 0.25))
    made = off_policy.doubly_robust(logged, column(0.5, 0.2), column(0.7, 0.3), 100, 1, least=0)
    assert made.value == pytest.approx(0.95)


def test_a_place_counts_by_all_places_above_it():
    logged = Logged(np.arange(1), np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]]), np.array([[1.0, 0.25]]))
    assert logged.weights.tolist() == [[2.0, 1.0]]


def test_the_champion_itself_earns_what_it_earned():
    rng = np.random.default_rng(0)
    propensity = rng.uniform(0.1, 1, (50, 3))
    reward = (rng.random((50, 3)) < 0.3).astype(np.float64)
    logged = Logged(np.arange(50), reward, propensity, propensity)
    assert off_policy.snips(logged, 100, 1, least=0).value == pytest.approx(reward.sum(axis=1).mean())
    assert logged.effective_size == pytest.approx(50)


def test_lists_that_are_worth_too_few_of_the_challengers_own_give_no_estimate():
    logged = Logged(np.arange(3), column(1, 0, 1), column(0.5, 0.5, 0.5), column(0.9, 0.1, 0.9))
    with pytest.raises(OffPolicyError, match="3 lists are worth 2 of the challenger's own; below 150"):
        off_policy.snips(logged, 100, 1)
    with pytest.raises(OffPolicyError, match="Record for longer, or leave more to chance"):
        off_policy.doubly_robust(logged, column(0, 0, 0), column(0, 0, 0), 100, 1)


@pytest.mark.parametrize(
    ("propensity", "target", "rule"),
    [(0.0, 0.5, "outside"), (1.5, 0.5, "outside"), (0.5, 1.5, "outside 0 to 1")],
)
def test_probabilities_that_are_none_are_refused(propensity: float, target: float, rule: str):
    with pytest.raises(OffPolicyError, match=rule):
        Logged(np.arange(1), column(1), column(propensity), column(target))


def test_plackett_luce_by_hand():
    # Shares 2, 1, 1 of 4: first 2/4; of what is left, 1/2; the last is sure.
    scores = np.log(np.array([2.0, 1.0, 1.0]))
    assert off_policy.place_probabilities(scores, np.array([0, 2, 1]), 1.0) == pytest.approx([0.5, 0.5, 1.0])
    assert off_policy.place_probabilities(scores, np.array([0, 2]), 0.0).tolist() == [1.0, 0.0]


def test_the_reward_of_a_place_is_the_mean_over_what_may_stand_there():
    # Shares 2, 1, 1 of 4: (2 x 1 + 1 x 0 + 1 x 0.5) / 4; without the first: the mean of 0 and 0.5.
    scores, reward = np.log(np.array([2.0, 1.0, 1.0])), np.array([1.0, 0.0, 0.5])
    assert off_policy.place_rewards(scores, np.array([0, 2]), 1.0, reward) == pytest.approx([0.625, 0.25])
    assert off_policy.place_rewards(scores, np.array([0, 2]), 0.0, reward).tolist() == [1.0, 0.0]


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    """A bandit of three movies; visitors come 1 to 8 times and click the more the more they like movies."""
    champion, challenger = np.array([0.6, 0.3, 0.1]), np.array([0.1, 0.3, 0.6])
    chance = np.array([0.2, 0.3, 0.5])
    truth = float(challenger @ chance)
    model = np.array([0.25, 0.25, 0.4])  # wrong on purpose: the propensities are right
    covered = np.zeros(2)
    for run in range(RUNS):
        rng = np.random.default_rng(run)
        visitor = np.repeat(np.arange(VISITORS), rng.integers(1, 9, VISITORS))
        shown = rng.choice(MOVIES, len(visitor), p=champion)
        liking = rng.uniform(0.5, 1.5, VISITORS)[visitor]
        reward = (rng.random(len(visitor)) < chance[shown] * liking).astype(np.float64)
        logged = Logged(visitor, reward[:, None], champion[shown][:, None], challenger[shown][:, None])
        robust = off_policy.doubly_robust(
            logged, model[shown][:, None], np.full((len(visitor), 1), challenger @ model), 300, run
        )
        for which, made in enumerate((off_policy.snips(logged, 300, run), robust)):
            covered[which] += made.low <= truth <= made.high
    assert (covered / RUNS >= 0.91).all()
    assert (covered / RUNS <= 0.985).all()
