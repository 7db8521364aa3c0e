"""What the variants of the exported models weigh beside what they are worth."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from marquee.pictures import plots
from marquee.pipeline.params import ExportModels
from marquee.serving.variants.variants import VARIANTS, Measured, best_accuracy, best_rmse

NAMES = {
    "saved_model": "SavedModel",
    "onnx": "ONNX",
    "float32": "LiteRT float32",
    "float16": "LiteRT float16",
    "int8": "LiteRT int8",
}
"""Variants as people read them."""
SERVABLE, ELSEWHERE = plots.PALETTE[1], plots.PALETTE[4]
"""Colours of variants that the service could run, and of those for other places."""
MEGABYTE = 1e6
"""In bytes."""
LEAST_SPAN = 1e-3
"""Span of an axis where all values are the same."""


def draw(measured: Mapping[str, Measured], winner: str, tolerance: ExportModels, path: Path) -> None:
    """One row per variant: bytes, accuracy and RMSE side by side, tolerances marked, the winner in colour."""
    figure, (size, accuracy, error) = plots.new(11, 3.7, columns=3)
    figure.set_layout_engine("constrained", w_pad=0.15)
    colors = [_color(name, winner) for name in measured]
    _draw_bytes(size, measured, colors)
    least = best_accuracy(measured) - tolerance.accuracy_tolerance
    _draw_dots(accuracy, [one.top_100_accuracy for one in measured.values()], colors, least)
    accuracy.set(title="Top-100 accuracy", xlabel="share of events; dotted: the least allowed")
    most = best_rmse(measured) + tolerance.rmse_tolerance
    _draw_dots(error, [one.rmse for one in measured.values()], colors, most)
    error.set(title="RMSE", xlabel="stars; dotted: the most allowed")
    figure.suptitle(_headline(measured, winner), x=0.01, ha="left", fontsize=13, fontweight="bold")
    plots.save(figure, path)


def _headline(measured: Mapping[str, Measured], winner: str) -> str:
    share = measured[winner].bytes / measured["float32"].bytes
    return f"Served: {NAMES[winner]}, {share:.0%} of the bytes of float32 (grey: not for this service)"


def _color(name: str, winner: str) -> str:
    if name == winner:
        return plots.ACCENT
    return SERVABLE if VARIANTS[name].served else ELSEWHERE


def _draw_bytes(axes: Axes, measured: Mapping[str, Measured], colors: Sequence[str]) -> None:
    rows = range(len(measured))
    embeddings = [one.embedding_bytes / MEGABYTE for one in measured.values()]
    models = [one.bytes / MEGABYTE - part for one, part in zip(measured.values(), embeddings, strict=True)]
    axes.barh(rows, models, color=colors, height=0.6)
    drawn = axes.barh(rows, embeddings, left=models, color=colors, height=0.6, alpha=0.4)
    axes.bar_label(drawn, labels=[f"{one.bytes / MEGABYTE:.2f}" for one in measured.values()], padding=4)
    axes.set_yticks(rows, [NAMES[name] for name in measured], color=plots.INK)
    axes.set_ylim(*_heights(len(measured)))
    axes.margins(x=0.2)
    axes.grid(visible=False, axis="y")
    axes.set(title="Size", xlabel="MB: models, and pale the embeddings")


def _draw_dots(axes: Axes, values: Sequence[float], colors: Sequence[str], limit: float) -> None:
    axes.axvline(limit, color=plots.MUTED, linewidth=0.8, linestyle=":")
    axes.scatter(values, range(len(values)), color=colors, s=45, zorder=3)
    for row, (value, color) in enumerate(zip(values, colors, strict=True)):
        axes.annotate(
            f"{value:.4f}", (value, row), (0, 8), textcoords="offset points", ha="center", color=color
        )
    low, high = min(*values, limit), max(*values, limit)
    margin = 0.3 * max(high - low, LEAST_SPAN)
    axes.set_xlim(low - margin, high + margin)
    axes.set_ylim(*_heights(len(values)))
    axes.set_yticks(range(len(values)), [""] * len(values))
    axes.locator_params(axis="x", nbins=3)
    axes.grid(visible=False, axis="x")


def _heights(rows: int) -> tuple[float, float]:
    """The first row on top, with room for what is written above it."""
    return rows - 0.5, -0.7
