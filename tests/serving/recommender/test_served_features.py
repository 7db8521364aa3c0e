"""What the exported models are asked when a history is served is what they were trained on, to the bit.

No model is needed to see it: in place of the exported ones stand some that keep what they were given.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from marquee.data.tables.interactions import TEST, Interactions
from marquee.evaluation.measures import events
from marquee.evaluation.measures.events import Events
from marquee.models.features.movies import content_of
from marquee.models.ranking import rows
from marquee.models.retrieval.batches import Histories, event_batch
from marquee.pipeline.arrays import Float32
from marquee.serving.recommender import recommender
from marquee.serving.recommender.recommender import Recommender
from marquee.serving.replay import histories
from tests.serving import small
from tests.serving.small import DIM, MOVIES, NOW

LENGTH = 10
"""Movies of a history that the query tower reads, in the bundle made by hand."""


class Kept:
    """Keeps the latest inputs of each model; answers with as many zeros as there must be."""

    given: dict[bytes, dict[str, Any]]

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __call__(self, **inputs: Any) -> Float32:
        Kept.given[self._content] = inputs
        shape = (1, DIM) if self._content == b"query_tower" else len(inputs["features"])
        return np.zeros(shape, np.float32)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recommender]:
    monkeypatch.setattr(recommender, "LiteRtModel", Kept)
    Kept.given = {}
    packaged = small.packaged()
    yield Recommender(packaged.bundle, packaged.recommender)
    del Kept.given


@pytest.fixture
def table() -> Interactions:
    """People with 0 to 27 ratings before they are asked, some in the same second, some sittings apart."""
    rng = np.random.default_rng(4)
    lengths = [1, 2, 6, 10, 11, 15, 16, 28]
    user = np.repeat(np.arange(len(lengths)), lengths).astype(np.int32)
    gap = rng.choice([0, 40, 3_600, 3_601, 500_000], len(user))
    time = NOW - 40_000_000 + np.cumsum(gap)
    movie = rng.integers(0, MOVIES, len(user)).astype(np.int32)
    order = np.lexsort((movie, time, user))
    half_stars = rng.integers(1, 11, len(user)).astype(np.uint8)
    period = np.full(len(user), TEST, np.uint8)
    return Interactions(user, movie[order], half_stars, time, period, len(lengths), MOVIES)


@pytest.fixture
def asked(table: Interactions) -> Events:
    every = events.of_period(table, TEST, 100, seed=1)
    lengths = every.history_end - every.history_start
    assert {0, 1, LENGTH, LENGTH + 1, 27} <= set(lengths.tolist())
    return every


def test_a_query_is_asked_what_the_two_tower_was_trained_on(
    served: Recommender, table: Interactions, asked: Events
):
    of_table = Histories(table, served.index.movies.catalogue)
    together = event_batch(of_table, asked, LENGTH)
    for position in range(len(asked)):
        served.query(*histories.of_event(table, asked, position))
        given = Kept.given[b"query_tower"]
        window, read_at = together["read_at"][position]
        assert given["read_at"].tolist() == [read_at]
        # Beyond what is read a window that is shared holds later rows, which the tower must not look at.
        movies = together["movie_index"][window, :read_at]
        np.testing.assert_array_equal(given["vectors"][0, :read_at], served.bundle.history_vectors[movies])
        np.testing.assert_array_equal(given["features"][0, :read_at], together["features"][window, :read_at])
        assert not given["features"][0, read_at:].any()
        np.testing.assert_array_equal(given["context"][0], together["context"][position])
        np.testing.assert_array_equal(given["now"], together["now"][position : position + 1])


def test_a_query_alone_is_the_batch_of_one_event(served: Recommender, table: Interactions, asked: Events):
    of_table = Histories(table, served.index.movies.catalogue)
    for position in range(len(asked)):
        one = asked.only(np.arange(len(asked)) == position)
        batch = event_batch(of_table, one, LENGTH)
        served.query(*histories.of_event(table, asked, position))
        given = Kept.given[b"query_tower"]
        np.testing.assert_array_equal(given["features"], batch["features"])
        np.testing.assert_array_equal(given["vectors"], served.bundle.history_vectors[batch["movie_index"]])


def test_a_rating_is_asked_for_by_what_the_dcn_was_trained_on(
    served: Recommender, table: Interactions, asked: Events
):
    movies = served.index.movies
    trained = rows.event_features(table, asked, movies)
    for position in range(len(asked)):
        history, now = histories.of_event(table, asked, position)
        movie = table.movie_index[asked.rows[position : position + 1]]
        served.predict_ratings(history, movie, now)
        given = Kept.given[b"dcn"]
        np.testing.assert_array_equal(given["features"], trained[position : position + 1])
        np.testing.assert_array_equal(given["content"], content_of(movies.catalogue, movie))
        assert given["id_row"].tolist() == served.index.ranking_id_row[movie].tolist()
