"""What ratings look like before anything is modelled: pure calculations over whole columns.

Every function takes columns and returns numbers or small arrays; none loops over rows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
from scipy import stats

from marquee.data.tables import schema
from marquee.data.tables.interactions import Interactions
from marquee.pipeline.arrays import Bool, Float64, Int32, Int64

SESSION_GAP = 3600
"""Seconds without a rating after which the next one opens a new session."""


def top_share(counts: Int64, fraction: float) -> float:
    """The share of the whole that the largest `fraction` of the counts hold; at least one of them counts."""
    largest = np.sort(counts)[::-1]
    return float(largest[: max(1, round(len(counts) * fraction))].sum() / largest.sum())


def cumulative_share(counts: Int64) -> tuple[Float64, Float64]:
    """The long tail's curve: (m + 1,) share of the movies, most rated first, and the share they hold."""
    largest = np.sort(counts)[::-1]
    held = np.concatenate([[0], np.cumsum(largest)]) / largest.sum()
    return np.linspace(0, 1, len(counts) + 1), held


def gini(counts: Int64) -> float:
    """Gini coefficient: 0 where all counts are equal, towards 1 where one holds everything.

    Twice the area between the Lorenz curve and the diagonal, for a finite population:
    sum_i (2 i - n - 1) x_i / (n sum x), x in rising order (Dixon et al. 1987).
    """
    rising = np.sort(counts)
    size = len(rising)
    return float(((2 * np.arange(1, size + 1) - size - 1) * rising).sum() / (size * rising.sum()))


def session_starts(user_index: Int32, timestamp: Int64, gap: int = SESSION_GAP) -> Bool:
    """(n,) whether a session starts here: another user, or more than `gap` seconds since the last rating.

    Rows are sorted by user, then time.
    """
    starts = np.ones(len(timestamp), dtype=bool)
    starts[1:] = (user_index[1:] != user_index[:-1]) | (np.diff(timestamp) > gap)
    return starts


def lengths(starts: Bool) -> Int64:
    """How many rows each run has, given (n,) whether a run starts at a row."""
    return np.diff(np.append(np.flatnonzero(starts), len(starts)))


def tied_share(user_index: Int32, timestamp: Int64) -> float:
    """The share of rows that carry the same second as another row of the same user; rows are sorted."""
    as_previous = (user_index[1:] == user_index[:-1]) & (timestamp[1:] == timestamp[:-1])
    tied = np.zeros(len(timestamp), dtype=bool)
    tied[1:] = as_previous
    tied[:-1] |= as_previous
    return float(tied.mean())


def history_spans(interactions: Interactions) -> Int64:
    """(num_users,) seconds from each user's first rating to the last; every user has at least one."""
    starts = interactions.user_starts
    return interactions.timestamp[starts[1:] - 1] - interactions.timestamp[starts[:-1]]


def half_star_shares(interactions: Interactions) -> Float64:
    """(num_users,) the share of each user's ratings that are not whole stars."""
    is_half = interactions.half_stars % 2 == 1
    halves = np.bincount(interactions.user_index[is_half], minlength=interactions.num_users)
    return halves / np.diff(interactions.user_starts)


@dataclass(frozen=True)
class Newcomers:
    """The users (or movies) of a period that no earlier period has; shares are NaN for an empty period.

    Attributes:
        seen: how many users (or movies) the period holds.
        new_share: the share of them that are new.
        interaction_share: the share of the period's interactions that are theirs.
    """

    seen: int
    new_share: float
    interaction_share: float


def newcomers(index: Int32, timestamp: Int64, start: int, end: int) -> Newcomers:
    """Who is new in the period of timestamps from `start` to before `end`.

    Args:
        index: (n,) user_index or movie_index of every interaction, all periods.
        timestamp: (n,) seconds since 1970.
        start: first second of the period; new means no interaction before it.
        end: first second after the period.
    """
    inside = index[(timestamp >= start) & (timestamp < end)]
    if len(inside) == 0:
        return Newcomers(0, float("nan"), float("nan"))
    known = np.zeros(int(index.max()) + 1, dtype=bool)
    known[index[timestamp < start]] = True
    present = np.unique(inside)
    return Newcomers(len(present), float((~known[present]).mean()), float((~known[inside]).mean()))


def movie_ages(timestamp: Int64, movie_index: Int32, release_year: Int32) -> Int32:
    """(m,) calendar years from release to rating, of the ratings whose movie has a year.

    Args:
        timestamp: (n,) seconds since 1970.
        movie_index: (n,) row of the movie.
        release_year: (num_movies,) 0 where unknown.
    """
    released = release_year[movie_index]
    ages: Int32 = (years(timestamp) - released)[released != 0]
    return ages


