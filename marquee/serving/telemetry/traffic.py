"""Every request counted and timed for Prometheus, by endpoint, and its id given back as a header.

BentoML's own middleware labels requests with the path as it came: each movie's address, and whatever a
stranger tries, would stay in memory for ever.
"""

import time
from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from marquee.serving.telemetry import series

NEVER_MEASURED = frozenset({"/livez", "/readyz", "/healthz", "/metrics"})
"""Who looks after the service: measuring them would say nothing of callers."""
HEADER = b"x-request-id"
_answered: ContextVar[list[str] | None] = ContextVar("answered", default=None)


def name_answer(request_id: str) -> None:
    """The answer to the request of this context has an id; `Traffic` gives it back as a header."""
    ids = _answered.get()
    if ids is not None:
        ids.append(request_id)


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
        status, ids = 500, list[str]()
        _answered.set(ids)

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *((HEADER, one.encode()) for one in ids)]
            await send(message)

        endpoint, start = self._endpoint_of(scope["path"]), time.perf_counter()
        self._requests.began()
        try:
            await self.app(scope, receive, watched)
        finally:
            self._requests.answered(endpoint, status, time.perf_counter() - start)

    def _endpoint_of(self, path: str) -> str:
        if path in self._known:
            return path
        beginnings = (label for begin, label in self._beginnings.items() if path.startswith(begin))
        return next(beginnings, series.OTHER)
