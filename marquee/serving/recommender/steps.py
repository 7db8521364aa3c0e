"""Where the time of one answer goes, and what its sources gave: for the event log and for metrics."""

import time
from collections.abc import Mapping


class Steps:
    """Milliseconds of each step of one answer; made where the answer begins."""

    def __init__(self) -> None:
        self.candidates: Mapping[str, int] = {}
        """Name of a source -> how many candidates it put highest."""
        self._started = self._last = time.perf_counter()
        self._milliseconds: dict[str, float] = {}

    def done(self, step: str) -> None:
        """All time since the last step was done is this one's."""
        now = time.perf_counter()
        self._milliseconds[step] = self._milliseconds.get(step, 0.0) + (now - self._last) * 1e3
        self._last = now

    def milliseconds(self) -> dict[str, float]:
        """Step -> milliseconds, and `total` since the beginning, to the microsecond."""
        total = (time.perf_counter() - self._started) * 1e3
        return {step: round(value, 3) for step, value in (*self._milliseconds.items(), ("total", total))}
