"""Where benchmarks write: one metrics file each, and tables and pictures in one folder."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.clock import machine
from marquee.pipeline.files import write_json
from marquee.pipeline.scores import EVERYTHING, Score

METRICS = Path("benchmarks/metrics")
REPORTS = Path("reports/bench")


def write(name: str, value: float, scores: Iterable[Score]) -> None:
    """Write a benchmark's numbers with the machine they were taken on.

    Args:
        name: of the benchmark.
        value: what stands for it in `dvc metrics show`, which passes over the lists beside it.
        scores: every number.
    """
    rows = [score.as_row() for score in scores]
    taken_on = [f"{part}: {found}" for part, found in machine().items()]
    write_json(METRICS / f"{name}.json", {"value": value, "scores": rows, "machine": taken_on})


def rows(numbers: Mapping[str, Any], *parents: str) -> list[Score]:
    """Nested numbers as rows: the innermost name is the metric, those around it are the group."""
    found: list[Score] = []
    for name, inner in numbers.items():
        if isinstance(inner, Mapping):
            found += rows(inner, *parents, str(name))
        else:
            found.append(Score(str(name), inner, group=", ".join(parents) or EVERYTHING))
    return found
