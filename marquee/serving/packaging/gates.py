"""What a bundle must meet before it is packaged."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from marquee.pipeline import scores
from marquee.pipeline.params import Requirements
from marquee.pipeline.scores import EVERYTHING, Score

LATENCY_PERCENTILE = 99
"""Percentile of the times of whole recommendations: the wait of the slowest one in a hundred."""
MEGABYTE = 1e6
"""In bytes."""


class GateError(ValueError):
    """A requirement is not met, or what it is judged by is missing; nothing was packaged."""


@dataclass(frozen=True)
class Gate:
    """One requirement of params.yaml beside what was measured.

    Attributes:
        name: the key under `requirements`.
        required: its value.
        measured: in the same unit.
        at_least: whether the value is a floor (above it passes) or a ceiling (up to it passes).
    """

    name: str
    required: float
    measured: float
    at_least: bool = False

    @property
    def passed(self) -> bool:
        """False also where there is nothing to measure (NaN)."""
        return self.measured > self.required if self.at_least else self.measured <= self.required


def judge(
    requirements: Requirements, latencies: Sequence[float], total_bytes: int, metrics: Mapping[str, Any]
) -> list[Gate]:
    """Every requirement beside its measurement.

    Args:
        requirements: of params.yaml.
        latencies: milliseconds of whole recommendations.
        total_bytes: of the bundle's files.
        metrics: stage -> its metrics file.
    """
    above = _number(metrics, "evaluate_retrieval", "top_100_accuracy", "two_tower", "minus_popularity", "low")
    rmse = _number(metrics, "evaluate_ranking", "rmse", "dcn")
    return [
        Gate("latency_ms", requirements.latency_ms, float(np.percentile(latencies, LATENCY_PERCENTILE))),
        Gate("bundle_mb", requirements.bundle_mb, total_bytes / MEGABYTE),
        Gate("retrieval_above_popularity", requirements.retrieval_above_popularity, above, at_least=True),
        Gate("rmse_at_most", requirements.rmse_at_most, rmse),
    ]


def require(gates: Sequence[Gate]) -> None:
    """Raise where a gate failed.

    Raises:
        GateError: with the table of all gates.
    """
    failed = [gate.name for gate in gates if not gate.passed]
    if failed:
        raise GateError(
            f"{', '.join(failed)} not met, nothing was packaged:\n{table(gates)}\n"
            "Improve the model, or change the requirement under `requirements` in params.yaml."
        )


def as_scores(gates: Sequence[Gate]) -> list[Score]:
    """What was required and whether it passed; never what was measured, for clocks do not repeat."""
    required = [Score(gate.name, gate.required, group="required") for gate in gates]
    return required + [Score(gate.name, int(gate.passed), group="passed") for gate in gates]


def table(gates: Sequence[Gate]) -> str:
    """Required against measured, one line per gate."""
    rows = [("requirement", "required", "measured", "")]
    for gate in gates:
        sign = "above" if gate.at_least else "at most"
        outcome = "passed" if gate.passed else "FAILED"
        rows.append((gate.name, f"{sign} {gate.required:g}", f"{gate.measured:.4g}", outcome))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def milliseconds(calls: Sequence[Any], answer: Any) -> list[float]:
    """How long `answer(*call)` takes for each call."""
    taken = []
    for call in calls:
        start = time.perf_counter()
        answer(*call)
        taken.append((time.perf_counter() - start) * 1e3)
    return taken


def _number(
    metrics: Mapping[str, Any],
    stage: str,
    metric: str,
    model: str,
    group: str = EVERYTHING,
    end: str = "value",
) -> float:
    """A number of a row of a stage's metrics file."""
    found = scores.find(metrics[stage], metric, model, group)
    value = None if found is None else found.get(end)
    if not isinstance(value, int | float):
        raise GateError(
            f"metrics/{stage}.json has no number {end!r} in the row of {metric}, {model}, {group}; it has "
            f"{found!r}. The gate needs it: run `dvc repro {stage}` on a test period with positive events."
        )
    return float(value)
