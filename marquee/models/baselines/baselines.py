"""What every model must beat: popularity, EASE and bias models; boosted trees are in `trees.py`.

Each is fitted on the interactions of the fitted periods alone. Rankers then give a scorer over a table
(`marquee/evaluation/measures/ranks.py`), rating predictors a rating for each event; both read the rows of an
event's history and nothing after them.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse

from marquee.data.tables.interactions import Interactions
from marquee.evaluation.measures.events import Events
from marquee.evaluation.measures.ranks import Scorer, history_rows
from marquee.pipeline.arrays import Bool, Float32, Float64, Int64

SECONDS_PER_DAY = 86_400
MOVIE_DAMPING = 6.0
"""Pseudo-counts: ratings at offset 0 added to a movie's own; read off a validation period, see
`fit_movie_user_bias`."""
USER_DAMPING = 2.0
"""Pseudo-counts added to a person's ratings, read off likewise."""


class BaselineError(ValueError):
    """A baseline cannot be fitted; the message says on what."""


@dataclass(frozen=True)
class Popularity:
    """The same order for everyone.

    Attributes:
        scores: (num_movies,) float32 whole numbers, exact up to 2^24.
    """

    scores: Float32

    @property
    def num_movies(self) -> int:
        """How many movies it tells apart: the whole catalogue."""
        return len(self.scores)

    def scorer(self, interactions: Interactions) -> Scorer:
        """Score any events of the table."""
        return lambda events: np.broadcast_to(self.scores, (len(events), interactions.num_movies))


def fit_popularity(fitted: Interactions, positive_rating: float) -> Popularity:
    """Count the ratings at or above `positive_rating` of each movie."""
    liked = fitted.movie_index[fitted.rating >= positive_rating]
    return Popularity(np.bincount(liked, minlength=fitted.num_movies).astype(np.float32))


def fit_recent_popularity(fitted: Interactions, recent_days: int, cutoff: int | None = None) -> Popularity:
    """Order by the ratings of the last `recent_days` before the cutoff, then by all ratings.

    Every rating counts, liked or not. The few ratings of a short window tie often, and a tie would count
    against it: ratings of all time break them.

    Args:
        fitted: the interactions of the fitted periods.
        recent_days: how far to look back.
        cutoff: seconds since 1970; the newest fitted interaction where none is given.
    """
    _require_rows(fitted, "recent popularity")
    until = int(fitted.timestamp.max()) if cutoff is None else cutoff
    is_recent = fitted.timestamp >= until - recent_days * SECONDS_PER_DAY
    recent = np.bincount(fitted.movie_index[is_recent], minlength=fitted.num_movies)
    ever = np.bincount(fitted.movie_index, minlength=fitted.num_movies)
    _, place = np.unique(np.stack([recent, ever], axis=1), axis=0, return_inverse=True)
    return Popularity(place.astype(np.float32))


@dataclass(frozen=True)
class Ease:
    """Item-item weights (Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data").

    Attributes:
        movies: (m,) int64 the movies it knows, ascending; every other movie scores 0, which is what
            EASE gives a movie without ratings.
        weights: (m, m) float32, zero on the diagonal; a history scores the sum of its movies' rows.
        cut_to: m where rated movies were left out to stay within the limit, otherwise None.
    """

    movies: Int64
    weights: Float32
    cut_to: int | None

    @property
    def num_movies(self) -> int:
        """How many movies it knows."""
        return len(self.movies)

    def scorer(self, interactions: Interactions) -> Scorer:
        """Score events of the table from all movies of their history, whatever the rating.

        Events of one user that follow each other share a running sum, so that a long history is
        walked once and not once per event.
        """
        first_time = _first_times(interactions)
        column = np.full(interactions.num_movies, -1, dtype=np.int64)
        column[self.movies] = np.arange(len(self.movies))

        def score(events: Events) -> Float32:
            starts = _chains(events)
            added_from = np.append(0, events.history_end[:-1])
            added_from[starts] = events.history_start[starts]
            position, rows = history_rows(Events(events.rows, added_from, events.history_end))
            columns = column[interactions.movie_index[rows]]
            known = first_time[rows] & (columns >= 0)
            added = scipy.sparse.csr_array(
                (np.ones(int(known.sum()), dtype=np.float32), (position[known], columns[known])),
                shape=(len(events), len(self.movies)),
            )
            sums = added @ self.weights
            for start, end in zip(starts, np.append(starts[1:], len(events)), strict=True):
                np.cumsum(sums[start:end], axis=0, out=sums[start:end])
            scores = np.zeros((len(events), interactions.num_movies), dtype=np.float32)
            scores[:, self.movies] = sums
            return scores

        return score


def fit_ease(fitted: Interactions, regularization: float, max_movies: int) -> Ease:
    """Fit EASE on who rated what, every rating counting one.

    With P the inverse of (X'X + regularization I), the weights are B = I - P / diag(P) by column. Memory
    is about 24 bytes x max_movies^2, time grows with its cube where people outnumber movies.
    """
    _require_rows(fitted, "EASE")
    counts = np.bincount(fitted.movie_index, minlength=fitted.num_movies)
    num_rated = np.count_nonzero(counts)
    popular = np.argsort(-counts, kind="stable")[: min(max_movies, num_rated)]
    movies = np.sort(popular).astype(np.int64)
    inverse = inverse_gram(_watched(fitted, movies), regularization)
    inverse /= -np.diag(inverse).copy()
    np.fill_diagonal(inverse, 0.0)
    return Ease(movies, inverse.astype(np.float32), len(movies) if len(movies) < num_rated else None)


