"""Every request counted and timed for Prometheus, by endpoint; its id given back as a header.

BentoML's own middleware labels requests with the path as it came: each movie's address, and whatever a
stranger tries, would stay in memory for ever.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from marquee.serving.telemetry import series

NEVER_MEASURED = frozenset({"/livez", "/readyz", "/healthz", "/metrics"})
"""Who looks after the service: measuring them would say nothing of callers."""
HEADER = b"x-request-id"
log = logging.getLogger(__name__)


@dataclass
class _Answering:
    """What is known of the request of a context.

    Attributes:
        request_id: of its answer, once there is one.
        afterwards: what is to be done once it is answered.
    """

    request_id: str | None = None
    afterwards: list[Callable[[], None]] = field(default_factory=list)


_answering: ContextVar[_Answering | None] = ContextVar("answering", default=None)


def name_answer(request_id: str) -> None:
    """The answer to the request of this context has an id; `Traffic` gives it back as a header."""
    answering = _answering.get()
    if answering is not None:
        answering.request_id = request_id


def afterwards(work: Callable[[], None]) -> None:
    """Do this when the request of this context is answered; its caller does not wait for it."""
    answering = _answering.get()
    if answering is not None:
        answering.afterwards.append(work)


class Traffic:
    """ASGI middleware that measures every request but those for health and metrics."""

    def __init__(self, app: ASGIApp, endpoints: tuple[str, ...]) -> None:
        """Wrap an app.

        Args:
            app: what to measure.
            endpoints: labels; one that ends with "}" or "/" stands for all paths that begin as it does.
        """
        self.app = app
        self._requests = series.Requests(endpoints)
        self._known = frozenset(endpoints)
        self._beginnings = {
            path.partition("{")[0]: path for path in endpoints if path.endswith(("}", "/")) and path != "/"
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Measure one request."""
        if scope["type"] != "http" or scope["path"] in NEVER_MEASURED:
            await self.app(scope, receive, send)
            return
        status, answering = 500, _Answering()
        _answering.set(answering)

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if answering.request_id is not None:
                    message["headers"] = [
                        *message.get("headers", ()),
                        (HEADER, answering.request_id.encode()),
                    ]
            await send(message)

        endpoint, start = self._endpoint_of(scope["path"]), time.perf_counter()
        self._requests.began()
        try:
            await self.app(scope, receive, watched)
        finally:
            self._requests.answered(endpoint, status, time.perf_counter() - start)
        await _do(answering.afterwards)

    def _endpoint_of(self, path: str) -> str:
        if path in self._known:
            return path
        beginnings = (label for begin, label in self._beginnings.items() if path.startswith(begin))
        return next(beginnings, series.OTHER)


async def _do(afterwards: list[Callable[[], None]]) -> None:
    for work in afterwards:
        await asyncio.sleep(0)  # the answer is on its way before anything else is computed
        try:
            work()
        except Exception:  # the answer was given: nothing of it may fail now
            log.exception("what follows an answer failed")
