"""Durations, and what they are worth: rates, percentiles, ratios, and the machine they were taken on."""

import math
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")

LIBRARIES = ("tensorflow", "tensorflow-recommenders", "bentoml", "ai-edge-litert", "numpy")


class ClockError(ValueError):
    """Too little was measured to say anything."""


@dataclass(frozen=True)
class Moment:
    """A reading of the wall clock and of the processor time of this process, all threads, in seconds."""

    wall: float
    processor: float

    @staticmethod
    def now() -> "Moment":
        """Read both."""
        return Moment(time.perf_counter(), time.process_time())


@dataclass(frozen=True)
class Rate:
    """How many in how long. Processor time holds also where other work shares the machine.

    Attributes:
        count: things done.
        seconds: of the wall clock.
        processor_seconds: summed over threads.
    """

    count: int
    seconds: float
    processor_seconds: float

    @staticmethod
    def between(start: Moment, end: Moment, count: int) -> "Rate":
        """`count` things done between two moments."""
        if count < 1 or end.wall <= start.wall:
            raise ClockError(
                f"{count} things in {end.wall - start.wall:.6f} s is no rate: give the benchmark more work."
            )
        return Rate(count, end.wall - start.wall, end.processor - start.processor)

    @property
    def per_second(self) -> float:
        """Things per second of the wall clock."""
        return self.count / self.seconds

    @property
    def per_processor_second(self) -> float:
        """Things per second of one processor."""
        return self.count / self.processor_seconds

    def named(self, things: str) -> dict[str, float]:
        """As flat numbers, for a metrics file."""
        return {
            f"{things}_per_second": round(self.per_second, 1),
            f"{things}_per_processor_second": round(self.per_processor_second, 1),
            "seconds": round(self.seconds, 3),
        }


def fastest(calls: Mapping[str, Callable[[], T]], count: int, rounds: int) -> dict[str, tuple[T, Rate]]:
    """Each call's answer and its best rate of several rounds, the calls taking turns.

    What else the machine does only ever slows a call down, so the fastest round says most about the call
    itself. A round that is not timed comes first: it traces graphs and fills caches.

    Args:
        calls: name -> what to time.
        count: things each call does.
        rounds: timed calls of each.
    """
    results = {name: (call(), Rate(count, math.inf, math.inf)) for name, call in calls.items()}
    for _ in range(rounds):
        for name, call in calls.items():
            start = Moment.now()
            answer = call()
            rate = Rate.between(start, Moment.now(), count)
            results[name] = (answer, min(rate, results[name][1], key=lambda one: one.seconds))
    return results


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    """Median and 99th percentile; the latter is the slowest where there are fewer than 100."""
    if not len(milliseconds):
        raise ClockError("No call was timed, so there is no percentile of their durations.")
    p50, p99 = np.percentile(milliseconds, [50, 99], method="higher")
    return {"p50_ms": round(float(p50), 3), "p99_ms": round(float(p99), 3)}


def machine() -> dict[str, Any]:
    """What the figures were taken on: no name of a host, no path."""
    versions = {name.replace("-", "_"): metadata.version(name) for name in LIBRARIES}
    return {
        "processor": _processor(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "busy_cores_at_start": round(os.getloadavg()[0], 1),
        **versions,
    }


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"
