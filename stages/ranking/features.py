"""What the ranker reads of a (history, movie, moment): ONE code for training, evaluation and the service.

Plain numpy, so that the service needs nothing else. Everything is as-of: a history is what the person did
strictly before the moment, and `MovieStatistics` knows a movie up to a cutoff that lies before it.

Sums over a history are differences of one running sum. Every term is first rounded to a multiple of
2^-24, which makes the running sums exact in float64: a person's features are the same to the bit whether
the person stands alone in a request or among a million rows of training.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stages.data.catalogue import Catalogue
from stages.data.interactions import Float32, Int32, Int64

Float64 = npt.NDArray[np.float64]

DAY = 86_400.0
YEAR = 365.25 * DAY
SESSION_GAP = 3_600
"""Seconds without a rating after which the next one opens a new sitting."""
GRID = 2.0**24
USER_DAMPING = 5.0
"""Pretended ratings exactly at the movies' own level, in every mean over a history."""
RECENT = ((3, 2.0), (10, 2.0), (40, 4.0))
"""How many of the latest ratings, and how many pretended ones at the person's own level.

Latest before the last sitting, never within it: people may enter their ratings sorted by stars, and then
the one before gives the next away. With sittings included, RMSE on ml-latest-small fell by 0.011 for the
DCN over three windows before test, and by 0.06 for boosted trees on test; that says nothing of taste, and
a request's history is in whatever order the caller lists it.
"""

FEATURES: tuple[str, ...] = (
    "base",
    "user_bias",
    *(f"bias_before_sitting_{length}" for length, _ in RECENT),
    "rating_spread",
    "residual_spread",
    "log_history_length",
    "log_days_since_last",
    "log_days_since_first",
    "session_position",
    "movie_bias",
    "movie_content_bias",
    "movie_spread",
    "log_movie_count",
    "release",
    "movie_age",
    "release_offset",
    "release_affinity",
    "genre_share",
    "genre_affinity",
    "text_similarity",
    "text_affinity",
    "factor_affinity",
)
"""Columns of `pair_features`. `base`, the first, is the bias model the network starts from, in stars."""


@dataclass(frozen=True)
class MovieStatistics:
    """What a set of ratings says of every movie of the catalogue; goes into the bundle.

    Attributes:
        global_mean: () float32, stars.
        bias: (num_movies,) float32, damped mean of rating - global_mean - the person's own level.
        content_bias: (num_movies,) float32, the same as guessed from content alone; what `bias` is damped
            towards, so a movie nobody has rated starts there.
        spread: (num_movies,) float32, damped variance of what is left.
        count: (num_movies,) float32, ratings.
        factors: (num_movies, d) float32; the dot product of two movies says how the deviation of one
            carries over to the other. 0 for movies nobody has rated.
    """

    global_mean: Float32
    bias: Float32
    content_bias: Float32
    spread: Float32
    count: Float32
    factors: Float32

    def only(self, keep: npt.NDArray[np.bool_]) -> "MovieStatistics":
        """The movies where `keep` is true."""
        return MovieStatistics(
            self.global_mean,
            self.bias[keep],
            self.content_bias[keep],
            self.spread[keep],
            self.count[keep],
            self.factors[keep],
        )


@dataclass(frozen=True)
class Movies:
    """Facts of the release and what ratings said by a cutoff, row by movie_index."""

    catalogue: Catalogue
    statistics: MovieStatistics

    def expected(self, movie_index: Int32) -> Float64:
        """(n,) stars expected of a movie from a person without a level of their own."""
        mean = self.statistics.global_mean.astype(np.float64)
        return np.asarray(mean + self.statistics.bias[movie_index])


@dataclass(frozen=True)
class History:
    """Ratings of one person or of several, each person's together and in time, columns of length n."""

    movie_index: Int32
    rating: Float32
    timestamp: Int64


