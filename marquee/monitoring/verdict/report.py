"""What is written of a judgement: the metrics that are compared, every number in one tidy table, one page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from marquee.evaluation.measures.intervals import Interval
from marquee.monitoring.statistics.signals import SIGNALS
from marquee.monitoring.verdict.judgement import Judgement
from marquee.pipeline.files import write_text, write_whole
from marquee.pipeline.params import Params

SECONDS_A_DAY = 86_400
PAGE, SCORES = "report.md", "scores.csv"
TOLD = {
    "yes": "**Retrain.**",
    "no": "**No need to retrain.**",
    "wait": "**Wait.** It cannot be decided yet.",
}


def metrics(judgement: Judgement) -> dict[str, Any]:
    """The metrics file: verdict, counts, headline values with their intervals."""
    alarms = judgement.judged.alarm
    return {
        "retrain": judgement.verdict.retrain,
        "counts": judgement.counts
        | {"alarms": int(alarms.any(axis=1).sum()), "recent_alarms": int(_recent(judgement, alarms).sum())},
        "online": named(judgement.online),
        "offline": named(judgement.offline),
        "estimated": named(judgement.estimated),
        "coverage": {"value": judgement.exposure.coverage},
        "popularity_trend": _values(judgement.exposure.trend),
    }


def scores(judgement: Judgement) -> pd.DataFrame:
    """Every distance: signal, window, first_request, statistic, threshold, alarm (0 or 1)."""
    judged = judgement.judged
    rows = [
        (signal.name, window, int(start), distance, threshold, int(alarm))
        for window, start in enumerate(judged.starts)
        for signal, distance, threshold, alarm in zip(
            SIGNALS,
            judged.distance[window],
            judgement.thresholds.values,
            judged.alarm[window],
            strict=True,
        )
    ]
    return pd.DataFrame(
        rows, columns=["signal", "window", "first_request", "statistic", "threshold", "alarm"]
    )


def write(judgement: Judgement, params: Params, bundle: str, folder: Path) -> None:
    """Write the table and the page."""
    table = scores(judgement)
    write_whole(
        folder / SCORES,
        lambda temporary: table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n"),
    )
    write_text(folder / PAGE, page(judgement, params, bundle))


def page(judgement: Judgement, params: Params, bundle: str) -> str:
    """The page, in Markdown."""
    counts = judgement.counts
    parts = [
        "# Is it still good?",
        f"{TOLD[judgement.verdict.retrain]}",
        "\n".join(f"- {reason}" for reason in judgement.verdict.reasons),
        f"Bundle `{bundle[:12]}`, {counts['answers']:,} answers to {counts['visitors']:,} visitors, "
        f"{counts['ratings']:,} ratings, {counts['liked']:,} movies liked. Left out: "
        f"{counts['other_answers']:,} answers of other bundles, arms or endpoints, "
        f"{counts['unattributed_feedback']:,} pieces of feedback about no recorded answer.",
        "## Performance",
        _table_of_performance(judgement, params),
        "![what visitors said](performance.png)",
        "Online and offline hit rates differ by nature: online a hit is a click or a high rating of a movie "
        "of the list, offline it is a movie that somebody liked next by themselves. Compare each with its "
        "own past.",
        "## Drift",
        _told_thresholds(judgement, params),
        _table_of_drift(judgement),
        "![distance over threshold](drift.png)",
        "## What is shown",
        f"{judgement.exposure.coverage:.1%} of the catalogue stood in the first places of a list. The tenth "
        f"of the catalogue that was rated most changes its share of the places by "
        f"{_told(judgement.exposure.trend, 4)} per window; above 0 throughout, the loop feeds itself.",
        "![share of popular movies](exposure.png)",
    ]
    return "\n\n".join(parts) + "\n"


def _table_of_performance(judgement: Judgement, params: Params) -> str:
    lines = ["| measure | online | without feedback | offline |", "|---|---|---|---|"]
    for name, online in judgement.online.items():
        offline = _told(judgement.offline.get(name))
        if name == "latency_p99_ms":
            offline = f"at most {params.requirements.latency_ms:g} required"
        estimated = _told(judgement.estimated.get(name))
        lines.append(f"| `{name}` | {_told(online)} | {estimated} | {offline} |")
    return "\n".join(lines)


def _told_thresholds(judgement: Judgement, params: Params) -> str:
    thresholds = judgement.thresholds
    span = "all that a visitor asked"
    if thresholds.span < float("inf"):
        span = f"what a visitor asks within {thresholds.span / SECONDS_A_DAY:.3g} days"
    return (
        f"Windows of {judgement.window:,} requests. Without any drift, one alarm of any of the "
        f"{len(SIGNALS)} signals is expected per {params.monitoring.expected_run_time:,} requests: a signal "
        f"may alarm in {thresholds.level:.4f} of the windows (by Bonferroni's rule, which takes signals for "
        f"independent, {thresholds.bonferroni_level:.4f}), simulated from the reference in blocks: "
        f"{span}."
    )


def _table_of_drift(judgement: Judgement) -> str:
    judged, last = judgement.judged, len(judgement.judged.starts)
    lines = [
        "| signal | unit | threshold | last window | alarms | in recent windows |",
        "|---|---|---|---|---|---|",
    ]
    for column, signal in enumerate(SIGNALS):
        alarms = judged.alarm[:, column]
        latest = f"{judged.distance[-1, column]:.3f}" if last else "-"
        lines.append(
            f"| `{signal.name}` | {signal.unit} | {judgement.thresholds.values[column]:.3f} | {latest} | "
            f"{alarms.sum()} of {last} | {_recent(judgement, alarms).sum()} |"
        )
    return "\n".join(lines)


def _recent(judgement: Judgement, alarms: Any) -> Any:
    """The recent windows' alarms: those of any signal, or of one."""
    count = len(alarms) - judgement.recent
    return alarms[count:].any(axis=1) if alarms.ndim > 1 else alarms[count:]


def named(intervals: Mapping[str, Interval]) -> dict[str, dict[str, float]]:
    """Each as its value and the ends of its interval."""
    return {name: _values(one) for name, one in intervals.items()}


def _values(one: Interval) -> dict[str, float]:
    return {"value": one.value, "low": one.low, "high": one.high}


def _told(one: Interval | None, digits: int = 3) -> str:
    if one is None or one.value != one.value:
        return "-"
    return f"{one.value:.{digits}f} ({one.low:.{digits}f} to {one.high:.{digits}f})"
