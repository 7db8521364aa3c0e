"""A judgement in three pictures."""

from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator

from marquee.monitoring.statistics.signals import SIGNALS
from marquee.monitoring.verdict.judgement import Judgement
from marquee.pictures import plots

LARGEST = 2.0
"""Distance over threshold at which the colour of a cell saturates."""


def draw(judgement: Judgement, folder: Path) -> None:
    """Write drift.png, performance.png and exposure.png."""
    draw_drift(judgement, folder / "drift.png")
    draw_performance(judgement, folder / "performance.png")
    draw_exposure(judgement, folder / "exposure.png")


def draw_drift(judgement: Judgement, path: Path) -> None:
    """Distance over threshold, a line per signal and a cell per window; alarms are marked."""
    judged, names = judgement.judged, [signal.name.replace("_", " ") for signal in SIGNALS]
    figure, (axes,) = plots.new(width=8.0, height=3.6)
    axes.set_title("Distance from the reference, over its threshold")
    if len(judged.starts):
        cells = judged.distance / np.maximum(judgement.thresholds.values, 1e-12)
        image = axes.imshow(
            cells.T, aspect="auto", cmap="Oranges", vmin=0, vmax=LARGEST, interpolation="none"
        )
        window, signal = np.nonzero(judged.alarm)
        axes.scatter(window, signal, marker="x", s=28, color=plots.INK, label="alarm", zorder=3)
        figure.colorbar(image, ax=axes, label="1 is the threshold", extend="max")
        recent = len(judged.starts) - judgement.recent - 0.5
        axes.axvline(recent, color=plots.INK, linewidth=1, linestyle=":")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel(f"window of {judgement.window:,} requests; right of the dotted line: recent")
    axes.grid(False)
    plots.save(figure, path)


def draw_performance(judgement: Judgement, path: Path) -> None:
    """Online, without feedback and offline beside each other, with 95 % intervals."""
    shown = [name for name in ("rmse", "hit_rate_at_10", "mrr", "click_share") if name in judgement.online]
    sources = (
        ("online", judgement.online),
        ("without feedback", judgement.estimated),
        ("offline", judgement.offline),
    )
    figure, axes = plots.new(width=9.0, height=2.8, columns=len(shown))
    for panel, name in zip(axes, shown, strict=True):
        panel.set_title(name.replace("_", " "))
        for row, (_, values) in enumerate(sources):
            one = values.get(name)
            if one is None or not np.isfinite(one.value):
                continue
            # A percentile interval of very few visitors may leave its own value out.
            ends = [[max(0.0, one.value - one.low)], [max(0.0, one.high - one.value)]]
            panel.errorbar(one.value, row, xerr=ends, fmt="o", color=plots.PALETTE[row], capsize=3)
        panel.set_ylim(len(sources) - 0.5, -0.5)
        panel.set_yticks(range(len(sources)), [label for label, _ in sources] if panel is axes[0] else [])
        panel.margins(x=0.25)
    plots.save(figure, path)


def draw_exposure(judgement: Judgement, path: Path) -> None:
    """Share of the places that the movies rated most take, window by window, with its trend."""
    share, trend = judgement.exposure.popular_share, judgement.exposure.trend
    figure, (axes,) = plots.new(width=7.0, height=3.0)
    axes.set_title("Share of the places of the tenth of the movies rated most")
    windows = np.arange(len(share))
    axes.plot(windows, share, marker="o", markersize=3)
    if np.isfinite(trend.value):
        middle = np.median(share) + trend.value * (windows - np.median(windows))
        axes.plot(windows, middle, color=plots.MUTED, linestyle="--", label="trend")
        axes.legend()
    axes.set_ylim(0, 1)
    axes.set_xlabel(f"window of {judgement.window:,} requests")
    plots.save(figure, path)
