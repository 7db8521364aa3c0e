"""The BentoML service: thin, the work is in `answers.py`; `deployment.py` says which bundle answers."""

import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import bentoml
from pydantic import ValidationError

import marquee
from marquee.pipeline import paths
from marquee.pipeline.params import Serving
from marquee.serving.recommender.steps import Steps
from marquee.serving.service import routes, supervision
from marquee.serving.service.deployment import Deployment, Folders, Opened, open_sound
from marquee.serving.service.guard import connections, token
from marquee.serving.service.guard.limits import Limits, Load
from marquee.serving.service.guard.security_headers import SecurityHeaders
from marquee.serving.service.guard.token import Token
from marquee.serving.service.readiness import Readiness
from marquee.serving.service.recording import Asked, Recording, Request
from marquee.serving.service.refusal import Refused
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
from marquee.serving.telemetry import series, traffic
from marquee.serving.telemetry.event_log import EventLog, check_writable
from marquee.serving.telemetry.traffic import Traffic

ROOT = Path(marquee.__file__).parents[1]
"""The repository, or the Bento's `src`: the bundle lies in the same place in both."""
EVENTS = "MARQUEE_EVENTS"
"""Environment variable: the folder of the event log's segments, if not data/events/segments."""
WORKERS = int(os.environ.get("MARQUEE_WORKERS", "2"))
"""Processes that answer; one that dies costs the requests it had, not the service."""

READ = routes.application()
LOAD = Load()
"""Of this worker: what limits count, and readiness tells."""
R = TypeVar("R")


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
        self.deployment = Deployment(Folders(ROOT))
        events = self.deployment.champion.serving.events
        self.log = EventLog(segments(), events, series.observe_event_log) if events.enabled else None
        self.recording = Recording(self.log)
        READ.state.deployment, READ.state.recording = self.deployment, self.recording
        if self.log is not None:
            self.log.start()
        self.deployment.watch()
        series.observe_worker_started()
        supervision.tell_started()

    @bentoml.on_deployment  # type: ignore[untyped-decorator]
    def check() -> None:
        """Before any worker starts: BentoML would start one that fails again and again."""
        token.of_environment()
        if open_sound(Folders(ROOT).champion).serving.events.enabled:
            check_writable(segments())
        supervision.look_often()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Write the events that wait, and complete their segment."""
        self.deployment.close()
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

    def _asked(self, request: Request) -> Asked[Request]:
        arm, opened = self.deployment.arm_of(request.visitor_id)
        return Asked(request, int(time.time()), arm, opened, Steps())

    def _recommend(self, request: RecommendRequest) -> RecommendResponse:
        asked = self._asked(request)
        response = asked.opened.answers.recommend(request, asked.now, asked.steps)
        self.recording.recommended(asked, response)
        if asked.arm == "champion":
            self.deployment.coverage.observe(movie.movie_id for movie in response.recommendations)
        self.deployment.remember(request)
        shadow = self.deployment.shadow
        if shadow is not None:
            traffic.afterwards(partial(self._shadow, request, asked.now, shadow))
        return response

    def _shadow(self, request: RecommendRequest, now: int, opened: Opened) -> None:
        """The challenger's answer to a request that the champion has answered: recorded, shown to nobody."""
        asked = Asked(request, now, "shadow", opened, Steps())
        with suppress(Refused):  # its catalogue may lack a genre or language that the champion's has
            self.recording.recommended(asked, opened.answers.recommend(request, now, asked.steps))

    def _similar(self, request: SimilarRequest) -> SimilarResponse:
        asked = self._asked(request)
        response = asked.opened.answers.similar(request)
        self.recording.similar(asked, response)
        return response

    def _predict_ratings(self, request: PredictRatingsRequest) -> PredictRatingsResponse:
        asked = self._asked(request)
        response = asked.opened.answers.predict_ratings(request, asked.now)
        self.recording.predicted(asked, response)
        return response

    def _feedback(self, request: FeedbackRequest) -> FeedbackResponse:
        _, opened = self.deployment.arm_of(request.visitor_id)
        opened.answers.row_of(request.movie_id)
        self.recording.feedback(request, opened.content_hash)
        return FeedbackResponse()


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
    load = {"answering": LOAD.answering, "reading": len(LOAD.reading)}
    return {**READ.state.deployment.detail, "events": READ.state.recording.state, "load": load}


def _params() -> Serving:
    params: Serving = READ.state.deployment.champion.serving
    return params


logging.getLogger("bentoml._internal.server.http_app").addFilter(_is_news)
service: Any = Marquee  # the decorator makes a bentoml.Service of it
service.mount_asgi_app(READ, path="/")
service.add_asgi_middleware(SecurityHeaders)
service.add_asgi_middleware(Readiness, detail=_detail, is_stuck=lambda: LOAD.is_stuck(_params()))
service.add_asgi_middleware(Traffic, endpoints=routes.ENDPOINTS)
service.add_asgi_middleware(Token)
service.add_asgi_middleware(Limits, params=_params, load=LOAD)
connections.use()
