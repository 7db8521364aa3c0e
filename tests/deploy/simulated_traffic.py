"""A service that is only its series: simulated traffic, and /metrics of this process on a free port."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from marquee.serving.telemetry import exposition, series

SHARES = (0.6, 0.25, 0.1, 0.05)
"""Of `series.SOURCES` in a list."""


@dataclass
class Stats:
    """What an event log would say of itself."""

    written: dict[str, int] = field(default_factory=lambda: {"recommend": 0, "feedback": 0})
    dropped: dict[str, int] = field(default_factory=lambda: {"queue_full": 0})
    queue_length: int = 3
    healthy: bool = True


class Traffic:
    """Answers, feedback and events drawn by a seed."""

    def __init__(self, seed: int = 1) -> None:
        self.stats = Stats()
        self._rng = np.random.default_rng(seed)
        self._requests = series.Requests(("/recommend", "/feedback", "/ui/"))
        self._coverage = series.Coverage(700)
        series.observe_bundle("champion", "c" * 64)
        series.observe_bundle("challenger", "d" * 64)
        series.observe_worker_started()

    def drive(self, num_answers: int) -> None:
        """So many answers, feedback to some of them, and what the event log says afterwards."""
        for _ in range(num_answers):
            self._answer()
        series.observe_event_log(self.stats)

    def _answer(self, k: int = 10) -> None:
        rng = self._rng
        arm = "challenger" if rng.random() < 0.2 else "champion"
        stars = np.clip(rng.normal(4.1, 0.4, k), 0.5, 5.0).tolist()
        sources = rng.choice(series.SOURCES, k, p=SHARES).tolist()
        steps = dict(zip(series.STEPS, rng.gamma(4.0, 0.3, 4).tolist(), strict=True))
        candidates = {"two_tower": 180, "similar": 60, "popular": 20}
        self._requests.began()
        series.observe_answer(arm, sources, candidates, stars, steps, bool(rng.random() < 0.1), k // 10)
        self._coverage.observe(rng.integers(0, 700, k).tolist())
        self._requests.answered("/recommend", 200, float(rng.gamma(4.0, 0.001)))
        self.stats.written["recommend"] += 1
        if rng.random() < 0.5:
            event, rating = [("clicked", None), ("rated", 4.0)][int(rng.integers(2))]
            series.observe_feedback(event, rating, int(rng.geometric(0.3)))
            self.stats.written["feedback"] += 1


@contextmanager
def served() -> Iterator[str]:
    """Address of /metrics while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Metrics)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Metrics(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = exposition.exposition()
        self.send_response(200)
        self.send_header("Content-Type", exposition.MEDIA_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's name
        """Say nothing."""
