"""Sources on a catalogue of six movies."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.pipeline.arrays import Bool
from marquee.serving.recommender import candidates
from marquee.serving.recommender.candidates import Candidates
from marquee.serving.recommender.sources import registry
from marquee.serving.recommender.sources.source import UNBOUNDED
from tests.fixtures.tiny_pipeline import VALUES

TWO_TOWER = np.array([0.1, 0.9, 0.8, 0.7, 0.2, 0.3], np.float32)
SIMILAR = np.array([2.0, 0.0, -1.0, 0.0, 1.0, 0.0], np.float32)
POPULAR = np.array([0, 1, 2, 3, 4, 5], np.float32)
ALL = np.ones(6, bool)


@pytest.fixture(scope="module", autouse=True)
def three() -> Iterator[None]:
    """The registry without what may be added to it: two-tower, similar, popular."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "SOURCES", registry.SOURCES[:3])
        yield


def union(
    quotas: tuple[int, int, int], similar: candidates.Float32 = SIMILAR, allowed: Bool = ALL
) -> Candidates:
    two_tower, of_similar, popular = quotas
    params = VALUES.model_copy(
        update={"two_tower_quota": two_tower, "similar_quota": of_similar, "popular_quota": popular}
    )
    return candidates.union([TWO_TOWER, similar, POPULAR], allowed, params)


def named(found: Candidates) -> list[str]:
    return [registry.SOURCES[position].name for position in found.source]


def test_each_source_gives_its_quota_and_the_union_stands_once_in_order():
    # two_tower: 1, 2; similar: 0, 4; popular: 5.
    found = union((2, 2, 1))
    assert found.movie_index.tolist() == [0, 1, 2, 4, 5]
    assert named(found) == ["similar", "two_tower", "two_tower", "similar", "popular"]
    assert found.by_source() == {"two_tower": 2, "similar": 2, "popular": 1}
    np.testing.assert_array_equal(
        found.scores, [TWO_TOWER[[0, 1, 2, 4, 5]], SIMILAR[[0, 1, 2, 4, 5]], POPULAR[[0, 1, 2, 4, 5]]]
    )


def test_a_movie_of_several_sources_is_named_after_the_one_that_puts_it_highest():
    similar = np.array([0, 2.0, 3.0, 0, 0, 0], np.float32)  # 2 is its first, 1 its second
    found = union((2, 2, 0), similar)
    assert found.movie_index.tolist() == [1, 2]
    assert named(found) == ["two_tower", "similar"]


def test_of_two_sources_that_put_a_movie_equally_high_the_first_is_named():
    similar = np.array([0, 2.0, 0, 0, 0, 0], np.float32)
    found = union((1, 1, 0), similar)
    assert named(found) == ["two_tower"]
    assert found.by_source() == {"two_tower": 1, "similar": 0, "popular": 0}


def test_similar_movies_are_those_with_a_score_above_0():
    assert union((1, 5, 0), np.zeros(6, np.float32)).movie_index.tolist() == [1]


def test_what_is_not_allowed_leaves_its_place_to_the_next():
    allowed = np.array([True, False, True, True, True, False])
    assert union((1, 0, 1), allowed=allowed).movie_index.tolist() == [2, 4]


@given(st.lists(st.booleans(), min_size=6, max_size=6))
def test_nothing_but_allowed_movies_comes_out(allowed: list[bool]):
    found = union((6, 6, 6), allowed=np.array(allowed))
    assert found.movie_index.tolist() == np.flatnonzero(allowed).tolist()


@given(st.integers(1, 200), st.integers(0, 60), st.sampled_from([UNBOUNDED, 0.0]), st.integers(0, 2**32 - 1))
def test_a_source_gives_its_best_of_those_that_may_be_given(size: int, k: int, above: float, seed: int):
    rng = np.random.default_rng(seed)
    scores = np.round(rng.normal(size=size), 1).astype(np.float32)  # some are equal
    allowed = rng.random(size) < 0.8
    best = candidates._best(scores, above, allowed, np.flatnonzero(~allowed), k)
    rows = [row for row in np.lexsort((np.arange(size), -scores)) if allowed[row] and scores[row] > above]
    assert best.tolist() == rows[:k]
