import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from marquee.serving.recommender.top_k import top_k


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


@given(st.integers(0, 2**32 - 1), st.integers(100, 3000), st.integers(1, 40), st.integers(1, 2000))
def test_it_is_the_start_of_a_stable_sort_of_many_scores_too(seed: int, count: int, k: int, values: int):
    # More scores than GROUP x k, where the threshold is that of the groups' maxima; few values tie often.
    scores = np.random.default_rng(seed).integers(0, values, count).astype(np.float32)
    assert top_k(scores, k).tolist() == np.argsort(-scores, kind="stable")[:k].tolist()