def years(timestamp: Int64) -> Int32:
    """The calendar year, UTC, of each timestamp."""
    since_1970: Int32 = timestamp.astype("datetime64[s]").astype("datetime64[Y]").astype(np.int32)
    return since_1970 + np.int32(1970)


@dataclass(frozen=True)
class Coverage:
    """How much of the catalogue, and of what people rated, a column of metadata covers."""

    column: str
    movies: float
    ratings: float


def coverage(movies: Any, metadata: Any, counts: Int64) -> list[Coverage]:
    """Coverage of every column beside movie_id, movies' columns first.

    Args:
        movies: Arrow table of schema.MOVIES, sorted by movie_id.
        metadata: Arrow table of schema.METADATA; its movies are among those.
        counts: (num_movies,) ratings of each movie.
    """
    ids = movies["movie_id"].to_numpy()
    found = np.isin(metadata["movie_id"].to_numpy(), ids)
    rows = np.searchsorted(ids, metadata["movie_id"].to_numpy()[found])
    result = []
    for table in (movies, metadata):
        for name in table.column_names[1:]:
            known = schema.filled(table[name])
            if table is metadata:
                known, inside = np.zeros(len(ids), dtype=bool), known[found]
                known[rows] = inside
            result.append(Coverage(name, float(known.mean()), float(counts[known].sum() / counts.sum())))
    return result


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation with its 95 % interval; NaN where it is not defined."""

    rho: float
    low: float
    high: float
    num_movies: int


FEWEST_FOR_CORRELATION = 10
"""Movies; a correlation of fewer is not given."""


def spearman(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> Correlation:
    """Spearman's rho of two (m,) columns; the interval is Fisher's z with Bonett and Wright's (2000) error.

    Not defined for fewer than ten movies or where a column is constant.
    """
    size = len(first)
    if size < FEWEST_FOR_CORRELATION or np.ptp(first) == 0 or np.ptp(second) == 0:
        return Correlation(float("nan"), float("nan"), float("nan"), size)
    rho = float(stats.spearmanr(first, second).statistic)
    if abs(rho) >= 1 - 1e-12:
        return Correlation(rho, rho, rho, size)
    margin = 1.959964 * np.sqrt((1 + rho**2 / 2) / (size - 3))
    low, high = np.tanh(np.arctanh(rho) + np.array([-margin, margin]))
    return Correlation(rho, float(low), float(high), size)


def mean_ratings(interactions: Interactions) -> Float64:
    """(num_movies,) mean stars of each movie; NaN where nobody rated it."""
    counts = np.bincount(interactions.movie_index, minlength=interactions.num_movies)
    sums = np.bincount(
        interactions.movie_index, weights=interactions.half_stars, minlength=interactions.num_movies
    )
    means: Float64 = np.divide(sums / 2, counts, out=np.full(len(counts), np.nan), where=counts > 0)
    return means


def genre_shares(
    movie_index: Int32, position: Int32, bins: int, genres: Any, num_movies: int
) -> tuple[list[str], Float64]:
    """The share of each bin's ratings that go to movies of each genre; a movie may have several.

    Args:
        movie_index: (n,) row of the movie.
        position: (n,) bin of the rating, from `calendar`.
        bins: how many there are.
        genres: Arrow list column, a row per movie.
        num_movies: rows of the catalogue.

    Returns:
        Genre names, most rated first, and (bins, genres) shares, NaN for bins without ratings.
    """
    flat = pc.list_flatten(genres).to_numpy(zero_copy_only=False)
    names, genre = np.unique(flat.astype(str), return_inverse=True)
    belongs = np.zeros((num_movies, len(names)))
    belongs[pc.list_parent_indices(genres).to_numpy(zero_copy_only=False), genre] = 1
    cells = np.bincount(position.astype(np.int64) * num_movies + movie_index, minlength=bins * num_movies)
    counts = cells.reshape(bins, num_movies)
    rated = counts @ belongs
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(rated, totals, out=np.full(rated.shape, np.nan), where=totals > 0)
    order = np.argsort(-rated.sum(axis=0), kind="stable")
    return [str(names[place]) for place in order], shares[:, order]


def largest_drift(shares: Float64, weights: Int64) -> float:
    """The most that any column's share moves from the first to the last quarter of all ratings.

    Args:
        shares: (bins, columns) in time order, NaN where a bin is empty.
        weights: (bins,) ratings of each bin. A bin that a quarter's end cuts counts in part, so quarters
            are equal in ratings; shares are taken as even within a bin.
    """
    after = np.cumsum(weights) / weights.sum()
    before = after - weights / weights.sum()
    first = np.clip(np.minimum(after, 0.25) - before, 0, None)
    last = np.clip(after - np.maximum(before, 0.75), 0, None)
    known = np.nan_to_num(shares)
    return float(np.abs(4 * (last @ known) - 4 * (first @ known)).max())