@dataclass(frozen=True)
class States:
    """What is known of a person at a moment, before any movie is named; e rows.

    `length` and `before_sitting` are counts of ratings, in all and before the last sitting.
    Sums over the history: `level` of residuals from the movies' level, `total` of scalars, `genres`,
    `text` and `factors` of the movies' vectors as (sum, sum weighted by residual).
    """

    length: Float64
    level: Float64
    before_sitting: Float64
    recent: tuple[Float64, ...]
    total: Float64
    genres: tuple[Float64, Float64]
    text: tuple[Float64, Float64]
    factors: tuple[Float64, Float64]
    first_time: Int64
    last_time: Int64
    in_session: Int64

    def take(self, position: Int64) -> "States":
        """Rows by position, repeats allowed: one state beside many movies."""
        return States(
            self.length[position],
            self.level[position],
            self.before_sitting[position],
            tuple(values[position] for values in self.recent),
            self.total[position],
            (self.genres[0][position], self.genres[1][position]),
            (self.text[0][position], self.text[1][position]),
            (self.factors[0][position], self.factors[1][position]),
            self.first_time[position],
            self.last_time[position],
            self.in_session[position],
        )


def history_states(history: History, start: Int64, end: Int64, movies: Movies) -> States:
    """States after the rows [start, end) of a history; both (e,), equal where there is no history.

    Memory is about 16 bytes x n x (2 x content + factors); callers with many people pass them in chunks.
    """
    residual = history.rating - movies.expected(history.movie_index)
    level = _running_sum(residual)
    release = _decades(movies.catalogue.release[history.movie_index])
    rating = history.rating.astype(np.float64)
    scalars = [rating, rating**2, residual**2, release, release**2, release * residual]
    total = _running_sum(np.stack(scalars, axis=1))

    def weighted(vectors: Float32) -> tuple[Float64, Float64]:
        rows = vectors[history.movie_index].astype(np.float64)
        plain, by_residual = _running_sum(rows), _running_sum(rows * residual[:, None])
        return plain[end] - plain[start], by_residual[end] - by_residual[start]

    timestamp = history.timestamp if len(history.timestamp) else np.zeros(1, dtype=np.int64)
    first, last = np.minimum(start, len(timestamp) - 1), np.maximum(end - 1, 0)
    session_start = np.clip(_session_starts(timestamp)[last], start, end)
    return States(
        length=(end - start).astype(np.float64),
        level=level[end] - level[start],
        before_sitting=(session_start - start).astype(np.float64),
        recent=tuple(
            level[session_start] - level[np.maximum(start, session_start - length)] for length, _ in RECENT
        ),
        total=total[end] - total[start],
        genres=weighted((movies.catalogue.genres > 0).astype(np.float32)),
        text=weighted(movies.catalogue.text),
        factors=weighted(movies.statistics.factors),
        first_time=timestamp[first],
        last_time=timestamp[last],
        in_session=end - session_start,
    )


