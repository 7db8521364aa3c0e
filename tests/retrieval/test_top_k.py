import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stages.retrieval.top_k import best_unseen, top_k


def test_equal_scores_come_in_order_of_position():
    scores = np.array([1, 3, 2, 3, 2, 2], np.float32)
    assert top_k(scores, 4).tolist() == [1, 3, 2, 4]


def test_what_is_minus_infinity_is_never_returned():
    assert top_k(np.array([-np.inf, 1, -np.inf, 2], np.float32), 3).tolist() == [3, 1]


def test_asking_for_nothing_returns_nothing():
    assert top_k(np.array([1, 2], np.float32), 0).tolist() == []


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 35))
def test_it_is_the_start_of_a_stable_sort(values: list[int], k: int):
    scores = np.array(values, np.float32)
    expected = sorted(range(len(values)), key=lambda position: (-values[position], position))[:k]
    assert top_k(scores, k).tolist() == expected


def test_the_best_unseen_movies_and_their_scores():
    candidates = np.array([[1, 0], [0, 1], [2, 2], [3, 0]], np.float32)
    seen = np.array([3, 3], np.int32)
    movies, scores = best_unseen(candidates, np.array([1, 2], np.float32), seen, 2)
    assert movies.tolist() == [2, 1]  # scores 1, 2, 6 and, seen, 3
    assert scores.tolist() == [6, 2]
