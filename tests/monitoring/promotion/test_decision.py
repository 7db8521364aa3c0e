"""The rules of promotion, one by one: 100 users with two events each unless a test says otherwise."""

import numpy as np
import pytest

from marquee.evaluation.measures.intervals import Interval
from marquee.monitoring.promotion import decision
from marquee.monitoring.promotion.decision import Figure, Measure
from marquee.pipeline.arrays import Float64
from tests.fixtures.tiny_pipeline import PARAMS

KNOBS = PARAMS.monitoring.promotion.model_copy(update={"min_users": 50})
SAMPLES, SEED = 1000, 3
USERS = np.repeat(np.arange(100), 2)


def measure(gains: Float64, name: str = "ndcg_at_10", margin: float = 0.01, users=USERS) -> Measure:
    champion = np.linspace(0, 1, len(gains))
    return Measure(name, champion, champion + gains, users, margin)


def noise(mean: float, seed: int = 0) -> Float64:
    """(200,) gains of exactly this mean, spread by exactly 0.1 from user to user."""
    drawn = np.random.default_rng(seed).normal(size=100)
    return np.repeat(0.1 * (drawn - drawn.mean()) / drawn.std() + mean, 2)


def decide(headlines, guards=(), figures=()) -> decision.Decision:
    return decision.decide(headlines, guards, figures, KNOBS, SAMPLES, SEED)


def outcomes(decided: decision.Decision) -> dict[str, str]:
    return {line.name: line.outcome for line in decided.lines}


def test_a_gain_whose_interval_is_above_zero_is_promoted():
    # Of 100 users with a spread of 0.1 the mean's error is 0.01: 0.05 is five of those above 0.
    decided = decide([measure(noise(0.05))])
    assert decided.promote
    assert decided.exit_code == decision.PROMOTED
    assert "shown to be better" in decided.reasons[0]
    (line,) = decided.lines
    assert line.gain.value == pytest.approx(0.05)
    assert line.gain.low == pytest.approx(0.05 - 1.96 * 0.01, abs=0.004)


def test_a_gain_whose_interval_touches_zero_is_not():
    decided = decide([measure(noise(0.01))])
    assert not decided.promote
    assert decided.exit_code == decision.KEPT
    assert outcomes(decided) == {"ndcg_at_10": "kept"}
    assert "not shown to be better" in decided.reasons[0]


def test_a_bundle_that_answers_the_same_is_not_promoted():
    decided = decide([measure(np.zeros(200))])
    assert not decided.promote
    assert decided.lines[0].gain == Interval(0.0, 0.0, 0.0)


def test_a_guard_that_falls_by_more_than_its_margin_refuses():
    better = measure(noise(0.05))
    kept = decide([better], [measure(noise(-0.009), "cold_movies")])
    refused = decide([better], [measure(noise(-0.011), "cold_movies")])
    assert kept.promote
    assert not refused.promote
    assert outcomes(refused) == {"ndcg_at_10": "better", "cold_movies": "fell"}
    assert refused.reasons[-1].startswith("cold_movies better by -0.0110")


def test_a_guard_that_is_better_promotes_nothing():
    decided = decide([measure(np.zeros(200))], [measure(noise(0.05), "cold_movies")])
    assert not decided.promote
    assert outcomes(decided) == {"ndcg_at_10": "kept", "cold_movies": "kept"}


def test_headlines_guard_each_other():
    errors = Measure("rmse", np.full(200, 1.0), np.full(200, 1.21), USERS, 0.05, errors=True)
    decided = decide([measure(noise(0.05)), errors])
    assert not decided.promote
    assert outcomes(decided) == {"ndcg_at_10": "better", "rmse": "fell"}
    # The roots of 1 and 1.21 differ by 0.1, and more is worse.
    assert decided.lines[1].gain.value == pytest.approx(-0.1)
    assert (decided.lines[1].champion, decided.lines[1].challenger) == pytest.approx((1.0, 1.1))


def test_one_of_two_headlines_is_enough_and_both_share_the_errors():
    # 2.1 standard errors above 0: beyond the 1.96 of one measure, not beyond the 2.24 of one of two.
    narrow = measure(noise(0.021))
    assert decide([narrow]).promote
    both = decide([narrow, measure(np.zeros(200), "rmse")])
    assert not both.promote
    assert both.level == pytest.approx(0.975)
    assert decide([measure(noise(0.05)), measure(np.zeros(200), "rmse")]).promote


def test_a_measure_of_few_users_says_nothing_either_way():
    few = np.repeat(np.arange(49), 2)
    large, fall = np.full(98, 0.2), np.full(98, -0.2)
    decided = decide([measure(large, users=few)])
    assert not decided.promote
    assert decided.reasons == (
        "ndcg_at_10 better by +0.2000 (+0.2000 to +0.2000): 49 users, fewer than the 50 that decide",
    )
    assert decide([measure(noise(0.05))], [measure(fall, "no_history", users=few)]).promote


def test_without_any_event_nothing_is_promoted():
    none = np.empty(0)
    decided = decide([Measure("ndcg_at_10", none, none, none.astype(np.int64), 0.01)])
    assert not decided.promote
    assert outcomes(decided) == {"ndcg_at_10": "few"}
    assert decided.reasons == ("ndcg_at_10: 0 users, fewer than the 50 that decide",)


def test_a_figure_must_reach_what_it_must():
    better = measure(noise(0.05))
    assert decide([better], figures=[Figure("coverage", 0.50, 0.46, least=0.45)]).promote
    refused = decide([better], figures=[Figure("coverage", 0.50, 0.44, least=0.45)])
    assert not refused.promote
    assert refused.reasons[-1] == "coverage 0.5 -> 0.44: refused, at least 0.45"
    slow = decide([better], figures=[Figure("latency_p99_ms", 20.0, 401.0, most=400.0)])
    assert slow.reasons[-1] == "latency_p99_ms 20 -> 401: refused, at most 400"
    assert slow.lines[-1].gain.value == -381.0


def test_users_are_drawn_and_not_events():
    # One user's thousand events that gain say nothing of the other 99, who each lose a little.
    users = np.concatenate([np.zeros(1000, dtype=np.int64), np.arange(1, 100)])
    gains = np.concatenate([np.full(1000, 0.2), np.full(99, -0.05)])
    assert not decide([measure(gains, users=users)]).promote


def test_of_a_hundred_null_retrains_few_are_promoted():
    promoted = sum(
        decide([measure(np.repeat(np.random.default_rng(seed).normal(0, 0.1, 100), 2))]).promote
        for seed in range(100)
    )
    # 2.5 are expected: the upper side of a 95 % interval. Eight or more come by chance once in 400 times.
    assert promoted < 8


def test_a_fall_by_exactly_the_margin_is_allowed_and_any_more_is_none():
    champion = np.full(200, 0.5)
    for fall, outcome in ((0.25, "kept"), (0.375, "fell")):
        guard = Measure("cold_movies", champion, champion - fall, USERS, margin=0.25)
        assert outcomes(decide([measure(noise(0.05))], [guard]))["cold_movies"] == outcome


def test_exactly_the_users_asked_for_are_enough():
    for users, outcome in ((50, "better"), (49, "few")):
        few = measure(np.full(2 * users, 0.05), users=np.repeat(np.arange(users), 2))
        assert outcomes(decide([few])) == {"ndcg_at_10": outcome}