def inverse_gram(watched: scipy.sparse.csr_array, regularization: float) -> Float64:
    """(X'X + regularization I)^-1 of a sparse (people, movies) X, dense (movies, movies) float64.

    With fewer people than movies it inverts people x people instead (Woodbury's identity):
    (I - X' (XX' + regularization I)^-1 X) / regularization, a small share of the time.
    """
    people, movies = watched.shape
    if people >= movies:
        return _ridge_inverse(watched.T @ watched, regularization)
    between = watched.T @ _ridge_inverse(watched @ watched.T, regularization)
    inverse: Float64 = (between @ watched) / -regularization
    inverse[np.diag_indices_from(inverse)] += 1 / regularization
    return inverse


def _ridge_inverse(gram: scipy.sparse.csr_array, regularization: float) -> Float64:
    dense = gram.toarray().astype(np.float64)
    dense[np.diag_indices_from(dense)] += regularization
    inverse: Float64 = scipy.linalg.inv(dense, overwrite_a=True, check_finite=False)
    return inverse


def _watched(fitted: Interactions, movies: Int64) -> scipy.sparse.csr_array:
    """(people, m) float32, 1 where a person rated one of the movies; people without any are left out."""
    column = np.full(fitted.num_movies, -1, dtype=np.int64)
    column[movies] = np.arange(len(movies))
    columns = column[fitted.movie_index]
    known = columns >= 0
    people, row = np.unique(fitted.user_index[known], return_inverse=True)
    ones = np.ones(len(row), dtype=np.float32)
    watched = scipy.sparse.csr_array((ones, (row, columns[known])), shape=(len(people), len(movies)))
    watched.data[:] = 1.0  # a movie rated twice is summed on the way in
    return watched


def _chains(events: Events) -> Int64:
    """Positions where the event's history does not continue the one before."""
    breaks = np.ones(len(events), dtype=bool)
    breaks[1:] = (events.history_start[1:] != events.history_start[:-1]) | (
        events.history_end[1:] < events.history_end[:-1]
    )
    return np.flatnonzero(breaks).astype(np.int64)


def _first_times(interactions: Interactions) -> Bool:
    """(n,) whether the row is the first of its user and movie: a history is a set for EASE."""
    pair = interactions.user_index.astype(np.int64) * interactions.num_movies + interactions.movie_index
    order = np.argsort(pair, kind="stable")
    first = np.ones(len(pair), dtype=bool)
    first[order[1:]] = pair[order[1:]] != pair[order[:-1]]
    return first


@dataclass(frozen=True)
class Bias:
    """Rating = mean + movie's offset + the person's running offset, clipped to 0.5 to 5 stars.

    Attributes:
        mean: the mean fitted rating.
        movie: (num_movies,) float64 offsets in stars; 0 for a movie never rated.
        user_damping: pseudo-counts at offset 0 in the person's running mean; None leaves people out.
    """

    mean: float
    movie: Float64
    user_damping: float | None

    def predict(self, interactions: Interactions, events: Events) -> Float32:
        """(e,) float32 predicted ratings in stars."""
        predicted = self.mean + self.movie[interactions.movie_index[events.rows]]
        if self.user_damping is not None:
            predicted += running_user_offsets(interactions, events, self.mean + self.movie, self.user_damping)
        return np.clip(predicted, 0.5, 5.0).astype(np.float32)


def running_user_offsets(
    interactions: Interactions, events: Events, expected: Float64, damping: float
) -> Float64:
    """How far above expectation a person rated the movies of the event's history, damped.

    sum(rating - expected) / (number of them + damping), by differences of one running sum: no loop,
    two float64 columns of the table's length.

    Args:
        interactions: the whole table.
        events: whose histories are summed.
        expected: (num_movies,) expected rating of each movie in stars.
        damping: pseudo-counts, ratings exactly as expected; more than 0.

    Returns:
        (e,) float64 stars; 0 for an empty history.
    """
    total = np.zeros(len(interactions) + 1)
    np.cumsum(interactions.rating - expected[interactions.movie_index], out=total[1:])
    count = events.history_end - events.history_start
    offset: Float64 = (total[events.history_end] - total[events.history_start]) / (count + damping)
    return offset


def fit_global_mean(fitted: Interactions) -> Bias:
    """The mean fitted rating for every event."""
    _require_rows(fitted, "the global mean")
    return Bias(float(fitted.rating.mean(dtype=np.float64)), np.zeros(fitted.num_movies), None)


def fit_movie_mean(fitted: Interactions) -> Bias:
    """Each movie's mean fitted rating, shrunk to the global mean by MOVIE_DAMPING pseudo-counts."""
    mean = fit_global_mean(fitted).mean
    count = np.bincount(fitted.movie_index, minlength=fitted.num_movies)
    above = np.bincount(fitted.movie_index, weights=fitted.rating - mean, minlength=fitted.num_movies)
    return Bias(mean, above / (count + MOVIE_DAMPING), None)


def fit_movie_user_bias(fitted: Interactions) -> Bias:
    """The movie mean and the person's running offset from it over strictly earlier ratings.

    The damping constants were read off ml-latest-small's validation period, fitted on its train period;
    movies from 5 to 12 and people from 1 to 5 are within 0.002 of the best RMSE there.
    """
    movie_mean = fit_movie_mean(fitted)
    return Bias(movie_mean.mean, movie_mean.movie, USER_DAMPING)


def _require_rows(fitted: Interactions, baseline: str) -> None:
    if len(fitted) == 0:
        raise BaselineError(
            f"Cannot fit {baseline}: the fitted period has no interaction. "
            "Move preprocess_data.validation_cutoff or test_cutoff later."
        )
