"""What is kept of each answer: a record in the event log, increments of Prometheus' series."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from marquee.events import records
from marquee.serving.recommender.steps import Steps
from marquee.serving.service.deployment import Opened
from marquee.serving.service.refusal import Refused
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
Request = TypeVar("Request", RecommendRequest, SimilarRequest, PredictRatingsRequest)


@dataclass(frozen=True)
class Asked(Generic[Request]):
    """What is recorded of an answer beside the answer.

    Attributes:
        request: as it was validated.
        now: the moment it is answered for, seconds since 1970.
        arm: who answers.
        opened: its bundle.
        steps: where the time goes.
    """

    request: Request
    now: int
    arm: records.Arm
    opened: Opened
    steps: Steps


class Recording:
    """Records answers and feedback.

    Attributes:
        log: of events; None (`serving.events.enabled: false`): the series alone.
    """

    def __init__(self, log: EventLog | None) -> None:
        self.log = log

    @property
    def state(self) -> str:
        """In a word or the reason why not: whether events are written."""
        return "off" if self.log is None else self.log.problem or "writing"

    def recommended(self, asked: Asked[RecommendRequest], response: RecommendResponse) -> None:
        """Keep an answer of /recommend and give it its id."""
        best, milliseconds = response.recommendations, asked.steps.milliseconds()
        self._put("recommend", asked, response, partial(_recommended, response), milliseconds)
        unseen = asked.opened.answers.unseen
        series.observe_answer(
            arm=asked.arm,
            sources=[movie.source for movie in best],
            candidates_by_source=asked.steps.candidates,
            predicted_ratings=[movie.predicted_rating for movie in best],
            steps=milliseconds,
            cold_visitor=not asked.request.history,
            cold_results=sum(movie.movie_id in unseen for movie in best),
        )

    def similar(self, asked: Asked[SimilarRequest], response: SimilarResponse) -> None:
        """Keep an answer of /similar and give it its id."""
        self._put("similar", asked, response, partial(_similar, response), asked.steps.milliseconds())

    def predicted(self, asked: Asked[PredictRatingsRequest], response: PredictRatingsResponse) -> None:
        """Keep an answer of /predict_ratings and give it its id."""
        self._put(
            "predict_ratings", asked, response, partial(_predicted, response), asked.steps.milliseconds()
        )

    def feedback(self, request: FeedbackRequest, bundle: str) -> None:
        """Keep what somebody did.

        Raises:
            Refused: 503, it cannot be kept at present.
        """
        if self.log is None:
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
        if not self.log.healthy or not self.log.put(event):
            raise Refused.because(503, "feedback cannot be recorded at present; send it again later")
        traffic.name_answer(event["request_id"])
        series.observe_feedback(request.event, request.rating, request.place)

    def _put(
        self,
        kind: records.AnswerKind,
        asked: Asked[Any],
        response: RecommendResponse | SimilarResponse | PredictRatingsResponse,
        results: Callable[[], Results],
        milliseconds: Mapping[Any, float],
    ) -> None:
        response.request_id = records.request_id()
        if asked.arm != "shadow":
            traffic.name_answer(response.request_id)
        if self.log is not None:
            self.log.put(
                partial(_record, kind, response.request_id, time.time(), asked, results, milliseconds)
            )


def _record(
    kind: records.AnswerKind,
    request_id: str,
    at: float,
    asked: Asked[Any],
    results: Callable[[], Results],
    milliseconds: Mapping[Any, float],
) -> dict[str, Any]:
    """The record, made where the log has room for it."""
    return records.answer(
        kind,
        request_id=request_id,
        time=at,
        bundle=asked.opened.content_hash,
        arm=asked.arm,
        visitor_id=asked.request.visitor_id,
        request=records.request_json(asked.request, asked.now),
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
