import numpy as np
import pytest

from benchmarks.neighbours import fit_neighbours, histories_matrix, people_matrix
from marquee.data.tables.interactions import Interactions
from marquee.evaluation.measures.events import Events


def test_similarity_is_the_damped_cosine_of_who_rated_both(table: Interactions):
    weights = fit_neighbours(table, k=2, shrink=1.0).weights.toarray()
    # Movies 0 and 2 were rated by the same two people, movie 4 by one of them and another.
    assert weights[0, 2] == pytest.approx(2 / (2 + 1))
    assert weights[0, 4] == weights[4, 2] == pytest.approx(1 / (2 + 1))
    assert np.diag(weights).tolist() == [0] * 5
    assert weights[1].tolist() == [0] * 5


def test_a_movie_keeps_its_k_nearest(table: Interactions):
    weights = fit_neighbours(table, k=1, shrink=0.0).weights.toarray()
    assert np.count_nonzero(weights, axis=1).tolist() == [1, 0, 1, 0, 1]
    assert weights[2, 0] == pytest.approx(1.0)
    assert weights[4, 0] == pytest.approx(1 / 2)  # 0 and 2 are as near: the first stays


def test_an_event_is_scored_by_the_movies_before_it(table: Interactions):
    model = fit_neighbours(table, k=2, shrink=1.0)
    scores = model.scorer(table)(Events(np.array([2, 3]), np.array([0, 3]), np.array([1, 3])))
    assert scores[0] == pytest.approx(model.weights.toarray()[2])  # movie 2 alone was seen
    assert scores[1].tolist() == [0] * 5  # nothing was


def test_people_without_a_rating_are_left_out_and_a_movie_seen_twice_counts_once(table: Interactions):
    assert people_matrix(table).toarray().tolist() == [[1, 0, 1, 0, 1], [1, 0, 1, 0, 0], [0, 0, 0, 0, 1]]
    twice = table.only(np.array([True] * 6))
    twice.movie_index[1] = 2
    events = Events(np.array([2]), np.array([0]), np.array([2]))
    assert histories_matrix(twice, events).toarray().tolist() == [[0, 0, 1, 0, 0]]
