"""Sources on a catalogue of six movies."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from marquee.models.neighbours.item_item import ItemItem
from marquee.serving.recommender import sources

TWO_TOWER = np.array([0.1, 0.9, 0.8, 0.7, 0.2, 0.3], np.float32)
SIMILAR = np.array([2.0, 0.0, -1.0, 0.0, 1.0, 0.0], np.float32)
POPULAR = np.array([5, 4, 3, 2, 1, 0])  # the most popular first
ALL = np.ones(6, bool)


def test_each_source_gives_its_quota_and_the_union_stands_once_in_order():
    # two_tower: 1, 2; similar: 0, 4; popular: 5.
    found = sources.gather(TWO_TOWER, SIMILAR, POPULAR, ALL, (2, 2, 1))
    assert found.movie_index.tolist() == [0, 1, 2, 4, 5]
    assert [sources.SOURCES[code] for code in found.source] == [
        "similar", "two_tower", "two_tower", "similar", "popular",
    ]  # fmt: skip
    np.testing.assert_array_equal(found.two_tower, TWO_TOWER[[0, 1, 2, 4, 5]])
    np.testing.assert_array_equal(found.similar, SIMILAR[[0, 1, 2, 4, 5]])


def test_a_movie_of_several_sources_is_named_after_the_one_that_puts_it_highest():
    similar = np.array([0, 2.0, 3.0, 0, 0, 0], np.float32)  # 2 is its first, 1 its second
    found = sources.gather(TWO_TOWER, similar, POPULAR, ALL, (2, 2, 0))
    assert found.movie_index.tolist() == [1, 2]
    assert [sources.SOURCES[code] for code in found.source] == ["two_tower", "similar"]


def test_similar_movies_are_those_with_a_score_above_0():
    found = sources.gather(TWO_TOWER, np.zeros(6, np.float32), POPULAR, ALL, (1, 5, 0))
    assert found.movie_index.tolist() == [1]


def test_what_is_not_allowed_leaves_its_place_to_the_next():
    allowed = np.array([True, False, True, True, True, False])
    found = sources.gather(TWO_TOWER, SIMILAR, POPULAR, allowed, (1, 0, 1))
    assert found.movie_index.tolist() == [2, 4]


@given(st.lists(st.booleans(), min_size=6, max_size=6))
def test_nothing_but_allowed_movies_comes_out(allowed: list[bool]):
    found = sources.gather(TWO_TOWER, SIMILAR, POPULAR, np.array(allowed), (6, 6, 6))
    assert found.movie_index.tolist() == np.flatnonzero(allowed).tolist()


def test_similar_scores_are_sums_in_standard_deviations_of_the_catalogue():
    # 0 -> 1 by 1, 2 -> 1 by 2; the history holds 0 at strength 1 and 2 at strength 0.5: movie 1 sums up to 2.
    neighbours = ItemItem(np.array([0, 1, 1, 2]), np.array([1, 1], np.int32), np.array([1, 2], np.float32))
    scores = sources.similar_scores(
        neighbours, np.array([0, 2], np.int32), np.array([1, 0.5], np.float32), num_movies=4
    )
    # Sums (0, 2, 0, 0): mean 0.5, variance 1 - 0.25.
    np.testing.assert_allclose(scores, [0, 2 / np.sqrt(0.75), 0, 0], rtol=1e-6)


def test_without_a_history_nothing_is_similar():
    neighbours = ItemItem(np.zeros(5, np.int64), np.array([], np.int32), np.array([], np.float32))
    empty = sources.similar_scores(neighbours, np.array([], np.int32), np.array([], np.float32), 4)
    assert empty.tolist() == [0, 0, 0, 0]
