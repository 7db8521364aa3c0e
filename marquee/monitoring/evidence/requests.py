"""What is looked at of each request, the same for those of the reference and for recorded ones."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy.special import logsumexp
from tqdm import tqdm

from marquee.models.features.person import History
from marquee.pipeline.arrays import Bool, Float32, Float64, Int32, Int64
from marquee.serving.recommender.recommender import Recommender

FIRST = 10
"""Places of a list that are looked at."""


@dataclass(frozen=True)
class Asked:
    """One request for a list.

    Attributes:
        visitor: whose; requests of one visitor are not independent.
        time: seconds since 1970 when it was asked.
        now: the moment it was asked for.
        movie_index: (h,) int32, the history oldest first; -1 for movies that the catalogue lacks.
        rating: (h,) float32 stars.
        timestamp: (h,) int64 seconds since 1970.
        score: (at most FIRST,) float64 of the first places.
        predicted_rating: (at most FIRST,) float32 stars of the same.
    """

    visitor: int
    time: float
    now: int
    movie_index: Int32
    rating: Float32
    timestamp: Int64
    score: Float64
    predicted_rating: Float32


@dataclass(frozen=True)
class Requests:
    """Requests in the order asked, columns of length n; NaN where there is no history, or no list.

    Attributes:
        visitor: int64.
        time: float64 seconds since 1970.
        history_length: float32 movies.
        rating: float32 stars given last.
        mean_rating: float32 stars, of the history.
        rating_spread: float32 stars, standard deviation of the same.
        year: float32 release of the movie rated last.
        is_new_movie: float32, 1 where training never saw the movie rated last.
        popularity: float32, log2(1 + ratings in training) of the same.
        surprisal: float32 nats, how little retrieval expected the same, asked right before it was rated.
        genres: (n, G) float32 shares of its genres; 0 where unknown.
        query: (n, D) float32 the query tower's answer.
        predicted_rating: float32 stars, mean of the first places.
        log_mass: float32, log of the summed exp(score) of the first places: how much of its belief the
            recommender put there.
    """

    visitor: Int64
    time: Float64
    history_length: Float32
    rating: Float32
    mean_rating: Float32
    rating_spread: Float32
    year: Float32
    is_new_movie: Float32
    popularity: Float32
    surprisal: Float32
    genres: Float32
    query: Float32
    predicted_rating: Float32
    log_mass: Float32

    def __len__(self) -> int:
        return len(self.visitor)

    @property
    def is_new_visitor(self) -> Bool:
        """(n,) whether there was no history."""
        return np.asarray(self.history_length == 0)

    def at(self, rows: Int64 | Bool | slice) -> "Requests":
        """Some of the requests."""
        return Requests(*(getattr(self, field.name)[rows] for field in fields(self)))


def describe(recommender: Recommender, asked: Iterable[Asked], total: int) -> Requests:
    """Columns of many requests.

    Args:
        recommender: of the bundle that is judged.
        asked: in the order asked.
        total: how many.
    """
    shown = tqdm(asked, total=total, desc="requests", unit="request", disable=None, leave=False)
    rows = [_row(recommender, one) for one in shown]
    dim, genres = recommender.index.candidates.shape[1], recommender.catalogue_filter.has_genre.shape[1]
    shapes = {"genres": genres, "query": dim}
    types = {"visitor": np.int64, "time": np.float64}
    columns: dict[str, Any] = {}
    for field in fields(Requests):
        column = np.array([row[field.name] for row in rows], dtype=types.get(field.name, np.float32))
        columns[field.name] = column.reshape(-1, shapes[field.name]) if field.name in shapes else column
    return Requests(**columns)


def _row(recommender: Recommender, asked: Asked) -> dict[str, Any]:
    known = asked.movie_index >= 0
    history = History(asked.movie_index[known], asked.rating[known], asked.timestamp[known])
    length, listed = len(asked.movie_index), len(asked.score) > 0
    return {
        "visitor": asked.visitor,
        "time": asked.time,
        "history_length": length,
        "rating": asked.rating[-1] if length else np.nan,
        "mean_rating": asked.rating.mean() if length else np.nan,
        "rating_spread": asked.rating.std() if length else np.nan,
        **_of_latest(recommender, int(asked.movie_index[-1]) if length else None),
        "surprisal": _surprisal(recommender, history) if length and known[-1] else np.nan,
        "query": recommender.query(history, asked.now),
        "predicted_rating": asked.predicted_rating.mean() if listed else np.nan,
        "log_mass": np.log(np.exp(asked.score).sum()) if listed else np.nan,
    }


def _surprisal(recommender: Recommender, history: History) -> float:
    """Minus the log of the last movie's share of exp(score), in the catalogue, by the history before it."""
    before = History(history.movie_index[:-1], history.rating[:-1], history.timestamp[:-1])
    scores = recommender.index.dot(recommender.query(before, int(history.timestamp[-1])))
    return float(logsumexp(scores) - scores[history.movie_index[-1]])


def _of_latest(recommender: Recommender, movie: int | None) -> dict[str, Any]:
    """Facts of the movie rated last; None: no history, -1: not in the catalogue."""
    has_genre = recommender.catalogue_filter.has_genre
    if movie is None or movie < 0:
        is_new = np.nan if movie is None else 1.0
        unknown = {"year": np.nan, "popularity": np.nan, "genres": np.zeros(has_genre.shape[1])}
        return unknown | {"is_new_movie": is_new}
    index = recommender.index
    rated = index.movies.statistics.count[movie]
    genres = has_genre[movie].astype(np.float32)
    return {
        "year": index.titles.year[movie] or np.nan,
        "is_new_movie": float(rated == 0),
        "popularity": np.log2(1 + rated),
        "genres": genres / max(genres.sum(), 1),
    }
