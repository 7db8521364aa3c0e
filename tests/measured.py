"""Numbers that a stage wrote, by name."""

import csv
from pathlib import Path

from marquee.pipeline import paths, scores
from marquee.pipeline.files import read_json
from marquee.pipeline.scores import EVERYTHING


def compared(stage: str, metric: str, model: str = "", group: str = EVERYTHING) -> float:
    """A row of `metrics/<stage>.json` below the working directory."""
    row = scores.find(read_json(paths.metrics(stage)), metric, model, group)
    assert row is not None, f"metrics of {stage} have no {model} {metric} {group}"
    return float(row["value"])


def all_of(reports: Path) -> dict[str, float]:
    """metric -> value of a `scores.csv` without models, in the groups of all."""
    with (reports / scores.FILE).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {row["metric"]: float(row["value"] or "nan") for row in rows if not row["model"]}
