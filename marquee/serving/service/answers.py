"""From a request to a response: what the service does, without the server around it."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from marquee.models.features.person import History
from marquee.serving.recommender.bundle import Packaged
from marquee.serving.recommender.catalogue_filter import Wanted
from marquee.serving.recommender.reasons import in_common
from marquee.serving.recommender.recommender import Recommendation, Recommender
from marquee.serving.recommender.sources import registry
from marquee.serving.recommender.steps import Steps
from marquee.serving.service import first_titles, responses, schemas
from marquee.serving.service.refusal import Refused
from marquee.serving.service.responses import Problem, RecommendResponse
from marquee.serving.service.schemas import LONGEST_HISTORY, Rated, RecommendRequest
from marquee.serving.service.title_search import TitleSearch


class Answers:
    """Answers requests from one verified bundle."""

    def __init__(self, packaged: Packaged) -> None:
        self.content_hash = packaged.content_hash
        self.recommender = Recommender(packaged.bundle, packaged.recommender)
        index = packaged.bundle.index
        self._titles = index.titles
        self._ratings = index.movies.statistics.count
        self._unseen = frozenset(np.array(index.titles.movie_id)[self._ratings == 0].tolist())
        self._search = TitleSearch(index.titles.title, index.titles.year, self._ratings)

    @property
    def num_movies(self) -> int:
        """Size of the catalogue, movies added later included."""
        return len(self._titles.movie_id)

    @property
    def genres(self) -> list[str]:
        """What the filter by genres knows."""
        return list(self.recommender.catalogue_filter.genres)

    @property
    def languages(self) -> list[str]:
        """What the filter by languages knows."""
        return list(self.recommender.catalogue_filter.languages)

    @property
    def years(self) -> responses.YearsKnown | None:
        """First and last year of release; a year of 0 is unknown."""
        known = [year for year in self._titles.year if year]
        return responses.YearsKnown(first=min(known), last=max(known)) if known else None

    @property
    def sources(self) -> list[responses.SourceWords]:
        """Where recommendations may come from, in words."""
        return [
            responses.SourceWords(
                name=origin.name,
                shown=origin.shown,
                shown_at_first=origin.shown_at_first or origin.shown,
                found_by=origin.found_by,
            )
            for origin in registry.origins()
        ]

    @property
    def first_titles(self) -> list[responses.Movie]:
        """Movies to ask a new visitor about, the most telling first."""
        rows = first_titles.telling(self.recommender.bundle.history_vectors, self._ratings)
        return [responses.Movie(**self._shown(row)) for row in rows.tolist()]

    @property
    def unseen(self) -> frozenset[int]:
        """Ids of the movies that training never saw."""
        return self._unseen

    def recommend(self, request: RecommendRequest, now: int, steps: Steps | None = None) -> RecommendResponse:
        """Recommend to a history at a moment, in seconds since 1970; `steps` is told where the time goes."""
        start = time.perf_counter()
        history, unknown, now = self._history(request.history, now)
        wanted, not_excluded = self._wanted(request)
        best = self.recommender.recommend(history, now, request.k, wanted, request.explore_seed, steps)
        explained = _explanations(best) if request.explain else [None] * len(best)
        return RecommendResponse(
            recommendations=[
                self._recommended(recommendation, explanation)
                for recommendation, explanation in zip(best, explained, strict=True)
            ],
            unknown_movie_ids=_once(unknown, not_excluded),
            model=self.content_hash,
            milliseconds=round((time.perf_counter() - start) * 1e3, 3),
        )

    def similar(self, request: schemas.SimilarRequest) -> responses.SimilarResponse:
        """Movies close to one."""
        row = self.row_of(request.movie_id)
        wanted, unknown = self._wanted(request)
        rows, scores = self.recommender.similar(row, request.k, wanted)
        return responses.SimilarResponse(
            movie_id=request.movie_id,
            similar=[
                responses.SimilarMovie(
                    **self._shown(other), score=score, shared=in_common(self._titles, other, row)
                )
                for other, score in zip(rows.tolist(), scores.tolist(), strict=True)
            ],
            unknown_movie_ids=_once(unknown),
            model=self.content_hash,
        )

    def predict_ratings(
        self, request: schemas.PredictRatingsRequest, now: int
    ) -> responses.PredictRatingsResponse:
        """What a person would rate some movies at a moment."""
        history, unknown, now = self._history(request.history, now)
        rows = np.array(self.recommender.rows_of(request.movie_ids), dtype=np.int32)
        asked = np.array(request.movie_ids)
        stars = self.recommender.predict_ratings(history, rows[rows >= 0], now)
        return responses.PredictRatingsResponse(
            predictions=[
                responses.Prediction(movie_id=movie_id, predicted_rating=rating)
                for movie_id, rating in zip(asked[rows >= 0].tolist(), stars.tolist(), strict=True)
            ],
            unknown_movie_ids=_once(unknown, asked[rows < 0].tolist()),
            model=self.content_hash,
        )

    def movies(self, query: schemas.MoviesQuery) -> responses.MoviesResponse:
        """Movies by title."""
        rows = self._search.search(query.title, query.k)
        return responses.MoviesResponse(movies=[responses.Movie(**self._shown(row)) for row in rows])

    def movie(self, movie_id: int) -> responses.MovieDetails:
        """All about one movie."""
        row, titles = self.row_of(movie_id), self._titles
        return responses.MovieDetails(
            **self._shown(row),
            language=titles.language[row] or None,
            directors=titles.directors[row],
            cast=titles.cast[row],
            ratings=int(self._ratings[row]),
        )

    def row_of(self, movie_id: int) -> int:
        """Row of the catalogue.

        Raises:
            Refused: 404, the catalogue lacks it.
        """
        (row,) = self.recommender.rows_of([movie_id])
        if row < 0:
            raise Refused.because(404, f"{movie_id} is not in the catalogue", "movie_id")
        return row

    def request_of(self, history: History, now: int) -> tuple[RecommendRequest, int]:
        """What a caller with this history would send, and the moment they would send it."""
        latest = slice(-LONGEST_HISTORY, None)
        columns = (history.movie_index, history.rating, history.timestamp)
        rows = zip(*(column[latest].tolist() for column in columns), strict=True)
        rated = [
            Rated(movie_id=self._titles.movie_id[row], rating=rating, timestamp=timestamp)
            for row, rating, timestamp in rows
        ]
        return RecommendRequest(history=rated), now

    def _history(self, rated: list[Rated], now: int) -> tuple[History, list[int], int]:
        """The history, the ids the catalogue lacks, and the moment to ask at.

        Clocks disagree: where the history's latest time is not before `now`, it is asked a second after it.
        """
        timestamps = [one.timestamp for one in rated if one.timestamp is not None]
        now = max([now, *(timestamp + 1 for timestamp in timestamps)])
        history, unknown = self.recommender.history(
            [one.movie_id for one in rated], [one.rating for one in rated], timestamps or None, now
        )
        return history, unknown, now

    def _wanted(self, request: schemas.Filters) -> tuple[Wanted, list[int]]:
        """The filter, and the ids to exclude that the catalogue lacks.

        Raises:
            Refused: 400, a genre or language that no movie of the catalogue has.
        """
        _require_known("genres", request.genres, self.genres)
        _require_known("languages", request.languages, self.languages)
        rows = self.recommender.rows_of(request.exclude)
        wanted = Wanted(
            genres=frozenset(request.genres),
            first_year=request.years.first,
            last_year=request.years.last,
            languages=frozenset(request.languages),
            excluded=[row for row in rows if row >= 0],
        )
        unknown = [movie_id for movie_id, row in zip(request.exclude, rows, strict=True) if row < 0]
        return wanted, unknown

    def _shown(self, row: int) -> dict[str, Any]:
        titles = self._titles
        return {
            "movie_id": titles.movie_id[row],
            "title": titles.title[row],
            "year": titles.year[row] or None,
            "genres": titles.genres[row],
        }

    def _recommended(
        self, recommendation: Recommendation, explanation: responses.Explanation | None
    ) -> responses.RecommendedMovie:
        titles, liked = self._titles, recommendation.because
        return responses.RecommendedMovie(
            **self._shown(recommendation.movie_index) | {"source": recommendation.source},
            score=recommendation.score,
            predicted_rating=recommendation.predicted_rating,
            because=(
                responses.Liked(
                    movie_id=titles.movie_id[liked],
                    title=titles.title[liked],
                    shared=in_common(titles, recommendation.movie_index, liked),
                )
                if liked >= 0
                else None
            ),
            propensity=recommendation.propensity,
            explanation=explanation,
        )


def _explanations(best: list[Recommendation]) -> list[responses.Explanation]:
    """How each movie of an answer got its place."""
    scores = np.array([(one.retrieval_score, one.predicted_rating) for one in best]).reshape(-1, 2)
    # Equal scores share the better place.
    places = 1 + (scores[None, :, :] > scores[:, None, :]).sum(axis=1)
    return [
        responses.Explanation(
            retrieval_score=one.retrieval_score, rank_by_retrieval=retrieval, rank_by_rating=rating
        )
        for one, (retrieval, rating) in zip(best, places.tolist(), strict=True)
    ]


def _require_known(field: str, received: Sequence[str], known: Sequence[str]) -> None:
    listed = ", ".join(known) or "none: the catalogue has no such facts"
    problems = [
        Problem(loc=[field, position], msg=f"must be one of {listed}; received {name}")
        for position, name in enumerate(received)
        if name not in known
    ]
    if problems:
        raise Refused(400, *problems)


def _once(*ids: list[int]) -> list[int]:
    return list(dict.fromkeys(one for some in ids for one in some))
