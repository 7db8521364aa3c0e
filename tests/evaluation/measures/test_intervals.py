"""Bootstrap over users: exact where it can be, and its properties."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.evaluation.measures import intervals
from marquee.pipeline.scores import Score

EVENTS = st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=60)


def columns(rows):
    users, values = zip(*rows, strict=True)
    return np.array(values), np.array(users)


def test_the_value_is_the_mean_over_events_not_over_users():
    interval = intervals.mean(np.array([1, 1, 1, 0.0]), np.array([5, 5, 5, 8]), samples=50, seed=0)
    assert interval.value == 0.75


def test_two_people_give_the_three_draws_there_are():
    # Draws: (A, A) 1, (A, B) and (B, A) 3/4, (B, B) 0; each end has probability 1/4, far above 2.5 %.
    interval = intervals.mean(np.array([1, 1, 1, 0.0]), np.array([5, 5, 5, 8]), samples=400, seed=0)
    assert (interval.low, interval.high) == (0.0, 1.0)


def test_the_width_is_that_of_independent_people():
    # 400 people with one event each, half hits: standard error 0.5 / 20, so 95 % is 0.5 +- 0.049.
    hits = np.arange(400) % 2 == 0
    interval = intervals.mean(hits, np.arange(400), samples=4000, seed=1)
    assert interval.low == pytest.approx(0.451, abs=0.004)
    assert interval.high == pytest.approx(0.549, abs=0.004)


def test_many_events_of_one_person_count_as_one_person():
    hits, users = np.arange(400) % 2 == 0, np.arange(400)
    once = intervals.mean(hits, users, samples=500, seed=1)
    copied = intervals.mean(np.repeat(hits, 9), np.repeat(users, 9), samples=500, seed=1)
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))


@given(EVENTS, st.integers(0, 5))
def test_the_interval_contains_the_value(rows, seed):
    values, users = columns(rows)
    interval = intervals.mean(values, users, samples=300, seed=seed)
    assert 0 <= interval.low <= interval.value + 1e-12
    assert interval.value - 1e-12 <= interval.high <= 1


@given(EVENTS, st.integers(0, 5))
def test_the_same_seed_gives_the_same_interval(rows, seed):
    values, users = columns(rows)
    assert intervals.mean(values, users, 50, seed) == intervals.mean(values, users, 50, seed)


def test_the_chunk_does_not_change_the_draws(monkeypatch):
    values, users = np.arange(30.0), np.arange(30) % 7
    whole = intervals.mean(values, users, samples=100, seed=2)
    monkeypatch.setattr(intervals, "CHUNK_CELLS", 40)
    assert intervals.mean(values, users, samples=100, seed=2) == whole


def test_rmse_is_the_root_of_the_mean_square():
    interval = intervals.rmse(np.array([1.0, 0.0, 9.0]), np.array([0, 0, 1]), samples=400, seed=0)
    # Draws of two people: A alone 1 / 2, both 10 / 3, B alone 9.
    assert interval.value == pytest.approx(math.sqrt(10 / 3))
    assert (interval.low, interval.high) == pytest.approx((math.sqrt(0.5), 3.0))


def test_a_pair_shares_its_draws():
    # Everyone is better by exactly 0.1: people differ, the difference does not.
    values, users = np.linspace(0, 1, 50), np.arange(50)
    interval = intervals.mean_difference(values + 0.1, values, users, samples=200, seed=0)
    assert (interval.low, interval.value, interval.high) == pytest.approx((0.1, 0.1, 0.1))


def test_the_difference_of_hits_is_the_first_minus_the_second():
    # Person A: one hit more in two events; B: both hit in one event. Draws: (A, A) 1/2, mixed 1/3, (B, B) 0.
    hits, others, users = np.array([True, True, True]), np.array([False, True, True]), np.array([0, 0, 1])
    better = intervals.mean_difference(hits, others, users, samples=400, seed=0)
    assert (better.low, better.value, better.high) == pytest.approx((0, 1 / 3, 1 / 2))
    worse = intervals.mean_difference(others, hits, users, samples=400, seed=0)
    assert (worse.low, worse.value, worse.high) == pytest.approx((-1 / 2, -1 / 3, 0))


def test_the_difference_of_rmse_is_of_roots_and_paired():
    errors, others, users = np.full(3, 9.0), np.full(3, 4.0), np.array([0, 1, 2])
    interval = intervals.rmse_difference(errors, others, users, samples=100, seed=0)
    assert (interval.low, interval.value, interval.high) == pytest.approx((1.0, 1.0, 1.0))


def test_nothing_measured_is_not_a_number():
    none = np.array([])
    for interval in (intervals.mean(none, none, 10, 0), intervals.rmse_difference(none, none, none, 10, 0)):
        assert all(math.isnan(number) for number in (interval.value, interval.low, interval.high))


def test_an_interval_is_a_row_of_a_table_of_scores():
    score = intervals.Interval(0.3, 0.2, 0.4).score("top_100_accuracy", "ease", "minus_popularity")
    assert score == Score("top_100_accuracy", 0.3, "ease", "minus_popularity", low=0.2, high=0.4)
