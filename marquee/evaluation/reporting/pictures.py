"""Draw the evaluation's curves in the house style."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from marquee.evaluation.measures.rank_metrics import HIT_K
from marquee.pictures import plots

COLORS = {
    "two_tower": plots.PALETTE[0],
    "dcn": plots.PALETTE[0],
    "recommender": plots.PALETTE[0],
    "retrieval_only": plots.PALETTE[5],
    "ease": plots.PALETTE[2],
    "gradient_boosting": plots.PALETTE[2],
    "gradient_boosting_plain": plots.PALETTE[3],
    "recent_popularity": plots.PALETTE[1],
    "movie_user_bias": plots.PALETTE[1],
    "popularity": plots.PALETTE[4],
    "global_mean": plots.PALETTE[4],
    "movie_mean": plots.PALETTE[5],
    "oracle": plots.INK,
}
"""A model keeps its colour in every picture; the oracle is no rival, so it has none."""
NAMES = {
    "two_tower": "two-tower",
    "dcn": "DCN",
    "recommender": "recommender",
    "retrieval_only": "retrieval only",
    "popularity": "popularity",
    "recent_popularity": "recent popularity",
    "ease": "EASE",
    "global_mean": "global mean",
    "movie_mean": "movie mean",
    "movie_user_bias": "movie + user bias",
    "gradient_boosting": "gradient boosting",
    "gradient_boosting_plain": "gradient boosting, plain features",
    "oracle": "oracle of the simulation",
}
"""Models as people read them; one without a label keeps its own name."""
LINE_HEIGHT = 0.055
"""Share of the axes' height: closer labels would touch."""
FEWEST_EVENTS = 30
"""Calibration bins with fewer are in the table alone: their means are chance."""


def draw_retrieval(curves: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Draw `curves.retrieval_curves`: accuracy_by_k.png, accuracy_by_history.png, accuracy_by_popularity.png.

    The first model of the tables is the one that stands out.
    """
    with mpl.rc_context(plots.STYLE):  # titles and legends take the style they are made under
        _draw_by_k(curves["accuracy_by_k"], folder / "accuracy_by_k.png")
        _draw_buckets(
            curves["accuracy_by_history"],
            f"Top-{HIT_K} accuracy by length of history",
            "interactions before the event",
            folder / "accuracy_by_history.png",
        )
        _draw_buckets(
            curves["accuracy_by_popularity"],
            f"Top-{HIT_K} accuracy by popularity of the movie",
            "ratings of the movie in the fitted period (0: a cold movie)",
            folder / "accuracy_by_popularity.png",
        )


def draw_ratings(curves: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Draw `curves.rating_curves`: calibration.png and residuals.png."""
    with mpl.rc_context(plots.STYLE):
        _draw_calibration(curves["calibration"], folder / "calibration.png")
        _draw_residuals(curves["residuals"], folder / "residuals.png")


def _draw_by_k(table: pd.DataFrame, path: Path) -> None:
    figure, (axes,) = plots.new(8.2, 4.4)
    ends, title = [], "Accuracy by length of the list"
    for place, (name, part) in enumerate(_by_model(table)):
        axes.plot(part["k"], part["accuracy"], **_line(name, place))
        at = float(part.loc[part["k"] == HIT_K, "accuracy"].iloc[0])
        axes.plot(HIT_K, at, "o", color=_color(name), markersize=6 if place == 0 else 4)
        ends.append((float(part["accuracy"].iloc[-1]), name, f"{_label(name)}  {at:.2f}"))
        if place == 0:
            title = f"{_label(name)}: the next liked movie is among the first {HIT_K} for {at:.0%} of events"
    axes.axvline(HIT_K, color=plots.MUTED, linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.set_xticks([1, 10, HIT_K, 500], ["1", "10", str(HIT_K), "500"])
    axes.set_ylim(0, 1)
    axes.set_xlim(1, 500)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(
        title=title[0].upper() + title[1:],
        xlabel=f"k, movies in the list; beside the names, k = {HIT_K}",
        ylabel="accuracy",
    )
    _label_ends(axes, ends)
    plots.save(figure, path)


def _draw_buckets(table: pd.DataFrame, title: str, xlabel: str, path: Path) -> None:
    figure, (axes,) = plots.new(8.2, 4.4)
    parts = _by_model(table)
    ends = []
    for place, (name, part) in enumerate(parts):
        axes.plot(np.arange(len(part)), part["accuracy"], marker="o", markersize=4, **_line(name, place))
        ends.append((float(part["accuracy"].iloc[-1]), name, _label(name)))
    if parts:
        first = parts[0][1]
        ticks = [
            f"{bucket}\n{events:,}" for bucket, events in zip(first["bucket"], first["events"], strict=True)
        ]
        axes.set_xticks(np.arange(len(first)), ticks)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(title=title, xlabel=f"{xlabel}; below, events", ylabel="accuracy")
    _label_ends(axes, ends)
    plots.save(figure, path)


def _draw_calibration(table: pd.DataFrame, path: Path) -> None:
    """Given minus predicted by predicted stars: a well calibrated model stays at zero."""
    figure, (axes,) = plots.new(8.2, 4.4)
    axes.axhline(0, color=plots.MUTED, linewidth=0.8, linestyle=":")
    for place, (name, part) in enumerate(_by_model(table)):
        sure = part[part["events"] >= FEWEST_EVENTS]
        gap = sure["observed"] - sure["predicted"]
        axes.plot(sure["predicted"], gap, marker="o", markersize=4, label=_label(name), **_line(name, place))
    axes.set(
        title="Calibration of predicted ratings",
        xlabel=f"predicted, stars (means of quarter-star bins of {FEWEST_EVENTS} events or more)",
        ylabel="given minus predicted, stars",
    )
    _legend(axes)
    plots.save(figure, path)


def _draw_residuals(table: pd.DataFrame, path: Path) -> None:
    figure, (axes,) = plots.new(8.2, 4.4)
    for place, (name, part) in enumerate(_by_model(table)):
        axes.step(part["residual"], part["share"], where="mid", label=_label(name), **_line(name, place))
    axes.axvline(0, color=plots.MUTED, linewidth=0.8, linestyle=":")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set(title="Residuals", xlabel="given minus predicted, stars", ylabel="share of events")
    _legend(axes)
    plots.save(figure, path)


def _by_model(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(str(name), part) for name, part in table.groupby("model", sort=False)]


def _label(name: str) -> str:
    return NAMES.get(name, name.replace("_", " "))


def _color(name: str) -> str:
    return COLORS.get(name, plots.MUTED)


def _line(name: str, place: int) -> dict[str, Any]:
    style = "--" if name == "oracle" else "-"
    return {"color": _color(name), "linewidth": 2.6 if place == 0 else 1.4, "linestyle": style}


def _label_ends(axes: Axes, ends: list[tuple[float, str, str]]) -> None:
    """Name each line where it ends, on the right, pushed apart where lines end together.

    Args:
        axes: with limits set.
        ends: last y, model and text of each line.
    """
    low, high = axes.get_ylim()
    below = 1 + LINE_HEIGHT
    for left, (y, name, text) in zip(range(len(ends), 0, -1), sorted(ends, reverse=True), strict=True):
        below = max(min((y - low) / (high - low), below - LINE_HEIGHT), (left - 1) * LINE_HEIGHT)
        axes.text(1.015, below, text, color=_color(name), transform=axes.transAxes, va="center")


def _legend(axes: Axes) -> None:
    """A legend where something was drawn: matplotlib warns about an empty one."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
