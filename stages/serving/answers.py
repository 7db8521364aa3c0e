"""From a request to a response: what the service does, without the server around it."""

from stages.ranking.features import History
from stages.serving.bundle import Packaged
from stages.serving.recommender import Recommendation, Recommender
from stages.serving.schemas import (
    LONGEST_HISTORY,
    Rated,
    RecommendedMovie,
    RecommendRequest,
    RecommendResponse,
)


class Answers:
    """Answers requests from one verified bundle."""

    def __init__(self, packaged: Packaged) -> None:
        self.content_hash = packaged.content_hash
        self.recommender = Recommender(packaged.bundle, packaged.recommender)

    def recommend(self, request: RecommendRequest, now: int) -> RecommendResponse:
        """Recommend to a history at a moment, in seconds since 1970.

        Clocks disagree: where the history's latest time is not before `now`, it is asked a second after it.
        """
        timestamps = [rated.timestamp for rated in request.history if rated.timestamp is not None]
        now = max([now, *(timestamp + 1 for timestamp in timestamps)])
        history, unknown = self.recommender.history(
            [rated.movie_id for rated in request.history],
            [rated.rating for rated in request.history],
            timestamps or None,
            now,
        )
        best = self.recommender.recommend(history, now, request.k)
        return RecommendResponse(
            recommendations=[self._movie(recommendation) for recommendation in best],
            unknown_movie_ids=unknown,
            model=self.content_hash,
        )

    def request_of(self, history: History, now: int) -> tuple[RecommendRequest, int]:
        """What a caller with this history would send, and the moment they would send it."""
        titles, latest = self.recommender.bundle.titles, slice(-LONGEST_HISTORY, None)
        columns = (history.movie_index, history.rating, history.timestamp)
        rows = zip(*(column[latest].tolist() for column in columns), strict=True)
        rated = [
            Rated(movie_id=titles.movie_id[row], rating=rating, timestamp=timestamp)
            for row, rating, timestamp in rows
        ]
        return RecommendRequest(history=rated), now

    def _movie(self, recommendation: Recommendation) -> RecommendedMovie:
        titles, row = self.recommender.bundle.titles, recommendation.movie_index
        return RecommendedMovie(
            movie_id=titles.movie_id[row],
            title=titles.title[row],
            year=titles.year[row] or None,
            genres=titles.genres[row],
            score=recommendation.score,
            predicted_rating=recommendation.predicted_rating,
        )
