"""Item-item weights on a handful of movies."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.data.tables.interactions import TRAIN, VALIDATION, Interactions
from marquee.evaluation.measures import events
from marquee.models.baselines.baselines import Ease, fit_ease
from marquee.models.neighbours import fitting, item_item
from marquee.models.neighbours.item_item import ItemItem
from marquee.pipeline.params import Neighbours

# 0 -> 2 by 0.5, 0 -> 3 by -0.25; 1 has none; 2 -> 0 by 1.0; 3 has none.
SMALL = ItemItem(
    start=np.array([0, 2, 2, 3, 3]),
    movie_index=np.array([2, 3, 0], np.int32),
    weight=np.array([0.5, -0.25, 1.0], np.float32),
)


def with_params(**changes: object) -> Neighbours:
    values = {"max_movies": 100, "kept_per_movie": 100, "other_weight": 0.5, "regularization": 1.0}
    values |= {"disliked_below": 3.0, "disliked_weight": -0.5}
    return Neighbours.model_validate(values | changes)


def watched_together() -> Interactions:
    """Ten people see movies 0 and 1, ten others 2, nobody 3; one more is asked about 0 and 1."""
    user = np.concatenate([np.repeat(np.arange(10), 2), np.arange(10, 20), [20, 20]]).astype(np.int32)
    movie = np.concatenate([np.tile([0, 1], 10), np.full(10, 2), [0, 1]]).astype(np.int32)
    time = np.concatenate([np.tile([1, 2], 10), np.ones(10), [5, 6]]).astype(np.int64)
    period = np.concatenate([np.full(30, TRAIN), [VALIDATION, VALIDATION]]).astype(np.uint8)
    return Interactions(user, movie, np.full(32, 8, np.uint8), time, period, num_users=21, num_movies=4)


def test_the_neighbours_of_a_history_are_those_of_its_movies_in_order():
    position, movie, weight = SMALL.of_history(np.array([2, 1, 0], np.int32))
    assert position.tolist() == [0, 2, 2]
    assert movie.tolist() == [0, 2, 3]
    assert weight.tolist() == [1.0, 0.5, -0.25]


def test_an_empty_history_has_no_neighbours():
    assert [part.tolist() for part in SMALL.of_history(np.array([], np.int32))] == [[], [], []]


def test_movies_added_behind_have_no_neighbours_and_change_none():
    grown = SMALL.grown_to(6)
    assert len(grown.start) == 7
    position, movie, _ = grown.of_history(np.array([5, 0, 4], np.int32))
    assert position.tolist() == [1, 1]
    assert movie.tolist() == [2, 3]


def test_the_largest_weights_by_size_are_kept_whatever_their_sign():
    weights = np.array([[0, 0.1, -0.9], [0.2, 0, 0.3], [0.05, 0.8, 0]], np.float32)
    kept = fitting.largest(Ease(np.array([0, 2, 3]), weights, None), num_movies=5, kept_per_movie=1)
    assert kept.start.tolist() == [0, 1, 1, 2, 3, 3]  # movies 0, 2 and 3; 1 and 4 were not fitted
    assert kept.movie_index.tolist() == [3, 3, 2]
    np.testing.assert_allclose(kept.weight, [-0.9, 0.3, 0.8])


def test_the_diagonal_is_never_a_neighbour_however_many_are_kept():
    weights = np.zeros((2, 2), np.float32)
    weights[0, 1] = 0.5
    kept = fitting.largest(Ease(np.array([0, 1]), weights, None), num_movies=2, kept_per_movie=9)
    assert (kept.movie_index.tolist(), kept.weight.tolist()) == ([1], [0.5])


def test_who_liked_a_movie_counts_more_than_who_did_not():
    ratings = np.array([5.0, 4.0, 3.5], np.float32)
    assert item_item.strengths(ratings, 4.0, with_params()).tolist() == [1.0, 1.0, 0.5]


def test_a_disliked_movie_speaks_against_its_like():
    ratings = np.array([4.0, 3.0, 2.5, 0.5], np.float32)
    weighing = with_params(disliked_below=3.0, disliked_weight=-0.25)
    assert item_item.strengths(ratings, 4.0, weighing).tolist() == [1.0, 0.5, -0.25, -0.25]


def test_what_counts_as_liked_is_never_disliked():
    weighing = with_params(disliked_below=3.0, disliked_weight=-1.0)
    assert item_item.strengths(np.array([2.0, 1.0], np.float32), 2.0, weighing).tolist() == [1.0, -1.0]


@pytest.mark.parametrize("weight", [-1.1, 0.1])
def test_a_disliked_movie_never_speaks_for_its_like(weight: float):
    with pytest.raises(ValueError, match="disliked_weight"):
        with_params(disliked_weight=weight)


def test_movies_seen_by_the_same_people_find_each_other():
    table = watched_together()
    fitted = fitting.fit(table.in_periods(TRAIN), with_params())
    position, movie, weight = fitted.of_history(np.array([0], np.int32))
    best = movie[np.argmax(weight)]
    assert best == 1
    assert set(position.tolist()) == {0}


@given(st.floats(0.1, 1.0))
def test_with_all_weights_kept_events_score_as_ease_scores_them_times_the_strength(strength: float):
    table = watched_together()
    asked = events.of_period(table, VALIDATION, 10, seed=1)
    fitted = table.in_periods(TRAIN)
    strengths = np.full(len(table), strength, np.float32)
    ours = fitting.scorer(fitting.fit(fitted, with_params()), table, strengths)(asked)
    ease = fit_ease(fitted, 1.0, 100).scorer(table)(asked)
    np.testing.assert_allclose(ours, ease * np.float32(strength), rtol=1e-4, atol=1e-6)


def test_what_is_written_is_read_back(tmp_path: Path):
    item_item.write(SMALL, tmp_path / "weights.npz")
    again = item_item.read(tmp_path / "weights.npz")
    for name in ("start", "movie_index", "weight"):
        np.testing.assert_array_equal(getattr(again, name), getattr(SMALL, name))
        assert getattr(again, name).dtype == getattr(SMALL, name).dtype


@pytest.mark.parametrize("weight", [-0.1, 1.1])
def test_a_movie_that_was_not_liked_counts_between_nothing_and_one(weight: float):
    with pytest.raises(ValueError, match="other_weight"):
        with_params(other_weight=weight)