def pair_features(states: States, movie_index: Int32, time: Int64, movies: Movies) -> Float32:
    """Describe each (state, movie, moment).

    Args:
        states: n rows (`States.take` repeats one).
        movie_index: (n,) the movie to be rated.
        time: (n,) seconds since 1970, the moment of asking; after all of the history.
        movies: facts and statistics.

    Returns:
        (n, len(FEATURES)) float32, finite whatever is unknown.
    """
    user_bias = states.level / (states.length + USER_DAMPING)
    base = movies.expected(movie_index) + user_bias
    columns = [
        base,
        user_bias,
        *_person(states, user_bias, movies.statistics.global_mean.astype(np.float64)),
        *_moment(states, time),
        *_movie(movies, movie_index, time),
        *_release(states, movies, movie_index),
        *_genres(states, user_bias, (movies.catalogue.genres[movie_index] > 0).astype(np.float64)),
        *_text(states, user_bias, movies.catalogue.text[movie_index].astype(np.float64)),
        *_factors(states, user_bias, movies.statistics.factors[movie_index].astype(np.float64)),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _person(states: States, user_bias: Float64, mean: Float64) -> list[Float64]:
    length = states.length
    recent = [
        (total + pretended * user_bias) / (np.minimum(states.before_sitting, among) + pretended)
        for total, (among, pretended) in zip(states.recent, RECENT, strict=True)
    ]
    # Ten pretended ratings with variance 1 at the global mean, so that one rating has a spread as well.
    damped_mean = (states.total[:, 0] + 10 * mean) / (length + 10)
    square = (states.total[:, 1] + 10 * (mean**2 + 1)) / (length + 10)
    rating_spread = np.sqrt(np.maximum(square - damped_mean**2, 0))
    residual_spread = np.sqrt((states.total[:, 2] + USER_DAMPING) / (length + USER_DAMPING))
    return [*recent, rating_spread, residual_spread, np.log1p(length)]


def _moment(states: States, time: Int64) -> list[Float64]:
    known = states.length > 0
    since_last = np.where(known, np.maximum(time - states.last_time, 0), 0)
    since_first = np.where(known, np.maximum(time - states.first_time, 0), 0)
    in_session = np.where(known & (since_last <= SESSION_GAP), states.in_session, 0)
    # Hours resolve a sitting, years a membership: the logarithm of days with a fine start shows both.
    return [np.log1p(since_last / DAY * 100), np.log1p(since_first / DAY * 100), np.log1p(in_session)]


def _movie(movies: Movies, movie_index: Int32, time: Int64) -> list[Float64]:
    statistics, release = movies.statistics, movies.catalogue.release[movie_index].astype(np.float64)
    age = 1970.0 + time / YEAR - release
    return [
        statistics.bias[movie_index].astype(np.float64),
        statistics.content_bias[movie_index].astype(np.float64),
        statistics.spread[movie_index].astype(np.float64),
        np.log1p(statistics.count[movie_index].astype(np.float64)),
        _decades(movies.catalogue.release[movie_index]),
        np.log1p(np.clip(age, 0, 120)),
    ]


def _release(states: States, movies: Movies, movie_index: Int32) -> list[Float64]:
    """How far the movie's year is from the person's usual, and a damped regression of liking on year."""
    length = np.maximum(states.length, 1)
    year, square, by_residual = states.total[:, 3], states.total[:, 4], states.total[:, 5]
    covariance = by_residual - year * states.level / length
    variance = np.maximum(square - year**2 / length, 0)
    offset = np.where(states.length > 0, _decades(movies.catalogue.release[movie_index]) - year / length, 0)
    return [offset, covariance / (variance + 12.0) * offset]


def _genres(states: States, user_bias: Float64, genres: Float64) -> list[Float64]:
    """Share of the history in the movie's genres, and its damped residual there; means over the genres."""
    seen, by_residual = states.genres
    liking = (by_residual - seen * user_bias[:, None]) / (seen + USER_DAMPING)
    count = np.maximum(genres.sum(axis=1), 1)
    share = (seen * genres).sum(axis=1) / count / (states.length + USER_DAMPING)
    return [share, (liking * genres).sum(axis=1) / count]


def _text(states: States, user_bias: Float64, text: Float64) -> list[Float64]:
    """Mean similarity to the history's texts; similarity to what was liked minus what was not."""
    seen, by_residual = states.text
    similarity = (seen * text).sum(axis=1) / (states.length + USER_DAMPING)
    centred = by_residual - seen * user_bias[:, None]
    return [similarity, (centred * text).sum(axis=1) / (np.sqrt(states.length) + 3)]


def _factors(states: States, user_bias: Float64, factors: Float64) -> list[Float64]:
    seen, by_residual = states.factors
    return [((by_residual - seen * user_bias[:, None]) * factors).sum(axis=1)]


def _running_sum(values: Float64) -> Float64:
    """(n + 1, ...) exact sums of the first rows: terms on a grid add without rounding."""
    total = np.zeros((len(values) + 1, *values.shape[1:]))
    np.cumsum(np.rint(values * GRID), axis=0, out=total[1:])
    total /= GRID
    return total


def _session_starts(timestamp: Int64) -> Int64:
    """(n,) the row that opened each row's sitting; a new person's first row is told apart by the caller."""
    opens = np.ones(len(timestamp), dtype=bool)
    gap = np.diff(timestamp)
    opens[1:] = (gap > SESSION_GAP) | (gap < 0)
    return np.maximum.accumulate(np.where(opens, np.arange(len(timestamp)), 0))


def _decades(release: Float32) -> Float64:
    return (release.astype(np.float64) - 2000.0) / 10.0
