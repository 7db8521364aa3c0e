"""What the query tower reads of a watch history: ONE code for training, evaluation and the service.

Plain numpy, so that the service needs nothing else. Everything is as-of: a row of a history is described by
itself and what came before it, a query by the history and the time at which it is asked.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from marquee.data.tables.interactions import packed
from marquee.pipeline.arrays import Float32, Int32, Int64

DAY = 86_400.0
YEAR = 365.25 * DAY
PRIOR_RATING, PRIOR_WEIGHT = 3.5, 3.0
"""Stars and pseudo-counts: a person's mean starts at MovieLens' usual one and moves with what they rate."""

HISTORY_FEATURES = ("rating_minus_mean", "rating", "log_gap_days", "age_when_rated")
QUERY_FEATURES = ("log_history_length", "log_days_since_last", "mean_rating")
"""Columns of `history_features` and of `query_features`."""


@dataclass(frozen=True)
class Windows:
    """Histories as the query tower takes them, left-aligned and padded with zeros.

    Attributes:
        movie_index: (w, length) int32.
        features: (w, length, len(HISTORY_FEATURES)) float32.
    """

    movie_index: Int32
    features: Float32


def in_years(timestamp: Int64) -> Float32:
    """Seconds since 1970 as a year with fraction, the unit of `Catalogue.release`."""
    years: Float32 = (1970.0 + timestamp / YEAR).astype(np.float32)
    return years


def running_mean(rating: Float32, first_row: Int64) -> Float32:
    """(n,) each person's damped mean rating up to and including the row.

    Args:
        rating: (n,) in stars, sorted by user and time.
        first_row: (n,) the first row of the same user.
    """
    # Whole half stars add up exactly in float64, so a person's sums do not depend on who stands before.
    total = np.concatenate([[0.0], np.cumsum(rating, dtype=np.float64)])
    rows = np.arange(len(rating))
    return _damped(total[rows + 1] - total[first_row], rows + 1 - first_row)


def history_features(
    movie_index: Int32, rating: Float32, timestamp: Int64, first_row: Int64, release: Float32
) -> Float32:
    """Describe every row of a history.

    Args:
        movie_index: (n,) rows of the catalogue.
        rating: (n,) in stars.
        timestamp: (n,) seconds, rising within a person.
        first_row: (n,) the first row of the same person.
        release: (num_movies,) `Catalogue.release`.

    Returns:
        (n, len(HISTORY_FEATURES)) float32, each roughly within -1 to 1.
    """
    rows = np.arange(len(rating))
    gap = np.where(rows > first_row, timestamp - timestamp[np.maximum(rows - 1, 0)], 0)
    age = in_years(timestamp) - release[movie_index]
    columns = [
        (rating - running_mean(rating, first_row)) / 2,
        (rating - PRIOR_RATING) / 2,
        np.log1p(gap / DAY) / 4,
        np.log1p(np.clip(age, 0, 100)) / 4,
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def query_features(
    rating: Float32, timestamp: Int64, first_row: Int64, history_start: Int64, history_end: Int64, now: Int64
) -> Float32:
    """Describe the moment of a query, given the history rows [history_start, history_end).

    Args:
        rating: (n,) in stars.
        timestamp: (n,) seconds, rising within a person.
        first_row: (n,) the first row of the same person.
        history_start: (e,) first row of each history.
        history_end: (e,) one past its last row; equal to the start where there is none.
        now: (e,) seconds, when the query is asked.

    Returns:
        (e, len(QUERY_FEATURES)) float32.
    """
    length = history_end - history_start
    some = length > 0
    mean, last_time = np.full(len(now), PRIOR_RATING, dtype=np.float32), now.copy()
    mean[some] = _mean_before(rating, first_row, history_end[some])
    last_time[some] = timestamp[history_end[some] - 1]
    columns = [
        np.log1p(length) / 4,
        np.log1p(np.maximum(now - last_time, 0) / DAY) / 4,
        (mean - PRIOR_RATING) / 2,
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _mean_before(rating: Float32, first_row: Int64, end: Int64) -> Float32:
    """(e,) `running_mean` after the last row before each end, reading only the people who are asked."""
    start = first_row[end - 1]
    rows, shift = packed(start, end)
    total = np.concatenate([[0.0], np.cumsum(rating[rows], dtype=np.float64)])
    return _damped(total[end - shift] - total[start - shift], end - start)


def _damped(total: npt.NDArray[np.float64], count: Int64) -> Float32:
    mean: Float32 = ((total + PRIOR_RATING * PRIOR_WEIGHT) / (count + PRIOR_WEIGHT)).astype(np.float32)
    return mean


def window_start(history_start: Int64, history_end: Int64, length: int) -> Int64:
    """(e,) the first row that a query on history rows [history_start, history_end) reads.

    The last `length` / 2 to `length` rows, starting at a multiple of half a length: one rule for
    training, evaluation and the service, under which the queries of a person share their windows.
    """
    step = max(1, length // 2)
    beyond = history_end - history_start - length
    start: Int64 = history_start + np.where(beyond >= 0, beyond // step + 1, 0) * step
    return start


def windows(movie_index: Int32, features: Float32, start: Int64, end: Int64, length: int) -> Windows:
    """Cut the rows [start, end) of each window, at most `length` of them, into padded arrays.

    Args:
        movie_index: (n,) int32, of all rows.
        features: (n, F) float32, of all rows.
        start: (w,) first rows.
        end: (w,) one past the last rows; end - start <= length.
        length: the width of the result.
    """
    if len(movie_index) == 0:
        return Windows(
            np.zeros((len(start), length), np.int32),
            np.zeros((len(start), length, features.shape[1]), np.float32),
        )
    rows = start[:, None] + np.arange(length)
    inside = rows < end[:, None]
    rows = np.where(inside, rows, 0)
    return Windows(
        np.where(inside, movie_index[rows], 0).astype(np.int32),
        features[rows] * inside[..., None].astype(np.float32),
    )
