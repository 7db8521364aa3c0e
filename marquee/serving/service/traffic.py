"""Requests counted and timed for Prometheus, by endpoint.

BentoML's own middleware labels them with the path as it came: each movie's address, and whatever a stranger
tries, would stay in memory for ever. Names are BentoML's, so what reads its metrics reads these.
"""

import os
import time

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from marquee.serving.service.limits import NEVER_REFUSED

MEDIA_TYPE = CONTENT_TYPE_LATEST
OTHER = "other"
"""The label of every path that is no endpoint: strangers' scans must not grow the number of series."""
SECONDS = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper ends of the buckets of durations: finest where answers of a healthy service lie."""

REQUESTS = Counter("bentoml_service_request", "Requests answered", ["endpoint", "http_response_code"])
DURATION = Histogram(
    "bentoml_service_request_duration_seconds", "Time to the whole answer", ["endpoint"], buckets=SECONDS
)
IN_PROGRESS = Gauge(
    "bentoml_service_request_in_progress", "Requests being answered", multiprocess_mode="livesum"
)


class Traffic:
    """ASGI middleware that measures every request but those for health and metrics."""

    def __init__(self, app: ASGIApp, endpoints: tuple[str, ...]) -> None:
        """Wrap an app.

        Args:
            app: what to measure.
            endpoints: labels; one that ends with "}" or "/" stands for all paths that begin as it does.
        """
        self.app = app
        self._known = frozenset(endpoints)
        self._beginnings = {
            path.partition("{")[0]: path for path in endpoints if path.endswith(("}", "/")) and path != "/"
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Measure one request."""
        if scope["type"] != "http" or scope["path"] in NEVER_REFUSED:
            await self.app(scope, receive, send)
            return
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        endpoint, start = self._endpoint_of(scope["path"]), time.perf_counter()
        IN_PROGRESS.inc()
        try:
            await self.app(scope, receive, watched)
        finally:
            IN_PROGRESS.dec()
            REQUESTS.labels(endpoint, status).inc()
            DURATION.labels(endpoint).observe(time.perf_counter() - start)

    def _endpoint_of(self, path: str) -> str:
        if path in self._known:
            return path
        beginnings = (label for begin, label in self._beginnings.items() if path.startswith(begin))
        return next(beginnings, OTHER)


def exposition() -> bytes:
    """What Prometheus reads: of all workers together where BentoML runs several."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
