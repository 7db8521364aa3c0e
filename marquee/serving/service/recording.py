"""What is kept of each answer: a record in the event log, increments of Prometheus' series."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pydantic import BaseModel

from marquee.events import records
from marquee.serving.recommender.steps import Steps
from marquee.serving.service.deployment import Opened
from marquee.serving.service.limits import Refused
from marquee.serving.service.responses import PredictRatingsResponse, RecommendResponse, SimilarResponse
from marquee.serving.service.schemas import (
    FeedbackRequest,
    PredictRatingsRequest,
    RecommendRequest,
    SimilarRequest,
)
from marquee.serving.telemetry import series, traffic
from marquee.serving.telemetry.event_log import EventLog

Results = list[dict[str, Any]]


class Recording:
    """Records answers and feedback; without a log (`serving.events.enabled: false`) the series alone."""

    def __init__(self, log: EventLog | None) -> None:
        self._log = log

    @property
    def state(self) -> str:
        """In a word or the reason why not: whether events are written."""
        return "off" if self._log is None else self._log.problem or "writing"

    def recommended(
        self,
        request: RecommendRequest,
        now: int,
        arm: records.Arm,
        opened: Opened,
        response: RecommendResponse,
        steps: Steps,
    ) -> None:
        """Keep an answer of /recommend and give it its id."""
        best, milliseconds = response.recommendations, steps.milliseconds()
        self._put("recommend", request, now, arm, response, partial(_recommended, response), milliseconds)
        series.observe_answer(
            arm=arm,
            sources=[movie.source for movie in best],
            candidates_by_source=steps.candidates,
            predicted_ratings=[movie.predicted_rating for movie in best],
            steps=milliseconds,
            cold_visitor=not request.history,
            cold_results=sum(movie.movie_id in opened.answers.unseen for movie in best),
        )
        if arm != "shadow":
            opened.coverage.observe(movie.movie_id for movie in best)

    def similar(
        self, request: SimilarRequest, now: int, response: SimilarResponse, milliseconds: Mapping[Any, float]
    ) -> None:
        """Keep an answer of /similar and give it its id."""
        self._put("similar", request, now, "champion", response, partial(_similar, response), milliseconds)

    def predicted(
        self,
        request: PredictRatingsRequest,
        now: int,
        response: PredictRatingsResponse,
        milliseconds: Mapping[Any, float],
    ) -> None:
        """Keep an answer of /predict_ratings and give it its id."""
        results = partial(_predicted, response)
        self._put("predict_ratings", request, now, "champion", response, results, milliseconds)

    def feedback(self, request: FeedbackRequest, bundle: str) -> None:
        """Keep what somebody did.

        Raises:
            Refused: 503, it cannot be kept at present.
        """
        if self._log is None:
            raise Refused.because(503, "feedback is not recorded here: serving.events.enabled is false")
        event = records.feedback(
            request_id=records.request_id(),
            time=time.time(),
            bundle=bundle,
            visitor_id=request.visitor_id,
            answer_id=request.answer_id,
            movie_id=request.movie_id,
            event=request.event,
            rating=request.rating,
            place=request.place,
        )
        if not self._log.healthy or not self._log.put(event):
            raise Refused.because(503, "feedback cannot be recorded at present; send it again later")
        traffic.name_answer(event["request_id"])
        series.observe_feedback(request.event, request.rating, request.place)

    def _put(
        self,
        kind: records.AnswerKind,
        request: RecommendRequest | SimilarRequest | PredictRatingsRequest,
        now: int,
        arm: records.Arm,
        response: RecommendResponse | SimilarResponse | PredictRatingsResponse,
        results: Callable[[], Results],
        milliseconds: Mapping[Any, float],
    ) -> None:
        response.request_id = records.request_id()
        if arm != "shadow":
            traffic.name_answer(response.request_id)
        if self._log is not None:
            answered = (kind, response.request_id, time.time(), response.model, arm)
            self._log.put(partial(_record, *answered, request, now, results, milliseconds))


def _record(
    kind: records.AnswerKind,
    request_id: str,
    at: float,
    bundle: str,
    arm: records.Arm,
    request: BaseModel,
    now: int,
    results: Callable[[], Results],
    milliseconds: Mapping[Any, float],
) -> dict[str, Any]:
    """The record, made by the log's writer and not by the request."""
    return records.answer(
        kind,
        request_id=request_id,
        time=at,
        bundle=bundle,
        arm=arm,
        visitor_id=getattr(request, "visitor_id", None),
        request=records.request_json(request, now),
        results=results(),
        steps=milliseconds,
    )


def _recommended(response: RecommendResponse) -> Results:
    best = response.recommendations
    return records.results(
        [movie.movie_id for movie in best],
        sources=[movie.source for movie in best],
        scores=[movie.score for movie in best],
        predicted_ratings=[movie.predicted_rating for movie in best],
        propensities=[movie.propensity for movie in best],
    )


def _similar(response: SimilarResponse) -> Results:
    return records.results(
        [movie.movie_id for movie in response.similar], scores=[movie.score for movie in response.similar]
    )


def _predicted(response: PredictRatingsResponse) -> Results:
    return records.results(
        [prediction.movie_id for prediction in response.predictions],
        predicted_ratings=[prediction.predicted_rating for prediction in response.predictions],
    )
