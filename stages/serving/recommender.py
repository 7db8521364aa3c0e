"""The inference path: sources -> filter -> rank -> order.

Offline evaluation and the service both call it, one history at a time, so what is measured is what is
served, to the bit. It needs numpy and LiteRT, nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages import params
from stages.data import features
from stages.data.interactions import Float32, Int32
from stages.ranking.features import Float64, History, history_states, pair_features
from stages.retrieval.top_k import best_unseen
from stages.serving.bundle import Bundle
from stages.serving.litert import LiteRtModel


@dataclass(frozen=True)
class Recommendation:
    """One movie of an answer.

    Attributes:
        movie_index: row of the catalogue.
        score: what the list is ordered by: log of the movie's share among the candidates, as the two-tower
            sees it, plus rating_weight x predicted rating.
        retrieval_score: the two-tower's own, before any scaling.
        predicted_rating: stars, 0.5 to 5.
    """

    movie_index: int
    score: float
    retrieval_score: float
    predicted_rating: float


@dataclass(frozen=True)
class Ranked:
    """Every candidate in the order it would be shown, columns of length c; see `Recommendation`."""

    movie_index: Int32
    score: Float64
    retrieval_score: Float32
    predicted_rating: Float32

    def first(self, k: int) -> list[Recommendation]:
        """The k best."""
        columns = (self.movie_index, self.score, self.retrieval_score, self.predicted_rating)
        return [
            Recommendation(*row) for row in zip(*(column[:k].tolist() for column in columns), strict=True)
        ]


class Recommender:
    """Answers histories from one bundle."""

    def __init__(self, bundle: Bundle, values: params.Recommender) -> None:
        self.bundle = bundle
        self.values = values
        self._row_of = {movie_id: row for row, movie_id in enumerate(bundle.titles.movie_id)}
        self._query_tower = LiteRtModel(bundle.query_tower)
        self._dcn = LiteRtModel(bundle.dcn)

    def history(
        self,
        movie_ids: Sequence[int],
        ratings: Sequence[float],
        timestamps: Sequence[int] | None,
        now: int,
    ) -> tuple[History, list[int]]:
        """A history from what a caller knows, in order of time, and the ids the catalogue lacks.

        Args:
            movie_ids: MovieLens ids; unknown ones are left out of the history.
            ratings: stars, one a movie.
            timestamps: seconds since 1970, one a movie; None: rated just before now, one second apart, in
                the order given.
            now: seconds since 1970.
        """
        if timestamps is None:
            timestamps = range(now - len(movie_ids), now)
        rows = [self._row_of.get(movie_id, -1) for movie_id in movie_ids]
        unknown = [movie_id for movie_id, row in zip(movie_ids, rows, strict=True) if row < 0]
        movie_index = np.array(rows, dtype=np.int32)
        known = movie_index >= 0
        movie_index, time = movie_index[known], np.array(timestamps, dtype=np.int64)[known]
        rating = np.array(ratings, dtype=np.float32)[known]
        order = np.lexsort((movie_index, time))  # as the training table is sorted
        return History(movie_index[order], rating[order], time[order]), list(dict.fromkeys(unknown))

    def recommend(self, history: History, now: int, k: int) -> list[Recommendation]:
        """The k best unseen movies, best first; fewer where fewer are unseen.

        Args:
            history: in order of time, empty or not; nothing in it at or after now.
            now: seconds since 1970, the moment of asking.
            k: how many.
        """
        return self.rank(history, now, max(k, self.values.num_candidates)).first(k)

    def rank(self, history: History, now: int, num_candidates: int) -> Ranked:
        """Retrieve unseen candidates, predict their ratings, put them in order."""
        movie_index, retrieval_score = best_unseen(
            self.bundle.candidates, self.query(history, now), history.movie_index, num_candidates
        )
        predicted = self.predict_ratings(history, movie_index, now)
        score = log_shares(retrieval_score) + self.values.rating_weight * predicted.astype(np.float64)
        order = np.lexsort((movie_index, -score))
        return Ranked(movie_index[order], score[order], retrieval_score[order], predicted[order])

    def query(self, history: History, now: int) -> Float32:
        """(D,) the query tower's answer to a history at a moment."""
        settings, release = self.bundle.settings, self.bundle.movies.catalogue.release
        length = len(history.movie_index)
        first_row, moment = np.zeros(length, dtype=np.int64), np.array([now], dtype=np.int64)
        rows = features.history_features(
            history.movie_index, history.rating, history.timestamp, first_row, release
        )
        end = np.array([length], dtype=np.int64)
        start = features.window_start(np.zeros(1, dtype=np.int64), end, settings.history_length)
        window = features.windows(history.movie_index, rows, start, end, settings.history_length)
        context = features.query_features(
            history.rating, history.timestamp, first_row, np.zeros(1, dtype=np.int64), end, moment
        )
        query = self._query_tower(
            vectors=self.bundle.history_vectors[window.movie_index],
            features=window.features,
            read_at=(end - start).astype(np.int32),
            context=context,
            now=features.in_years(moment),
        )
        first: Float32 = query[0]
        return first

    def predict_ratings(self, history: History, movie_index: Int32, now: int) -> Float32:
        """(n,) stars, 0.5 to 5, that the person would give each movie now."""
        if len(movie_index) == 0:
            return np.empty(0, dtype=np.float32)
        return self.predict_stars(self.describe(history, movie_index, now), movie_index)

    def describe(self, history: History, movie_index: Int32, now: int) -> Float32:
        """(n, F) what the ranker reads of each movie."""
        n = len(movie_index)
        start, end = np.zeros(1, dtype=np.int64), np.array([len(history.movie_index)], dtype=np.int64)
        states = history_states(history, start, end, self.bundle.movies).take(np.zeros(n, dtype=np.int64))
        return pair_features(states, movie_index, np.full(n, now, dtype=np.int64), self.bundle.movies)

    def predict_stars(self, described: Float32, movie_index: Int32) -> Float32:
        """(n,) stars from (n, F) features, n at least 1."""
        return self._dcn(features=described, movie_index=movie_index)


def log_shares(scores: Float32) -> Float64:
    """(n,) log-softmax: scores on a scale that is the same for every history, so that stars can be added."""
    if len(scores) == 0:
        return np.empty(0)
    shifted = scores.astype(np.float64) - scores.max()
    shares: Float64 = shifted - np.log(np.exp(shifted).sum())
    return shares
