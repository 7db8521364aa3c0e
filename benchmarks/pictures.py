"""The house style for benchmarks: labelled bars, ours standing out."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from marquee.pictures import plots


def bars(axes: Axes, values: Mapping[str, float], title: str, unit: str, ours: str | None = None) -> None:
    """Horizontal bars with their values, the first on top; `ours` (the first, unless named) stands out."""
    names = list(values)
    colors = [plots.ACCENT if name == (ours or names[0]) else plots.PALETTE[4] for name in names]
    drawn = axes.barh(names, list(values.values()), color=colors, height=0.6)
    axes.bar_label(drawn, labels=[_short(value) for value in values.values()], padding=18)
    axes.set(title=title, xlabel=unit)
    axes.invert_yaxis()
    axes.margins(x=0.22)
    if max(values.values()) >= 1000:
        axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(visible=False, axis="y")


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3f}" if value < 1 else f"{value:.3g}"


def draw(panels: Sequence[tuple[str, str, Mapping[str, float]]], path: Path) -> None:
    """One panel of bars for each (title, unit, values), one above the other."""
    height = sum(1.2 + 0.42 * len(values) for _, _, values in panels)
    figure, axes = plots.new(7.5, height, rows=len(panels))
    for panel, (title, unit, values) in zip(axes, panels, strict=True):
        bars(panel, values, title, unit)
    plots.save(figure, path)
