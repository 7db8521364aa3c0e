"""A panel for each world: how far its windows are from the reference, run by run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator

from benchmarks.simulation.judging import Judged
from benchmarks.simulation.worlds import World
from marquee.pictures import plots

LARGEST = 4.0
"""Where the scale ends: beyond, a window is drawn at the edge."""
COLUMNS = 2


def draw(worlds: Sequence[World], runs: Mapping[str, Sequence[Judged]], window: int, path: Path) -> None:
    """Every run is a line of windows; above 1 is an alarm."""
    rows = -(-len(worlds) // COLUMNS)
    figure, axes = plots.new(10.0, 2.3 * rows, columns=COLUMNS, rows=rows)
    for panel, world in zip(axes, worlds, strict=False):
        for judged in runs[world.name]:
            windows = np.arange(1, len(judged.over) + 1)
            height = np.minimum(judged.over, LARGEST)
            panel.plot(windows, height, color=plots.PALETTE[4], linewidth=0.8, alpha=0.6)
            alarms = judged.over > 1
            panel.scatter(windows[alarms], height[alarms], s=16, color=plots.ACCENT, zorder=3)
        panel.axhline(1, color=plots.INK, linewidth=1, linestyle=":")
        panel.set(ylim=(0, LARGEST * 1.05), ylabel="over threshold")
        panel.set_title(world.title, fontsize=10)
        panel.set_xlabel(f"window of {window:,} requests; dots are alarms")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    for panel in axes[len(worlds) :]:
        panel.set_axis_off()
    plots.save(figure, path)
