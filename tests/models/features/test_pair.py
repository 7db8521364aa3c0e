import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import Interactions
from marquee.evaluation.measures.events import Events
from marquee.models.features.movies import Movies, MovieStatistics
from marquee.models.features.pair import DAY, FEATURES, pair_features
from marquee.models.features.person import History, history_states
from marquee.models.ranking import rows
from marquee.models.ranking.rows import event_features
from tests.models.ranking import tables


def column(features: np.ndarray, name: str) -> list[float]:
    return features[:, FEATURES.index(name)].tolist()


@pytest.fixture
def two_movies() -> Movies:
    # Movie 0: western of 1980, expected at 3 stars. Movie 1: western and drama of 2000, expected at 4.
    catalogue = Catalogue(
        genres=np.array([[1, 0], [0.5, 0.5]], dtype=np.float32),
        language=np.zeros((2, 0), dtype=np.float32),
        text=np.array([[1, 0], [0.6, 0.8]], dtype=np.float32),
        release=np.array([1980, 2000], dtype=np.float32),
        names=np.zeros((2, 0), dtype=np.int32),
    )
    learned = MovieStatistics(
        global_mean=np.array(3.5, dtype=np.float32),
        content_weights=np.zeros(6, dtype=np.float32),
        bias=np.array([-0.5, 0.5], dtype=np.float32),
        content_bias=np.array([-0.25, 0.25], dtype=np.float32),
        spread=np.array([0.75, 1.0], dtype=np.float32),
        count=np.array([9, 0], dtype=np.float32),
        factors=np.array([[0.5], [2.0]], dtype=np.float32),
        taste_weights=np.zeros((17, 2), dtype=np.float32),
        taste=np.array([[1.0, 0.0], [0.5, 1.0]], dtype=np.float32),
    )
    return Movies(catalogue, learned)


def ask(movies: Movies, ratings: list[float], watched: list[int], times: list[float], movie: int, now: float):
    history = History(
        np.array(watched, dtype=np.int32),
        np.array(ratings, dtype=np.float32),
        np.array(times, dtype=np.int64),
    )
    states = history_states(history, np.array([0]), np.array([len(ratings)]), movies)
    return pair_features(states, np.array([movie], dtype=np.int32), np.array([now], dtype=np.int64), movies)


def test_one_rating_of_a_known_movie_worked_out_by_hand(two_movies):
    # Movie 0, expected at 3 stars, got 5: residual 2, damped by 5 pseudo-counts to a level of 1/3.
    features = ask(two_movies, [5.0], [0], [30 * 365.25 * DAY], movie=1, now=30 * 365.25 * DAY + 600)
    level = 2 / 6
    expected = {
        # Taste: 1 + 1 * 1 along the first direction, 1 along the second, which movie 0 says nothing of.
        "base": 4 + (level + 0.5 * 2 / 2) / 2,
        "taste_affinity": 0.5 * 2 / 2,
        "taste_uncertainty": np.sqrt(0.5**2 / 2 + 1),
        "user_bias": level,
        "bias_before_sitting_3": level,  # nothing before this sitting: the person's own level
        "residual_spread": np.sqrt((4 + 5) / 6),
        "log_history_length": np.log(2),
        "log_days_since_last": np.log1p(600 / DAY * 100),
        "session_position": np.log(2),
        "movie_bias": 0.5,
        "movie_content_bias": 0.25,
        "movie_spread": 1.0,
        "log_movie_count": 0.0,
        "release": 0.0,
        "movie_age": np.log1p(600 / (365.25 * DAY)),
        "release_offset": 2.0,
        # Westerns: residual 2 less the level, over one seen and 5 pseudo-counts; no drama was seen.
        "genre_affinity": ((2 - level) / 6 + 0) / 2,
        "genre_share": 1 / 2 / 6,
        "text_similarity": 0.6 / 6,
        "text_affinity": (2 - level) * 0.6 / 4,
        "factor_affinity": (2 - level) * 0.5 * 2.0,
    }
    for name, value in expected.items():
        assert column(features, name) == pytest.approx([value], abs=1e-6), name


