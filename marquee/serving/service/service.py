"""The BentoML service: thin, the work is in `answers.py`."""

import gc
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
from marquee.serving.recommender.bundle import open_packaged
from marquee.serving.recommender.manifest import verify
from marquee.serving.service import limits, model_card, routes
from marquee.serving.service.answers import Answers
from marquee.serving.service.feedback import Recorder
from marquee.serving.service.limits import Limits, Refused
from marquee.serving.service.schemas import (
    FeedbackRequest,
    FeedbackResponse,
    PredictRatingsRequest,
    PredictRatingsResponse,
    RecommendRequest,
    RecommendResponse,
    SimilarRequest,
    SimilarResponse,
)
from marquee.serving.service.traffic import Traffic

ROOT = Path(marquee.__file__).parents[1]
"""The repository, or the Bento's `src`: the bundle lies in the same place in both."""
FEEDBACK = "MARQUEE_FEEDBACK"
"""Environment variable: the file that feedback is appended to, if not logs/feedback.jsonl."""

READ = routes.application()
R = TypeVar("R")


@bentoml.service(
    name="marquee",
    # numpy is imported before this module is: only the worker's environment comes early enough.
    envs=[{"name": "OPENBLAS_NUM_THREADS", "value": "1"}],
    logging={"access": {"enabled": False}},  # /metrics counts requests; a line for each would take longer
    metrics={"enabled": False, "namespace": "bentoml_service"},  # see traffic.py
    tracing={"excluded_urls": ".*"},  # spans that nobody collects: a tenth of a millisecond each request
    # BentoML keeps a timer of each request until this many seconds are over; Limits gives up earlier.
    traffic={"timeout": 15},
)
class Marquee:
    """Recommends movies to a history of ratings; readiness waits for a verified bundle."""

    def __init__(self) -> None:
        folder = ROOT / paths.BUNDLE
        self.answers = Answers(open_packaged(folder))
        self.recorder = Recorder(Path(os.environ.get(FEEDBACK, ROOT / paths.LOGS / "feedback.jsonl")))
        READ.state.answers = self.answers
        READ.state.model_card = _card(folder, self.answers)
        READ.state.limits = limits.read(folder)
        self.answers.recommend(RecommendRequest(history=[]), now=int(time.time()))  # the first is the slowest
        # What was opened stays: the garbage collector need not look through the catalogue again and again.
        gc.collect()
        gc.freeze()

    @bentoml.on_deployment  # type: ignore[untyped-decorator]
    def check() -> None:
        """Before any worker starts: BentoML would start one that fails again and again."""
        verify(ROOT / paths.BUNDLE)

    @bentoml.api(route="/recommend")  # type: ignore[untyped-decorator]
    async def recommend(self, request: RecommendRequest, /) -> RecommendResponse:
        """Movies the history does not hold, best first."""
        return _or_refusal(lambda: self.answers.recommend(request, now=int(time.time())))

    @bentoml.api(route="/similar")  # type: ignore[untyped-decorator]
    async def similar(self, request: SimilarRequest, /) -> SimilarResponse:
        """Movies like one, the closest first."""
        return _or_refusal(lambda: self.answers.similar(request))

    @bentoml.api(route="/predict_ratings")  # type: ignore[untyped-decorator]
    async def predict_ratings(self, request: PredictRatingsRequest, /) -> PredictRatingsResponse:
        """What a person would rate movies."""
        return self.answers.predict_ratings(request, now=int(time.time()))

    @bentoml.api(route="/feedback")  # type: ignore[untyped-decorator]
    async def feedback(self, request: FeedbackRequest, /) -> FeedbackResponse:
        """Record what somebody did with a movie."""
        return _or_refusal(lambda: self._record(request))

    def _record(self, request: FeedbackRequest) -> FeedbackResponse:
        self.answers.row_of(request.movie_id)
        self.recorder.append({"time": int(time.time()), **request.model_dump(exclude_none=True)})
        return FeedbackResponse()


def _or_refusal(answer: Callable[[], R]) -> R:
    """The answer, or the response that says why there is none: BentoML sends either as it is."""
    try:
        return answer()
    except Refused as refused:
        return cast(R, refused.response())


def _card(folder: Path, answers: Answers) -> bytes:
    card = model_card.ModelResponse(
        **model_card.read(folder).model_dump(),
        model=answers.content_hash,
        num_movies=answers.num_movies,
        genres=answers.genres,
        languages=answers.languages,
        sources=answers.sources,
    )
    return card.model_dump_json().encode()


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a log record is more than BentoML's traceback of a request that was answered with 400."""
    return not (record.exc_info and isinstance(record.exc_info[1], ValidationError))


logging.getLogger("bentoml._internal.server.http_app").addFilter(_is_news)
service: Any = Marquee  # the decorator makes a bentoml.Service of it
service.mount_asgi_app(READ, path="/")
service.add_asgi_middleware(Traffic, endpoints=routes.ENDPOINTS)
service.add_asgi_middleware(Limits, params=lambda: READ.state.limits)
