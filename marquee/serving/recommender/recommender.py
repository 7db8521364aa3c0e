"""The inference path: sources -> filter -> rank -> order.

Offline evaluation and the service both call it, one history at a time, so what is measured is what is
served, to the bit. It needs numpy and LiteRT, nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marquee.models.features import history as features
from marquee.models.features.movies import content_of
from marquee.models.features.pair import pair_features
from marquee.models.features.person import History, history_states
from marquee.models.neighbours.item_item import strengths
from marquee.pipeline.arrays import Float32, Float64, Int32, Int64
from marquee.pipeline.params import RecommenderParams
from marquee.serving.recommender import candidates, order
from marquee.serving.recommender.bundle import Bundle
from marquee.serving.recommender.candidates import Candidates
from marquee.serving.recommender.catalogue_filter import ANY, CatalogueFilter, Wanted
from marquee.serving.recommender.litert import LiteRtModel
from marquee.serving.recommender.order import Scored
from marquee.serving.recommender.reasons import speaking
from marquee.serving.recommender.sources import registry
from marquee.serving.recommender.sources.similar import neighbours_score
from marquee.serving.recommender.sources.source import Asked
from marquee.serving.recommender.steps import Steps
from marquee.serving.recommender.top_k import top_k


@dataclass(frozen=True)
class Recommendation:
    """One movie of an answer.

    Attributes:
        movie_index: row of the catalogue.
        score: what the list is ordered by, before the rules of `order.arrange`.
        retrieval_score: the sources' scores together, each at its weight; comparable within an answer.
        predicted_rating: stars, 0.5 to 5.
        source: one of `registry.names()`.
        because: the liked movie of the history that speaks for it most; -1 where none does.
        propensity: the probability that its place got it, given the places above; 1 without exploration.
    """

    movie_index: int
    score: float
    retrieval_score: float
    predicted_rating: float
    source: str
    because: int
    propensity: float


@dataclass(frozen=True)
class Ranked:
    """Every candidate in the order it is shown, columns of length c; see `Recommendation`."""

    movie_index: Int32
    score: Float64
    retrieval_score: Float32
    predicted_rating: Float32
    source: Int64

    def in_order(self, order: Int64) -> "Ranked":
        """Rows by position."""
        return Ranked(
            self.movie_index[order],
            self.score[order],
            self.retrieval_score[order],
            self.predicted_rating[order],
            self.source[order],
        )


class Recommender:
    """Answers histories from one bundle."""

    def __init__(self, bundle: Bundle, params: RecommenderParams) -> None:
        self.bundle = bundle
        self.index = bundle.index
        self.params = params
        self._query_tower = LiteRtModel(bundle.query_tower)
        self._dcn = LiteRtModel(bundle.dcn)
        titles = self.index.titles
        self._row_of = {movie_id: row for row, movie_id in enumerate(titles.movie_id)}
        self._vectors = bundle.history_vectors  # a view: a copy would be a tenth of the worker's memory
        self._norms = np.linalg.norm(self._vectors, axis=1)
        self.catalogue_filter = CatalogueFilter(titles)

    def rows_of(self, movie_ids: Sequence[int]) -> list[int]:
        """Rows of the catalogue, -1 for ids that it lacks."""
        return [self._row_of.get(movie_id, -1) for movie_id in movie_ids]

    def history(
        self,
        movie_ids: Sequence[int],
        ratings: Sequence[float],
        timestamps: Sequence[int] | None,
        now: int,
    ) -> tuple[History, list[int]]:
        """A history from what a caller knows, in order of time, and the ids the catalogue lacks.

        Args:
            movie_ids: MovieLens ids; unknown ones are left out, a repeated one counts as often.
            ratings: stars, one per movie.
            timestamps: seconds since 1970, one per movie; None: rated just before now, one second apart, in
                the order given.
            now: seconds since 1970.
        """
        if timestamps is None:
            timestamps = range(now - len(movie_ids), now)
        movie_index = np.array(self.rows_of(movie_ids), dtype=np.int32)
        unknown = [movie_id for movie_id, row in zip(movie_ids, movie_index, strict=True) if row < 0]
        time, rating = np.array(timestamps, dtype=np.int64), np.array(ratings, dtype=np.float32)
        by_time = np.lexsort((movie_index, time))  # as the training table is sorted
        kept = by_time[movie_index[by_time] >= 0]
        return History(movie_index[kept], rating[kept], time[kept]), list(dict.fromkeys(unknown))

    def recommend(
        self,
        history: History,
        now: int,
        k: int,
        wanted: Wanted = ANY,
        seed: int | None = None,
        steps: Steps | None = None,
    ) -> list[Recommendation]:
        """The k best unseen movies, best first; fewer where fewer may be shown.

        Args:
            history: in order of time, empty or not; nothing in it at or after now.
            now: seconds since 1970, the moment of asking.
            k: how many.
            wanted: which movies may be shown.
            seed: of the places that exploration fills; None: it fills none.
            steps: told how long each step took, and what the sources gave.
        """
        steps = steps or Steps()
        ranked = self.rank(history, now, wanted, steps)
        share = 0.0 if seed is None else self.params.explore_share
        explored = order.explore(ranked.score, k, share, self.params.explore_temperature, seed or 0)
        places = np.arange(min(k, len(ranked.score)))
        shown = ranked.in_order(explored.order[places])
        source = [
            registry.EXPLORATION.name if by_chance else registry.SOURCES[position].name
            for by_chance, position in zip(
                explored.by_chance[places].tolist(), shown.source.tolist(), strict=True
            )
        ]
        because = self.reasons(history, shown.movie_index)
        columns = (shown.movie_index, shown.score, shown.retrieval_score, shown.predicted_rating)
        rows = zip(
            *(column.tolist() for column in columns),
            source,
            because.tolist(),
            explored.propensity[places].tolist(),
            strict=True,
        )
        recommended = [Recommendation(*row) for row in rows]
        steps.done("order")
        return recommended

    def rank(self, history: History, now: int, wanted: Wanted = ANY, steps: Steps | None = None) -> Ranked:
        """Gather candidates, predict their ratings, put them in order."""
        steps = steps or Steps()
        gathered = self.candidates(history, now, wanted, steps)
        scored = self.scored(gathered, self.predict_ratings(history, gathered.movie_index, now))
        steps.done("rank")
        score = order.scores(scored, self.params)
        exempt = np.isin(self.catalogue_filter.genres, list(wanted.genres))
        least_stars = order.usual_stars(history.rating, self.params)
        shown = order.arrange(scored, score, self.params, exempt, least_stars)
        steps.done("order")
        return Ranked(
            scored.movie_index, score, scored.retrieval_score, scored.predicted_rating, gathered.source
        ).in_order(shown)

    def candidates(
        self, history: History, now: int, wanted: Wanted = ANY, steps: Steps | None = None
    ) -> Candidates:
        """What the sources give that the history does not hold and the filter lets through."""
        steps = steps or Steps()
        settings = self.bundle.settings
        allowed = self.catalogue_filter.allowed(wanted)
        allowed[history.movie_index] = False
        steps.done("filter")
        asked = Asked(
            history=history,
            strength=strengths(history.rating, settings.positive_rating, settings),
            query=self.query(history, now),
            now=now,
            index=self.index,
            parts=self.bundle.of_sources,
        )
        gathered = candidates.gather(asked, allowed, self.params)
        steps.candidates = gathered.by_source()
        steps.done("sources")
        return gathered

    def scored(self, gathered: Candidates, predicted_rating: Float32) -> Scored:
        """Candidates with all that their order is made of."""
        return Scored(
            gathered.movie_index,
            registry.retrieval_score(gathered.scores, self.params),
            predicted_rating,
            self._vectors[gathered.movie_index],
            self.catalogue_filter.has_genre[gathered.movie_index],
        )

    def query(self, history: History, now: int) -> Float32:
        """(D,) the query tower's answer to a history at a moment."""
        settings, release = self.bundle.settings, self.index.movies.catalogue.release
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
            vectors=self._vectors[window.movie_index],
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
        start, end = np.zeros(1, dtype=np.int64), np.array([len(history.movie_index)], dtype=np.int64)
        state = history_states(history, start, end, self.index.movies)
        return pair_features(state, movie_index, np.array([now], dtype=np.int64), self.index.movies)

    def predict_stars(self, described: Float32, movie_index: Int32) -> Float32:
        """(n,) stars from (n, F) features, n at least 1."""
        return self._dcn(
            features=described,
            content=content_of(self.index.movies.catalogue, movie_index),
            id_row=self.index.ranking_id_row[movie_index],
        )

    def similar(self, movie_index: int, k: int, wanted: Wanted = ANY) -> tuple[Int32, Float32]:
        """The k movies most like one, best first, and their likeness.

        Cosine of the two-tower's vectors, which knows movies by their content, and the item-item weights,
        which know who watched both, in the proportion in which `rank` adds them.
        """
        vector = self._vectors[movie_index]
        norms = self._norms * np.linalg.norm(vector)
        cosine = self._vectors @ vector / np.maximum(norms, 1e-9)
        one = np.array([movie_index], dtype=np.int32)
        weights = neighbours_score(self.bundle.neighbours, one, np.ones(1, dtype=np.float32), len(self.index))
        likeness = cosine / max(float(cosine.std()), 1e-9) + weights
        allowed = self.catalogue_filter.allowed(wanted)
        allowed[movie_index] = False
        best = top_k(np.where(allowed, likeness, -np.inf).astype(np.float32), k)
        return best, likeness[best].astype(np.float32)

    def reasons(self, history: History, movie_index: Int32) -> Int32:
        """(n,) the liked movie of the history that speaks for each movie most; -1 where none does."""
        liked = np.unique(history.movie_index[history.rating >= self.bundle.settings.positive_rating])
        has_genre = self.catalogue_filter.has_genre
        return speaking(liked, movie_index, self.bundle.neighbours, self._vectors, has_genre)