def test_liking_newer_movies_raises_the_release_affinity_of_a_new_one(two_movies):
    liked_new = ask(two_movies, [3.0, 5.0], [0, 1], [0, 9], movie=1, now=10)
    liked_old = ask(two_movies, [4.0, 4.0], [0, 1], [0, 9], movie=1, now=10)
    # Years -2 and 0 in decades round 2000, residuals 0 and 1: covariance 1, variance 2, offset 1.
    assert column(liked_new, "release_affinity") == pytest.approx([1 / 14 * 1])
    assert column(liked_old, "release_affinity") == pytest.approx([-1 / 14 * 1])


def test_a_sitting_ends_after_an_hour_without_a_rating(two_movies):
    times = [0, 3_600, 10_000, 10_001]
    going_on = ask(two_movies, [3.0] * 4, [0] * 4, times, movie=1, now=10_002)
    over = ask(two_movies, [3.0] * 4, [0] * 4, times, movie=1, now=10_001 + 3_601)
    assert column(going_on, "session_position") == pytest.approx([np.log1p(2)])
    assert column(over, "session_position") == [0.0]


@pytest.mark.parametrize(("gap", "position"), [(3_600, 2), (3_601, 1)])
def test_a_rating_after_an_hour_exactly_is_of_the_same_sitting(two_movies, gap, position):
    features = ask(two_movies, [3.0, 3.0], [0, 0], [50, 50 + gap], movie=1, now=50 + gap + 1)
    assert column(features, "session_position") == pytest.approx([np.log1p(position)])


@pytest.mark.parametrize(("gap", "position"), [(3_600, 2), (3_601, 0)])
def test_who_is_asked_after_an_hour_exactly_is_in_the_same_sitting(two_movies, gap, position):
    features = ask(two_movies, [3.0, 3.0], [0, 0], [50, 60], movie=1, now=60 + gap)
    assert column(features, "session_position") == pytest.approx([np.log1p(position)])


def test_recent_ratings_are_those_before_the_last_sitting(two_movies):
    # Residuals of movie 0, expected at 3 stars: 2 and 1, then -1 in a sitting two hours later.
    features = ask(two_movies, [5.0, 4.0, 2.0], [0, 0, 0], [0, 1, 7_202], movie=1, now=7_203)
    level = 2 / 8
    assert column(features, "bias_before_sitting_3") == pytest.approx([(3 + 2 * level) / (2 + 2)])
    assert column(features, "bias_before_sitting_40") == pytest.approx([(3 + 4 * level) / (2 + 4)])


def test_the_order_within_a_sitting_gives_nothing_away(two_movies):
    best_first = ask(two_movies, [5.0, 3.0, 1.0], [0, 0, 0], [10, 11, 12], movie=1, now=13)
    worst_first = ask(two_movies, [1.0, 3.0, 5.0], [0, 0, 0], [10, 11, 12], movie=1, now=13)
    assert np.array_equal(best_first, worst_first)


def test_without_a_history_the_base_is_what_is_expected_of_the_movie(two_movies):
    features = ask(two_movies, [], [], [], movie=0, now=10**9)
    assert column(features, "base") == [3.0]
    for name in ("user_bias", "session_position", "log_days_since_last", "genre_affinity", "taste_affinity"):
        assert column(features, name) == [0.0], name
    assert np.isfinite(features).all()


def test_a_short_history_reads_only_its_own_rows_of_a_large_catalogue(two_movies):
    class Counted(np.ndarray):
        """Rows of an array, which may be picked out by index and nothing else."""

        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            assert all(len(value) < 100 for value in inputs if isinstance(value, Counted)), (
                "whole catalogue read"
            )
            plain = [np.asarray(value) if isinstance(value, Counted) else value for value in inputs]
            return getattr(ufunc, method)(*plain, **kwargs)

        def astype(self, *args, **kwargs):
            assert len(self) < 100, "whole catalogue converted"
            return np.asarray(self).astype(*args, **kwargs)

    many = tables.movies(1000)
    for part in (many.catalogue, many.statistics):
        for field in dataclasses.fields(part):
            values = getattr(part, field.name)
            if len(np.atleast_1d(values)) == 1000:
                object.__setattr__(part, field.name, values.view(Counted))
    counted = ask(many, [4.0, 2.0], [3, 998], [5, 6], movie=500, now=7)
    assert np.array_equal(counted, ask(tables.movies(1000), [4.0, 2.0], [3, 998], [5, 6], movie=500, now=7))


