"""The BentoML service: thin, the work is in `answers.py`; `deployment.py` says which bundle answers."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import bentoml
from pydantic import ValidationError

import marquee
from marquee.pipeline import paths
from marquee.serving.recommender.manifest import verify
from marquee.serving.recommender.steps import Steps
from marquee.serving.service import limits, routes
from marquee.serving.service.deployment import Deployment
from marquee.serving.service.limits import Limits, Refused
from marquee.serving.service.readiness import Readiness
from marquee.serving.service.recording import Recording
from marquee.serving.service.responses import (
    FeedbackResponse,
    PredictRatingsResponse,
    RecommendResponse,
    SimilarResponse,
)
from marquee.serving.service.schemas import (
    FeedbackRequest,
    PredictRatingsRequest,
    RecommendRequest,
    SimilarRequest,
)
from marquee.serving.telemetry import series
from marquee.serving.telemetry.event_log import EventLog, check_writable
from marquee.serving.telemetry.traffic import Traffic

ROOT = Path(marquee.__file__).parents[1]
"""The repository, or the Bento's `src`: the bundle lies in the same place in both."""
EVENTS = "MARQUEE_EVENTS"
"""Environment variable: the folder of the event log's segments, if not data/events/segments."""
WORKERS = int(os.environ.get("MARQUEE_WORKERS", "2"))
"""Processes that answer; one that dies costs the requests it had, not the service."""

READ = routes.application()
R = TypeVar("R")


def champion() -> Path:
    """The folder whose bundle answers: what was promoted, or what the pipeline packaged last."""
    promoted = ROOT / paths.CHAMPION
    return promoted if promoted.is_dir() else ROOT / paths.BUNDLE


def segments() -> Path:
    """Where events are recorded."""
    return Path(os.environ.get(EVENTS, ROOT / paths.EVENTS.segments))


@bentoml.service(
    name="marquee",
    workers=WORKERS,
    # numpy is imported before this module is: only the worker's environment comes early enough.
    envs=[{"name": "OPENBLAS_NUM_THREADS", "value": "1"}],
    logging={"access": {"enabled": False}},  # /metrics counts requests; a line for each would take longer
    metrics={"enabled": False, "namespace": "bentoml_service"},  # see telemetry/traffic.py
    tracing={"excluded_urls": ".*"},  # spans that nobody collects: a tenth of a millisecond each request
    # BentoML keeps a timer of each request until this many seconds are over; Limits gives up earlier.
    traffic={"timeout": 15},
)
class Marquee:
    """Recommends movies to a history of ratings; readiness waits for a verified bundle."""

    def __init__(self) -> None:
        self.deployment = Deployment(champion(), ROOT / paths.CHALLENGER)
        events = self.deployment.champion.serving.events
        self.log = EventLog(segments(), events, series.observe_event_log) if events.enabled else None
        self.recording = Recording(self.log)
        READ.state.deployment, READ.state.recording = self.deployment, self.recording
        if self.log is not None:
            self.log.start()
        self.deployment.watch()
        series.observe_worker_started()

    @bentoml.on_deployment  # type: ignore[untyped-decorator]
    def check() -> None:
        """Before any worker starts: BentoML would start one that fails again and again."""
        verify(champion())
        if limits.read(champion()).events.enabled:
            check_writable(segments())

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Write the events that wait, and complete their segment."""
        if self.log is not None:
            self.log.close()

    @bentoml.api(route="/recommend")  # type: ignore[untyped-decorator]
    async def recommend(self, request: RecommendRequest, /) -> RecommendResponse:
        """Movies the history does not hold, best first."""
        return _or_refusal(lambda: self._recommend(request))

    @bentoml.api(route="/similar")  # type: ignore[untyped-decorator]
    async def similar(self, request: SimilarRequest, /) -> SimilarResponse:
        """Movies like one, the closest first."""
        return _or_refusal(lambda: self._similar(request))

    @bentoml.api(route="/predict_ratings")  # type: ignore[untyped-decorator]
    async def predict_ratings(self, request: PredictRatingsRequest, /) -> PredictRatingsResponse:
        """What a person would rate movies."""
        return self._predict_ratings(request)

    @bentoml.api(route="/feedback")  # type: ignore[untyped-decorator]
    async def feedback(self, request: FeedbackRequest, /) -> FeedbackResponse:
        """Record what somebody did with a movie."""
        return _or_refusal(lambda: self._feedback(request))

    def _recommend(self, request: RecommendRequest) -> RecommendResponse:
        now, steps = int(time.time()), Steps()
        arm, opened = self.deployment.arm_of(request.visitor_id)
        response = opened.answers.recommend(request, now, steps)
        self.recording.recommended(request, now, arm, opened, response, steps)
        self.deployment.remember(request)
        if self.deployment.shadow is not None:
            asyncio.get_running_loop().call_later(SHADOW_AFTER_SECONDS, self._shadow, request, now)
        return response

    def _shadow(self, request: RecommendRequest, now: int) -> None:
        """The challenger's answer to a request that the champion has answered: recorded, shown to nobody."""
        opened, steps = self.deployment.shadow, Steps()
        if opened is not None:
            try:
                response = opened.answers.recommend(request, now, steps)
            except Refused:
                return  # its catalogue lacks what the champion's has
            self.recording.recommended(request, now, "shadow", opened, response, steps)

    def _similar(self, request: SimilarRequest) -> SimilarResponse:
        now, steps = int(time.time()), Steps()
        response = self.deployment.champion.answers.similar(request)
        self.recording.similar(request, now, response, steps.milliseconds())
        return response

    def _predict_ratings(self, request: PredictRatingsRequest) -> PredictRatingsResponse:
        now, steps = int(time.time()), Steps()
        response = self.deployment.champion.answers.predict_ratings(request, now)
        self.recording.predicted(request, now, response, steps.milliseconds())
        return response

    def _feedback(self, request: FeedbackRequest) -> FeedbackResponse:
        _, opened = self.deployment.arm_of(request.visitor_id)
        opened.answers.row_of(request.movie_id)
        self.recording.feedback(request, opened.content_hash)
        return FeedbackResponse()


SHADOW_AFTER_SECONDS = 0.001
"""By then the answer that people see is on its way."""


def _or_refusal(answer: Callable[[], R]) -> R:
    """The answer, or the response that says why there is none: BentoML sends either as it is."""
    try:
        return answer()
    except Refused as refused:
        return cast(R, refused.response())


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a log record is more than BentoML's traceback of a request that was answered with 400."""
    return not (record.exc_info and isinstance(record.exc_info[1], ValidationError))


def _detail() -> dict[str, Any]:
    deployment: Deployment = READ.state.deployment
    return {"bundle": deployment.champion.content_hash, "events": READ.state.recording.state}


logging.getLogger("bentoml._internal.server.http_app").addFilter(_is_news)
service: Any = Marquee  # the decorator makes a bentoml.Service of it
service.mount_asgi_app(READ, path="/")
service.add_asgi_middleware(Readiness, detail=_detail)
service.add_asgi_middleware(Traffic, endpoints=routes.ENDPOINTS)
service.add_asgi_middleware(Limits, params=lambda: READ.state.deployment.champion.serving)
