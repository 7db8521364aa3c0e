"""Which movies a new visitor is asked about."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.serving.service.first_titles import telling

RATED = np.arange(100, 0, -1, dtype=np.float32)
"""More of the first movies."""
SIX = np.array([[0, 1], [1, 0], [-1, 0], [1, 0], [-1, 0], [0, -1]], dtype=np.float32)
"""Of mean 0: four differ from right to left, two up and down."""


def test_the_movie_that_explains_most_is_first_then_what_explains_most_of_the_rest():
    # Rows 1 to 4 explain 4 of the 6 squares each, row 0, which is rated most, and row 5 only 2: the other 2.
    assert telling(SIX, RATED[:6], asked=2).tolist() == [1, 0]
    assert telling(SIX, RATED[:6][::-1].copy(), asked=2).tolist() == [4, 5]


def test_where_nothing_is_left_to_explain_the_most_rated_follow_and_none_comes_twice():
    assert telling(SIX, RATED[:6]).tolist() == [1, 0, 2, 3, 4, 5]
    alike = np.ones((5, 3), dtype=np.float32)
    assert telling(alike, RATED[:5], asked=3).tolist() == [0, 1, 2]


def test_only_the_most_rated_movies_are_asked_about_and_none_that_nobody_rated():
    vectors = np.eye(5, dtype=np.float32)
    count = np.array([0, 5, 9, 1, 7], dtype=np.float32)
    assert set(telling(vectors, count, known=3)) == {1, 2, 4}
    assert set(telling(vectors, count)) == {1, 2, 3, 4}
    assert len(telling(vectors, np.zeros(5, dtype=np.float32))) == 0


def test_the_length_of_a_vector_does_not_count():
    longer = SIX * np.array([[64], [1], [1], [1], [1], [64]], dtype=np.float32)
    assert telling(longer, RATED[:6], asked=2).tolist() == [1, 0]


@given(st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_the_first_explains_most_of_all_whatever_the_vectors(asked: int, seed: int):
    vectors = np.random.default_rng(seed).normal(size=(30, 6)).astype(np.float32)
    chosen = telling(vectors, RATED[:30], asked=asked)
    assert len(set(chosen.tolist())) == asked
    left = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    left = left - left.mean(axis=0)
    explained = [np.square(left @ row).sum() / np.square(row).sum() for row in left]
    assert explained[chosen[0]] == pytest.approx(max(explained), rel=1e-4)
