"""Draw the evaluation's curves in the house style."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from stages import plots
from stages.evaluation.report import HIT_K

# The palette's two oranges kept apart: in one plot they are told apart by name only.
COLORS = [plots.PALETTE[place] for place in (0, 1, 2, 5, 4, 3)]
NAMES = {
    "two_tower": "two-tower",
    "dcn": "DCN",
    "popularity": "popularity",
    "recent_popularity": "recent popularity",
    "ease": "EASE",
    "global_mean": "global mean",
    "movie_mean": "movie mean",
    "movie_user_bias": "movie + user bias",
    "gradient_boosting": "gradient boosting",
}


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
    figure, (axes,) = plots.new()
    for place, (name, part) in enumerate(_by_model(table)):
        axes.plot(part["k"], part["accuracy"], label=_label(name), **_line(place))
    axes.axvline(HIT_K, color=plots.MUTED, linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.set_xticks([1, 10, HIT_K, 500], ["1", "10", str(HIT_K), "500"])
    axes.set_ylim(bottom=0)
    axes.set(title="Accuracy by length of the list", xlabel="k, movies in the list", ylabel="accuracy")
    _legend(axes)
    plots.save(figure, path)


def _draw_buckets(table: pd.DataFrame, title: str, xlabel: str, path: Path) -> None:
    figure, (axes,) = plots.new()
    parts = _by_model(table)
    width = 0.8 / max(1, len(parts))
    for place, (name, part) in enumerate(parts):
        left = np.arange(len(part)) - 0.4 + width * (place + 0.5)
        axes.bar(left, part["accuracy"], width, color=_color(place), label=_label(name))
    if parts:
        first = parts[0][1]
        ticks = [
            f"{bucket}\n{events:,}" for bucket, events in zip(first["bucket"], first["events"], strict=True)
        ]
        axes.set_xticks(np.arange(len(first)), ticks)
    axes.grid(visible=False, axis="x")
    axes.set(title=title, xlabel=f"{xlabel}; below, events", ylabel="accuracy")
    _legend(axes)
    plots.save(figure, path)


def _draw_calibration(table: pd.DataFrame, path: Path) -> None:
    figure, (axes,) = plots.new(5.6, 5.2)
    axes.plot([0.5, 5], [0.5, 5], color=plots.MUTED, linewidth=0.8, linestyle=":")
    for place, (name, part) in enumerate(_by_model(table)):
        sizes = 6 + 120 * part["events"] / max(1, part["events"].sum())
        axes.plot(part["predicted"], part["observed"], **_line(place))
        axes.scatter(part["predicted"], part["observed"], sizes, color=_color(place), label=_label(name))
    axes.set(xlim=(0.4, 5.1), ylim=(0.4, 5.1), title="Calibration of predicted ratings")
    axes.set(
        xlabel="predicted, stars (mean of a quarter-star bin)",
        ylabel="given, stars (mean of the same events)",
    )
    _legend(axes)
    plots.save(figure, path)


def _draw_residuals(table: pd.DataFrame, path: Path) -> None:
    figure, (axes,) = plots.new()
    for place, (name, part) in enumerate(_by_model(table)):
        axes.step(part["residual"], part["share"], where="mid", label=_label(name), **_line(place))
    axes.axvline(0, color=plots.MUTED, linewidth=0.8, linestyle=":")
    axes.set_ylim(bottom=0)
    axes.set(title="Residuals", xlabel="given minus predicted, stars", ylabel="share of events")
    _legend(axes)
    plots.save(figure, path)


def _by_model(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(str(name), part) for name, part in table.groupby("model", sort=False)]


def _label(name: str) -> str:
    return NAMES.get(name, name.replace("_", " "))


def _color(place: int) -> str:
    return COLORS[place % len(COLORS)]


def _line(place: int) -> dict[str, Any]:
    return {"color": _color(place), "linewidth": 2.4 if place == 0 else 1.4}


def _legend(axes: Axes) -> None:
    """A legend where something was drawn: matplotlib warns about an empty one."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
