"""Draw the model dashboard as a PNG, for people without Grafana.

`python -m monitoring.draw_dashboard --prometheus http://localhost:9090 --out dashboard.png` asks Prometheus
what the panels of `deploy/grafana/dashboards/model.json` ask, and draws the answers of the last hours.
"""

import argparse
import json
import math
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import requests
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, PercentFormatter

from marquee.pictures import plots
from marquee.pipeline import logs
from marquee.pipeline.arrays import Float64

DASHBOARD = Path(__file__).parents[1] / "deploy/grafana/dashboards/model.json"
POINTS = 240
"""Points of each line."""
COLUMNS = 2
TIMEOUT_SECONDS = 30
BYTES = ("B", "kB", "MB", "GB")
COLOURS = [plots.PALETTE[position] for position in (0, 1, 2, 4, 5, 3)]
"""The house's, the two oranges apart."""
LEFT_OUT = "other"
"""A label that is drawn only where something counts under it."""
log = logs.get("draw_dashboard")


class DrawingError(ValueError):
    """Prometheus or the dashboard has nothing to draw; the message says what to do."""


@dataclass(frozen=True)
class Line:
    """One series: times (n,) in seconds from now, so below 0; values (n,), NaN where there is no number."""

    name: str
    time: Float64
    value: Float64


def run(prometheus: str, dashboard: Path, hours: float, out: Path) -> None:
    """Ask for every panel and write the picture.

    Raises:
        DrawingError: Prometheus does not answer, refuses an expression or has no data.
    """
    panels = json.loads(dashboard.read_text(encoding="utf-8"))["panels"]
    end = time.time()
    lines = [_lines(prometheus, panel, end - hours * 3600, end) for panel in panels]
    if not any(lines):
        raise DrawingError(
            f"{prometheus} has no data for any panel of {dashboard.name} in the last {hours:g} hours. "
            "Does it scrape the service and read deploy/prometheus/rules/recording.yml?"
        )
    rows = math.ceil(len(panels) / COLUMNS)
    figure, axes = plots.new(width=13.0, height=3.1 * rows, columns=COLUMNS, rows=rows)
    # Inches: titles and legends of neighbours keep apart.
    figure.set_layout_engine("constrained", h_pad=0.12, w_pad=0.12)
    for axis, panel, drawn in zip(axes, panels, lines, strict=False):
        draw(axis, panel, drawn)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    plots.save(figure, out)
    log.info("%d of %d panels have data; wrote %s", sum(map(bool, lines)), len(panels), out)


def draw(axis: Axes, panel: Mapping[str, Any], lines: Sequence[Line]) -> None:
    """Draw a panel as Grafana would: lines, stacked areas, or a table."""
    axis.set_title(panel["title"])
    defaults = panel["fieldConfig"]["defaults"]
    if not lines:
        _write(axis, "no data")
    elif panel["type"] == "table":
        _write(axis, "\n".join(line.name for line in lines))
    else:
        _plot(axis, lines, stacked="stacking" in defaults.get("custom", {}))
        _scale(axis, defaults)


def _plot(axis: Axes, lines: Sequence[Line], stacked: bool) -> None:
    times = np.unique(np.concatenate([line.time for line in lines]))
    unit, seconds = _time_unit(-times[0])
    axis.set_xlabel(f"{unit} ago", loc="right")
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):g}"))
    axis.set_prop_cycle(color=COLOURS)
    when = times / seconds
    values = np.full((len(lines), len(times)), np.nan)
    for row, line in zip(values, lines, strict=True):
        row[np.searchsorted(times, line.time)] = line.value
    names = [line.name for line in lines]
    if stacked:
        axis.stackplot(when, np.nan_to_num(values), labels=names, alpha=0.8, linewidth=0)
    else:
        for name, row in zip(names, values, strict=True):
            axis.plot(when, row, label=name, linewidth=2)
    if any(names):
        axis.legend(ncols=min(len(names), 4), fontsize=8, loc="upper left", bbox_to_anchor=(0, -0.18))


def _scale(axis: Axes, defaults: Mapping[str, Any]) -> None:
    axis.set_ylim(bottom=defaults.get("min"), top=defaults.get("max"))
    unit = defaults["unit"]
    if unit == "percentunit":
        axis.yaxis.set_major_formatter(PercentFormatter(1.0))
    elif unit == "bytes":
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _bytes(value)))
    elif unit in ("reqps", "cps"):
        axis.set_ylabel("per second")
    elif unit == "s":
        axis.set_ylabel("seconds")


def _time_unit(seconds: float) -> tuple[str, float]:
    """What to count a span in, and its seconds."""
    units = (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0))
    return next(((name, size) for name, size in units if seconds > 2 * size), ("seconds", 1.0))


def _bytes(value: float) -> str:
    power = min(int(math.log(value, 1000)) if value >= 1 else 0, len(BYTES) - 1)
    return f"{value / 1000**power:g} {BYTES[power]}"


def _write(axis: Axes, text: str) -> None:
    axis.set_axis_off()
    axis.text(0, 0.9, text, transform=axis.transAxes, va="top", color=plots.MUTED, fontsize=8)


def _lines(prometheus: str, panel: Mapping[str, Any], start: float, end: float) -> list[Line]:
    """The lines of a panel's queries; series without a number are left out, and "other" where it is 0."""
    found = [
        _line(series, target["legendFormat"], end)
        for target in panel["targets"]
        for series in _query_range(prometheus, target["expr"], start, end)
    ]
    return [line for line in found if _is_worth_drawing(line)]


def _is_worth_drawing(line: Line) -> bool:
    numbers = line.value[~np.isnan(line.value)]
    return bool(numbers.any() if line.name == LEFT_OUT else len(numbers))


def _line(series: Mapping[str, Any], legend: str, now: float) -> Line:
    labels = series["metric"]
    points = np.array(series["values"], dtype=np.float64).reshape(-1, 2)
    name = re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: labels.get(found[1], ""), legend)
    return Line(name, points[:, 0] - now, np.where(np.isfinite(points[:, 1]), points[:, 1], np.nan))


def _query_range(prometheus: str, promql: str, start: float, end: float) -> list[dict[str, Any]]:
    step = max((end - start) / POINTS, 1.0)
    asked = {"query": promql, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
    try:
        answer = requests.get(f"{prometheus}/api/v1/query_range", params=asked, timeout=TIMEOUT_SECONDS)
        body = answer.json()
    except requests.RequestException as error:
        raise DrawingError(f"{prometheus} does not answer as Prometheus does: {error}") from error
    if body.get("status") != "success":
        raise DrawingError(f"{prometheus} refuses {promql}: {body.get('error', body)}")
    return list(body["data"]["result"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line; 1 where there is nothing to draw."""
    parser = argparse.ArgumentParser(prog="python -m monitoring.draw_dashboard", description=__doc__)
    parser.add_argument("--prometheus", default="http://localhost:9090", help="address of Prometheus")
    parser.add_argument("--out", type=Path, required=True, help="PNG to write")
    parser.add_argument(
        "--dashboard", type=Path, default=DASHBOARD, help="JSON of Grafana; default: the model's"
    )
    parser.add_argument("--hours", type=float, default=6.0, help="how far to look back")
    given = parser.parse_args(arguments)
    try:
        run(given.prometheus.rstrip("/"), given.dashboard, given.hours, given.out)
    except (DrawingError, OSError) as error:
        log.error("failed.\n%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