def test_a_movie_that_nobody_rated_and_nothing_is_known_of_has_finite_features():
    catalogue = tables.catalogue(3)
    blank = Catalogue(
        catalogue.genres * 0, catalogue.language * 0, catalogue.text * 0, catalogue.release, catalogue.names
    )
    learned = tables.statistics(3)
    names = ("bias", "spread", "count", "factors", "taste")
    rows = {name: np.zeros_like(getattr(learned, name)) for name in names}
    unknown = dataclasses.replace(learned, content_bias=rows["bias"], **rows)
    features = ask(Movies(blank, unknown), [1.0, 5.0], [0, 1], [5, 5], movie=2, now=6)
    assert np.isfinite(features).all()


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(0, 60))
def test_a_history_served_alone_has_the_features_of_training_to_the_bit(seed, num_users, size):
    table = tables.table(num_users, 12, size + 1, seed)
    movies = tables.movies(12, seed)
    rows = np.arange(len(table), dtype=np.int64)
    events = Events(rows, table.history_start, table.history_end)
    offline = event_features(table, events, movies)
    row = int(np.random.default_rng(seed).integers(len(table)))
    own = slice(int(table.history_start[row]), int(table.history_end[row]))
    history = History(table.movie_index[own], table.rating[own], table.timestamp[own])
    state = history_states(history, np.array([0]), np.array([len(history.rating)]), movies)
    # The service asks for many movies at once: one state and one moment stand beside all of them.
    candidates = np.arange(12, dtype=np.int32)
    served = pair_features(state, candidates, table.timestamp[[row]], movies)
    assert served.shape == (12, len(FEATURES))
    assert served[table.movie_index[row]].tobytes() == offline[row].tobytes()


@given(st.integers(0, 10**6), st.booleans())
def test_nothing_at_or_after_an_event_changes_its_features(seed, delete):
    table = tables.table(4, 8, 40, seed)
    movies = tables.movies(8, seed)
    row = int(np.random.default_rng(seed).integers(len(table)))
    now, user = table.timestamp[row], table.user_index[row]
    later = (table.timestamp >= now) & (np.arange(len(table)) != row)
    if delete:
        changed = table.only(~later)
    else:
        changed = dataclasses.replace(
            table,
            half_stars=np.where(table.timestamp >= now, 11 - table.half_stars, table.half_stars),
            movie_index=np.where(later, 7 - table.movie_index, table.movie_index),
        )
    before = features_at(table, row, movies)
    moved = np.flatnonzero((changed.timestamp == now) & (changed.user_index == user))
    moved = moved[0] if delete else row
    assert np.array_equal(before, features_at(changed, int(moved), movies))


def features_at(table: Interactions, row: int, movies: Movies) -> np.ndarray:
    rows = np.array([row], dtype=np.int64)
    return event_features(table, Events(rows, table.history_start[rows], table.history_end[rows]), movies)


def test_an_earlier_rating_does_change_the_features():
    table, movies = tables.table(1, 8, 40), tables.movies(8)
    louder = dataclasses.replace(
        table, half_stars=np.where(np.arange(40) == 0, 11 - table.half_stars, table.half_stars)
    )
    assert not np.array_equal(features_at(table, 39, movies), features_at(louder, 39, movies))


def test_chunks_of_people_change_nothing(monkeypatch):
    table, movies = tables.table(20, 8, 200), tables.movies(8)
    shuffled = np.random.default_rng(0).permutation(len(table))
    events = Events(shuffled, table.history_start[shuffled], table.history_end[shuffled])
    whole = event_features(table, events, movies)
    monkeypatch.setattr(rows, "CHUNK_ROWS", 15)
    assert np.array_equal(whole, event_features(table, events, movies))
