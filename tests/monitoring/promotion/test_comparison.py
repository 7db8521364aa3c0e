"""Both bundles asked the same events: which events, what each did, and what is measured of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from marquee.data.sources.loading import write_table
from marquee.data.tables import schema
from marquee.data.tables.interactions import TEST, Interactions
from marquee.evaluation.measures.events import Events
from marquee.evaluation.measures.rank_metrics import REMOVED
from marquee.monitoring.promotion import comparison, retraining
from marquee.monitoring.promotion.comparison import Answered, Asked
from marquee.pipeline import paths
from marquee.serving.recommender.bundle import Packaged
from marquee.serving.recommender.recommender import Recommender
from marquee.serving.replay import histories
from tests.fixtures.tiny_pipeline import PARAMS, VALUES, Tiny

MARGINS = PARAMS.monitoring.promotion.margins


def table(user: list[int], movie: list[int], stars: list[float], time: list[int]) -> Interactions:
    """Rows in order, of four movies."""
    return Interactions(
        np.array(user, np.int32), np.array(movie, np.int32), np.array(np.array(stars) * 2, np.uint8),
        np.array(time, np.int64), np.zeros(len(user), np.uint8), max(user) + 1, 4,
    )  # fmt: skip


@pytest.fixture
def asked() -> Asked:
    """From 100 on, Ann likes movie 1, is prompted to 2, dislikes 3; Bob begins with movie 0."""
    rated = table([0, 0, 0, 0, 1], [0, 1, 2, 3, 0], [4, 5, 4, 1, 4], [50, 100, 110, 120, 130])
    prompted = np.array([False, False, True, False, False])
    return comparison.newest(rated, np.array([10, 11, 12, 13], np.int32), prompted, 100, PARAMS)


def answered(rank: list[int], stars: list[float], trained: list[bool], coverage: float = 0.5) -> Answered:
    return Answered(np.array(rank, np.int32), np.array(stars, np.float32), coverage, 20.0, np.array(trained))


def test_events_are_those_from_the_moment_on_with_all_that_came_before_as_history(asked: Asked):
    assert asked.events.rows.tolist() == [1, 2, 3, 4]
    assert (asked.events.history_end - asked.events.history_start).tolist() == [1, 2, 3, 0]
    assert asked.users.tolist() == [0, 0, 0, 1]
    assert asked.movies.tolist() == [1, 2, 3, 0]


def test_a_rating_is_ranked_where_it_is_liked_and_no_answer_prompted_it(asked: Asked):
    assert asked.prompted.tolist() == [False, True, False, False]
    assert asked.is_ranked.tolist() == [True, False, False, True]


def test_headlines_are_the_gain_of_ranked_events_and_the_errors_of_all(asked: Asked):
    champion = answered([1, REMOVED, REMOVED, 3], [4.0, 4.0, 2.0, 4.5], [True] * 4)
    challenger = answered([3, REMOVED, REMOVED, 11], [5.0, 4.0, np.nan, 4.0], [True] * 4)
    ndcg, rmse = comparison.headlines(asked, champion, challenger, PARAMS)
    # 1 / log2(1 + rank): 1 at the first place, 1/2 at the third, nothing beyond the tenth.
    assert (ndcg.champion.tolist(), ndcg.challenger.tolist()) == ([1.0, 0.5], [0.5, 0.0])
    assert (ndcg.users.tolist(), ndcg.margin) == ([0, 1], MARGINS.ndcg_at_10)
    # The third event's movie is not in the challenger's catalogue: neither is judged by it.
    assert (rmse.champion.tolist(), rmse.challenger.tolist()) == ([1.0, 0.0, 0.25], [0.0, 0.0, 0.0])
    assert (rmse.users.tolist(), rmse.errors, rmse.margin) == ([0, 0, 1], True, MARGINS.rmse)


def test_guards_are_movies_that_neither_was_trained_on_and_people_without_history(asked: Asked):
    champion = answered([1, 1, 1, 3], [4] * 4, [True, False, True, True])
    challenger = answered([3, 1, 1, 1], [4] * 4, [True, False, True, True])
    cold, newcomers = comparison.guards(asked, champion, challenger, PARAMS)
    assert (cold.name, cold.champion.tolist(), cold.challenger.tolist()) == ("cold_movies", [1.0], [0.5])
    assert (newcomers.name, newcomers.champion.tolist(), newcomers.challenger.tolist()) == (
        "no_history", [0.5], [1.0],
    )  # fmt: skip
    seen = replace(challenger, trained_on=np.ones(4, bool))
    assert len(comparison.guards(asked, champion, seen, PARAMS)[0].users) == 0


def test_coverage_may_fall_by_its_margin_and_latency_may_be_what_is_required():
    champion, challenger = answered([], [], [], 0.5), answered([], [], [], 0.4)
    coverage, latency = comparison.figures(champion, challenger, PARAMS)
    assert (coverage.challenger, coverage.least) == (0.4, pytest.approx(0.5 - MARGINS.coverage))
    assert latency.most == PARAMS.requirements.latency_ms


def of_tiny(tiny: Tiny, rows: slice) -> Asked:
    """Some test events of the tiny pipeline, every second one prompted."""
    test = np.flatnonzero(tiny.interactions.period == TEST)[rows]
    start, end = tiny.interactions.history_start[test], tiny.interactions.history_end[test]
    prompted = np.arange(len(test)) % 2 == 0
    movie_ids = np.array(tiny.bundle.titles.movie_id[: tiny.interactions.num_movies], np.int32)
    return Asked(tiny.interactions, Events(test, start, end), movie_ids, prompted, ~prompted)


def test_a_bundle_compared_with_itself_stays(tiny: Tiny):
    packaged = Packaged(tiny.bundle, VALUES, "a" * 64)
    promotion = PARAMS.monitoring.promotion.model_copy(update={"min_users": 1})
    monitoring = PARAMS.monitoring.model_copy(update={"promotion": promotion})
    knobs = PARAMS.model_copy(update={"monitoring": monitoring})
    decided = retraining.decide(of_tiny(tiny, slice(30)), packaged, packaged, knobs)
    assert not decided.promote
    gains = {line.name: line.gain.value for line in decided.lines if line.events and line.role == "headline"}
    assert gains == {"ndcg_at_10": 0.0, "rmse": 0.0}
    assert {line.outcome for line in decided.lines} <= {"kept", "few"}


def test_a_bundle_answers_as_it_serves(tiny: Tiny):
    asked = of_tiny(tiny, slice(6))
    told = comparison.answer(Packaged(tiny.bundle, VALUES, "a" * 64), asked, "champion")
    recommender = Recommender(tiny.bundle, VALUES)
    row = int(np.flatnonzero(asked.is_ranked)[0])
    history, now = histories.of_event(asked.table, asked.events, row)
    ranked = recommender.rank(history, now)
    place = np.flatnonzero(ranked.movie_index == asked.movies[row])
    assert told.rank[row] == (place[0] + 1 if len(place) else REMOVED)
    assert told.rank[~asked.is_ranked].tolist() == [REMOVED] * 3
    assert told.predicted_rating[row] == recommender.predict_ratings(
        history, asked.movies[row : row + 1], now
    )
    assert 10 / len(recommender.index) <= told.coverage <= 30 / len(recommender.index)
    assert told.latency_ms > 0
    counted = tiny.bundle.index.movies.statistics.count[: len(asked.movie_ids)] > 0
    assert told.trained_on.tolist() == counted.tolist()


def test_a_movie_that_a_bundle_lacks_is_missed_and_gets_no_stars(tiny: Tiny):
    asked = of_tiny(tiny, slice(4))
    unknown = asked.movie_ids.copy()
    unknown[asked.movies[1]] = 2_000_000_000
    told = comparison.answer(Packaged(tiny.bundle, VALUES, "a" * 64), replace(asked, movie_ids=unknown), "it")
    assert told.rank[1] == REMOVED
    assert np.isnan(told.predicted_rating).tolist() == [False, True, False, False]
    assert not told.trained_on[asked.movies[1]]


def test_what_was_prompted_is_read_for_the_rows_of_the_table(tmp_path: Path):
    raw = paths.Raw(tmp_path)
    rated = {
        "user_id": [9, 5, 9],
        "movie_id": [3, 3, 1],
        "half_stars": [8, 8, 8],
        "timestamp": [788_918_401] * 3,
    }
    write_table(pa.table(rated, schema=schema.INTERACTIONS), raw.interactions)
    movies = {"movie_id": [1, 3], "title": ["One", "Three"], "tmdb_id": [0, 0]}
    write_table(schema.table(movies, schema.MOVIES), raw.movies)
    assert retraining.ratings(raw)[2].tolist() == [False] * 3

    recorded = {
        "user_id": [9, 9],
        "movie_id": [1, 3],
        "timestamp": [788_918_401] * 2,
        "prompted": [False, True],
    }
    write_table(pa.table(recorded, schema=schema.FEEDBACK), raw.feedback)
    read, movie_ids, prompted = retraining.ratings(raw)
    # Rows are sorted by user, time and movie: user 5, then movies 1 and 3 of user 9.
    assert read.movie_index.tolist() == [1, 0, 1]
    assert movie_ids.tolist() == [1, 3]
    assert prompted.tolist() == [False, False, True]
