"""The house style: one palette, quiet axes, the same bytes on every run."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marquee.pipeline.files import write_whole

INK, MUTED, GRID = "#1f2430", "#6b7280", "#e5e7eb"
"""Colours of text, of axes and what matters less, of the grid."""
PALETTE = ["#c2410c", "#0f766e", "#4f46e5", "#b45309", "#64748b", "#be185d"]
ACCENT = PALETTE[0]
"""Colour of what a picture is about."""
STYLE: Any = {
    "figure.dpi": 100,
    "savefig.dpi": 144,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=PALETTE),
    "grid.color": GRID,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
}


def new(
    width: float = 7.0, height: float = 4.2, columns: int = 1, rows: int = 1
) -> tuple[Figure, list[Axes]]:
    """A figure in the house style and its axes, left to right, top to bottom."""
    mpl.rcParams.update(STYLE)  # for good: titles and legends added later read it too
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False)
    return figure, list(axes.flat)


def save(figure: Figure, path: Path) -> None:
    """Write a PNG without date or version, so that equal data give equal bytes; close the figure."""
    write_whole(path, lambda temporary: figure.savefig(temporary, metadata={"Software": None}))
    plt.close(figure)
