"""Scores: every measured number as a row of its own, the same row in `metrics/` and in `reports/`.

`reports/<stage>/scores.csv` holds all rows of a stage. `metrics/<stage>.json` holds those that people
compare, under `scores`, and beside them the few numbers that stand for the stage. DVC reads the latter and
passes over lists, so `dvc metrics show` stays a table that a terminal can hold.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marquee.pipeline.files import DECIMALS, write_json, write_text

FILE = "scores.csv"
COLUMNS = ("model", "metric", "group", "value", "low", "high")
EVERYTHING = "all"
"""The group of a number that rests on all events, all movies or whatever else it counts."""


@dataclass(frozen=True)
class Score:
    """One measured number.

    Attributes:
        metric: what was measured; its unit is in docs/protocol.md.
        value: NaN where there was nothing to measure.
        model: whose it is; empty for a fact of the data.
        group: what it rests on: a part of the events, or `minus_<other>` for a paired difference.
        low: of the 95 % interval, where there is one; so `high`.
    """

    metric: str
    value: float
    model: str = ""
    group: str = EVERYTHING
    low: float | None = None
    high: float | None = None

    def as_row(self) -> dict[str, Any]:
        """For JSON: what is empty or goes without saying is left out."""
        row = {column: getattr(self, column) for column in COLUMNS}
        without = {"model": "", "group": EVERYTHING, "low": None, "high": None}
        return {name: cell for name, cell in row.items() if name not in without or cell != without[name]}


def counts(numbers: Mapping[str, float], model: str = "", group: str = EVERYTHING) -> list[Score]:
    """Several numbers without an interval, metric -> value."""
    return [Score(metric, value, model, group) for metric, value in numbers.items()]


def write_table(scores: Iterable[Score], folder: Path) -> None:
    """Write all rows as `scores.csv`: up to six decimals, an empty cell where there is no number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for score in scores:
        numbers = [_cell(number) for number in (score.value, score.low, score.high)]
        writer.writerow([score.model, score.metric, score.group, *numbers])
    write_text(folder / FILE, text.getvalue())


def write_metrics(path: Path, shown: Mapping[str, float], compared: Sequence[Score]) -> None:
    """Write a metrics file.

    Args:
        path: `paths.metrics(stage)`.
        shown: what `dvc metrics show` and `dvc metrics diff` read: few, under names that files share or that
            are short.
        compared: the rows that people, gates and the model card read.
    """
    write_json(path, {**shown, "scores": [score.as_row() for score in compared]})


def find(
    numbers: Mapping[str, Any], metric: str, model: str = "", group: str = EVERYTHING
) -> Mapping[str, Any] | None:
    """The row of a metrics file that was read, or None where it has no such row."""
    wanted = Score(metric, math.nan, model, group)
    for row in numbers.get("scores", ()):
        found = row["metric"], row.get("model", ""), row.get("group", EVERYTHING)
        if found == (wanted.metric, wanted.model, wanted.group):
            return dict(row)
    return None


def _cell(number: float | None) -> str:
    if number is None or not math.isfinite(number):
        return ""
    plain = number.item() if hasattr(number, "item") else number
    return repr(round(plain, DECIMALS) if isinstance(plain, float) else plain)
