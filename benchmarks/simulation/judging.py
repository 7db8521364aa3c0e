"""What monitoring says of the lives, beside what is true."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.simulation.recording import Kept
from marquee.monitoring.evidence.reference import Reference
from marquee.monitoring.evidence.requests import Requests
from marquee.monitoring.statistics import signals, without_labels
from marquee.monitoring.statistics.drift import Detector
from marquee.monitoring.statistics.signals import SIGNALS
from marquee.pipeline.arrays import Float64
from marquee.pipeline.monitoring_params import Monitoring

SAMPLES = 200
"""Bootstrap draws of intervals that nobody looks at here."""


@dataclass(frozen=True)
class Judged:
    """Windows of one life.

    Attributes:
        over: (w,) the largest distance over its threshold; above 1 is an alarm.
        signal: of each window, the one that is farthest.
    """

    over: Float64
    signal: tuple[str, ...]

    @property
    def first(self) -> int | None:
        """The first window that alarms; None: none does."""
        alarming = np.flatnonzero(self.over > 1)
        return int(alarming[0]) if len(alarming) else None


def judge(reference: Requests, live: Requests, knobs: Monitoring, seed: int) -> Judged:
    """Judge the windows of a life as `monitor_service` does."""
    detector = Detector(reference, signals.bins_of(reference, seed), knobs.window_requests)
    thresholds = detector.thresholds(live, knobs.expected_run_time, knobs.null_windows, seed)
    judged = detector.judge(live, thresholds)
    over = judged.distance / np.maximum(thresholds.values, 1e-12)
    return Judged(over.max(axis=1), tuple(SIGNALS[column].name for column in over.argmax(axis=1)))


def run_length(lives: Sequence[Requests], knobs: Monitoring, seed: int) -> tuple[float, int, int]:
    """Requests per alarm where nothing changes: every life is the reference of all others once.

    Returns:
        The run length, the windows and the alarms that it rests on.
    """
    judged = [
        judge(reference, live, knobs, seed)
        for first, reference in enumerate(lives)
        for second, live in enumerate(lives)
        if first != second
    ]
    windows = sum(len(one.over) for one in judged)
    alarms = sum(int((one.over > 1).sum()) for one in judged)
    return windows * knobs.window_requests / max(alarms, 1), windows, alarms


@dataclass(frozen=True)
class Estimated:
    """Estimates without feedback minus the truth."""

    rmse: float
    hit_rate: float


def estimate(reference: Reference, kept: Kept, seed: int) -> Estimated:
    """RMSE and hit rate estimated of requests alone, minus what the simulator knows."""
    estimator = without_labels.fit(reference, seed)
    rmse = estimator.rmse(kept.requests, SAMPLES, seed).value
    hit_rate = estimator.hit_rate(kept.requests, SAMPLES, seed).value
    true = np.sqrt(kept.squared_error.mean()), np.nanmean(kept.hit)
    return Estimated(float(rmse - true[0]), float(hit_rate - true[1]))
