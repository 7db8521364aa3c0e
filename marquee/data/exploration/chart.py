"""The parts that the pictures of `explore_data` are made of."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from marquee.data.exploration import bins
from marquee.data.exploration.wording import percent
from marquee.pictures.plots import ACCENT, INK, MUTED, PALETTE
from marquee.pipeline.arrays import Float64, Int64

TEAL, QUIET = PALETTE[1], "#cbd5e1"
"""A second colour, and grey for what is not to be looked at first."""

SHARE = FuncFormatter(lambda value, _: f"{100 * value:g} %")
COUNT = FuncFormatter(lambda value, _: f"{value:,.0f}")
WIDEST = 5
"""Letters of a class's name that fit beside its neighbours; longer names are wrapped."""

BACKED = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8}
"""The box of a label that a line may cross."""


def bars(axes: Axes, labels: list[str], shares: Float64, colors: list[str], label: str) -> None:
    """Bars of shares, each with its share above it."""
    axes.bar(np.arange(len(labels)), shares, color=colors, width=0.78)
    for place, share in enumerate(shares):
        if share > 0:
            axes.annotate(
                percent(float(share)).replace("under ", "< "),
                (place, share),
                (0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                bbox=BACKED,
            )
    axes.set_xticks(range(len(labels)), labels)
    axes.set_xlabel(label)
    axes.set_ylim(0, 1.12 * max(shares))
    axes.yaxis.set_major_formatter(SHARE)
    axes.grid(visible=False, axis="x")


def doubling(axes: Axes, counts: Int64, label: str) -> None:
    """Bars of the classes 1, 2, 3–4, 5–8, ...; the one that holds the median is coloured."""
    names, shares = bins.by_doubling(counts)
    middle = int(np.searchsorted(np.cumsum(shares), 0.5))
    bars(axes, names, shares, [ACCENT if place == middle else QUIET for place in range(len(names))], label)
    axes.set_xticks(range(len(names)), [_wrapped(name) for name in names], fontsize=8)


def _wrapped(name: str) -> str:
    return name.replace(" ", "\n").replace("–", "–\n") if len(name) > WIDEST else name


def level(axes: Axes, height: float, text: str) -> None:
    """A dashed line across, with its name to the right of the axes."""
    axes.axhline(height, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1.5)
    axes.annotate(
        text,
        (1, height),
        (4, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="center",
        color=MUTED,
        fontsize=8.5,
    )


def bar_label(axes: Axes, share: float, where: float) -> None:
    """The share at the end of a horizontal bar; inside where there is no room beside it."""
    text = percent(share)
    inside = share > 0.8
    axes.annotate(
        text,
        (np.nan_to_num(share), where),
        (-6 if inside else 6, 0),
        textcoords="offset points",
        va="center",
        ha="right" if inside else "left",
        color="white" if inside else INK,
    )


def spread(heights: Float64, gap: float) -> Float64:
    """The heights of a few labels, those nearer than `gap` pushed apart about their middle; same order."""
    order = np.argsort(heights, kind="stable")
    groups = [[height] for height in heights[order]]
    place = 0
    while place + 1 < len(groups):
        lower, upper = groups[place], groups[place + 1]
        if _centred(upper, gap)[0] - _centred(lower, gap)[-1] < gap:
            groups[place : place + 2] = [lower + upper]  # the grown group may now touch the one below
            place = max(0, place - 1)
        else:
            place += 1
    result = np.empty_like(heights)
    result[order] = np.concatenate([_centred(group, gap) for group in groups])
    return result


def _centred(group: list[float], gap: float) -> Float64:
    steps = np.arange(len(group), dtype=np.float64) - (len(group) - 1) / 2
    return steps * gap + float(np.mean(group))
