"""Everything that is said of the recorded answers, from the tables to the verdict."""

from dataclasses import dataclass

import numpy as np

from marquee.evaluation.measures.intervals import Interval
from marquee.monitoring.evidence.recorded import Recorded
from marquee.monitoring.evidence.reference import Reference
from marquee.monitoring.evidence.requests import FIRST, Requests
from marquee.monitoring.statistics import performance, resampling, signals, without_labels
from marquee.monitoring.statistics.drift import Detector, Judged, Thresholds
from marquee.monitoring.statistics.performance import Change, Exposure, Measured
from marquee.monitoring.verdict import verdict
from marquee.monitoring.verdict.verdict import Evidence, Verdict
from marquee.pipeline.arrays import Bool
from marquee.pipeline.monitoring_params import Monitoring
from marquee.pipeline.params import Params

HIT_RATE = f"hit_rate_at_{FIRST}"


@dataclass(frozen=True)
class Judgement:
    """What is said of the recorded answers.

    Attributes:
        window: requests judged together.
        thresholds: of the distances.
        judged: windows, all of them.
        recent: how many of them, the last, are recent.
        online: measure -> what visitors said.
        offline: measure -> the same of the reference; its hits are what visitors rated next by themselves.
        estimated: measure -> what is expected of all recorded requests, without feedback.
        changes: see `performance.Change`.
        exposure: what was shown.
        counts: answers, visitors, ratings and so on.
        verdict: what to do.
    """

    window: int
    thresholds: Thresholds
    judged: Judged
    recent: int
    online: dict[str, Interval]
    offline: dict[str, Interval]
    estimated: dict[str, Interval]
    changes: dict[str, Change]
    exposure: Exposure
    counts: dict[str, int]
    verdict: Verdict


def judge(
    reference: Reference,
    recorded: Recorded,
    requests: Requests,
    rows_of: dict[int, int],
    since_retrain: int | None,
    params: Params,
) -> Judgement:
    """Judge recorded answers.

    Args:
        reference: of the same bundle.
        recorded: its answers and feedback.
        requests: the answers as requests.
        rows_of: movie_id -> row of the catalogue.
        since_retrain: answers since retraining was last tried; None: never.
        params: of params.yaml.
    """
    knobs, samples, seed = params.monitoring, params.evaluation.bootstrap_samples, params.seed
    thresholds, judged = judge_drift(reference.requests, requests, knobs, seed)
    drifted = _drifted(judged, knobs.recent_windows)
    recent = len(judged.starts) - changed_at(judged.alarm[:, drifted], knobs.recent_windows)
    first_recent = len(requests) - recent * knobs.window_requests

    measured = Measured(recorded, params.preprocess_data.positive_rating, samples, seed)
    estimator = without_labels.fit(reference, seed)
    estimated = estimate(estimator, requests, samples, seed)
    offline = of_reference(reference, samples, seed)
    changes = measured.changes(first_recent)
    recently = estimate(estimator, requests.at(slice(first_recent, None)), samples, seed)
    evidence = Evidence(
        windows=len(judged.starts),
        drifted=tuple(signals.SIGNALS[column].name for column in drifted),
        changes=changes,
        estimates=_losses(recently, offline),
        answers_of_bundle=len(requests),
        answers_since_retrain=since_retrain,
    )
    counts = measured.counts() | {
        "other_answers": recorded.other_answers,
        "unattributed_feedback": recorded.unattributed,
        "windows": len(judged.starts),
    }
    return Judgement(
        window=knobs.window_requests,
        thresholds=thresholds,
        judged=judged,
        recent=recent,
        online=measured.headline(),
        offline=offline,
        estimated=estimated,
        changes=changes,
        exposure=performance.exposure(recorded, rows_of, reference.ratings, judged.starts),
        counts=counts,
        verdict=verdict.judge(evidence, knobs),
    )


def judge_drift(
    reference: Requests, requests: Requests, knobs: Monitoring, seed: int
) -> tuple[Thresholds, Judged]:
    """The latest windows, their starts counted in all requests."""
    detector = Detector(reference, signals.bins_of(reference, seed), knobs.window_requests)
    first = max(0, len(requests) - knobs.max_windows * knobs.window_requests)
    judging = requests.at(slice(first, None))
    thresholds = detector.thresholds(judging, knobs.expected_run_time, knobs.null_windows, seed)
    judged = detector.judge(judging, thresholds)
    return thresholds, Judged(first + judged.starts, judged.distance, judged.alarm)


def estimate(
    estimator: without_labels.Estimator, requests: Requests, samples: int, seed: int
) -> dict[str, Interval]:
    """RMSE and hit rate expected of requests."""
    return {
        "rmse": estimator.rmse(requests, samples, seed),
        HIT_RATE: estimator.hit_rate(requests, samples, seed),
    }


def of_reference(reference: Reference, samples: int, seed: int) -> dict[str, Interval]:
    """RMSE, hit rate and MRR on the reference."""
    return {
        name: resampling.interval(
            np.stack([values[known], np.ones(known.sum())], axis=1),
            reference.requests.visitor[known],
            statistic,
            samples,
            seed,
        )
        for name, values, statistic in (
            ("rmse", reference.squared_error, resampling.root_ratio),
            (HIT_RATE, reference.hit, resampling.ratio),
            ("mrr", reference.reciprocal_rank, resampling.ratio),
        )
        for known in [np.isfinite(values)]
    }


def changed_at(alarm: Bool, recent: int) -> int:
    """The window from which on answers count as recent.

    That is the first of the recent ones or, where windows before it alarmed without a break, the first of
    those: the longer a drift lasts, the more feedback tells what it did.

    Args:
        alarm: (w, s) of the signals that drifted.
        recent: how many windows are recent at least.
    """
    first = max(0, len(alarm) - recent)
    while first > 1 and alarm[first - 1].any():
        first -= 1
    return first


def _drifted(judged: Judged, recent: int) -> list[int]:
    """Columns of the signals that alarmed in a recent window."""
    return [int(column) for column in np.flatnonzero(np.any(judged.alarm[-recent:], axis=0))]


def _losses(recently: dict[str, Interval], offline: dict[str, Interval]) -> dict[str, Interval]:
    """How much worse than the reference; above 0 is worse."""
    return {
        "rmse": _worse(recently["rmse"], offline["rmse"]),
        HIT_RATE: _worse(_negative(recently[HIT_RATE]), _negative(offline[HIT_RATE])),
    }


def _worse(now: Interval, before: Interval) -> Interval:
    """Now minus before; they share no visitor, so their errors add up in squares."""
    value = now.value - before.value
    return Interval(
        value,
        value - float(np.hypot(now.value - now.low, before.high - before.value)),
        value + float(np.hypot(now.high - now.value, before.value - before.low)),
    )


def _negative(one: Interval) -> Interval:
    return Interval(-one.value, -one.high, -one.low)
