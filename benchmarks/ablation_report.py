"""The ablation for people: a table and a picture, and both in docs/models.md between two markers."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.gridspec import GridSpec

from benchmarks import results
from marquee.evaluation.measures import intervals
from marquee.evaluation.measures.intervals import Interval
from marquee.evaluation.measures.report import Asked
from marquee.pictures import plots
from marquee.pipeline.arrays import Bool, Float64
from marquee.pipeline.files import write_text

PAGE, PICTURE = Path("docs/models.md"), Path("docs/ablation.png")
ACCURACY = "top_100_accuracy"
WIDTH = 118
"""Characters of a line in docs/."""

Line = dict[str, float]


class PageError(ValueError):
    """A page lacks the markers that say where a generated part goes."""


def lines(
    answers: Mapping[str, Bool], before: Mapping[str, str], asked: Asked, samples: int, seed: int
) -> dict[str, Line]:
    """The numbers of every variant.

    Args:
        answers: variant -> (e,) whether each event's movie was found.
        before: variant -> the variant it is compared with, pair by pair; some have none.
        asked: the same events.
        samples: bootstrap draws.
        seed: of the draws.
    """
    cold = asked.popularity == 0
    numbers: dict[str, Line] = {}
    for name, found in answers.items():
        numbers[name] = _named(intervals.mean(found, asked.users, samples, seed), ACCURACY)
        numbers[name] |= {
            f"{ACCURACY}_{label}": intervals.mean(found[part], asked.users[part], samples, seed).value
            for label, part in (("warm", ~cold), ("cold", cold))
        }
        if name in before:
            others = answers[before[name]]
            difference = intervals.mean_difference(found, others, asked.users, samples, seed)
            numbers[name] |= _named(difference, "difference")
    return numbers


def _named(interval: Interval, name: str) -> Line:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def counts(asked: Asked) -> dict[str, int]:
    """How many events there are, and how many of them ask for a cold movie."""
    return {"all": len(asked), "cold": int(np.count_nonzero(asked.popularity == 0))}


def write(numbers: Mapping[str, Line], steps: Sequence[str], events: Mapping[str, int], source: str) -> None:
    """Write the table and the picture beside the other benchmarks', and both into docs/models.md."""
    table = pd.DataFrame.from_dict(dict(numbers), orient="index").rename_axis("variant")
    text = table.to_csv(float_format="%.6f", lineterminator="\n")
    write_text(results.REPORTS / "ablation.csv", text)
    page = with_part(PAGE.read_text(encoding="utf-8"), "ablation", markdown(numbers, steps, events, source))
    write_text(PAGE, page)
    for path in (results.REPORTS / "ablation.png", PICTURE):
        draw(numbers, steps, source, path)


def with_part(page: str, name: str, part: str) -> str:
    """A page with what lies between its markers `<!-- name -->` and `<!-- /name -->` replaced.

    Raises:
        PageError: a marker is missing, or they stand the wrong way round.
    """
    opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, opened, rest = page.partition(opening)
    _, closed, after = rest.partition(closing)
    if not (opened and closed):
        raise PageError(
            f"{PAGE} must hold {opening} and, after it, {closing}: what lies between them is generated. "
            "Restore both lines."
        )
    return f"{before}{opening}\n{part.strip()}\n{closing}{after}"


def markdown(
    numbers: Mapping[str, Line], steps: Sequence[str], events: Mapping[str, int], source: str
) -> str:
    """Both tables, the picture between them."""
    changes = [name for name in numbers if name not in steps]
    about_steps = (
        f"Made by `make ablation` on `{source}`: each line is a two-tower fitted on train and asked the "
        f"{events['all']:,} positive validation events whose person has a history ({events['cold']:,} of "
        "cold movies). Top-100 accuracy over the whole catalogue; in brackets 95 % intervals by bootstrap "
        "over users, paired for differences. What a step lacks is hidden from it: metadata zeroed, attention "
        "left out, all ratings alike, all times as training ended, their order kept."
    )
    about_changes = (
        "One change at a time to the model (the last step). The first line changes nothing but the seed: "
        "what is no larger is chance."
    )
    parts = [
        textwrap.fill(about_steps, WIDTH),
        _table("step", steps, numbers, "beside the step before"),
        "![Top-100 accuracy of each step, and what single changes do](ablation.png)",
        textwrap.fill(about_changes, WIDTH),
        _table("change", changes, numbers, "beside the model"),
    ]
    return "\n\n".join(parts)


def _table(head: str, names: Sequence[str], numbers: Mapping[str, Line], beside: str) -> str:
    rows = [f"| {head} | accuracy | warm | cold | {beside} |", "|---|--:|--:|--:|--:|"]
    for name in names:
        one = numbers[name]
        cells = [
            f"{one[ACCURACY]:.3f} ({one[f'{ACCURACY}_low']:.3f} to {one[f'{ACCURACY}_high']:.3f})",
            f"{one[f'{ACCURACY}_warm']:.3f}",
            f"{one[f'{ACCURACY}_cold']:.3f}",
            _difference(one) if "difference" in one else "",
        ]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _difference(one: Line) -> str:
    value, low, high = (one[key] for key in ("difference", "difference_low", "difference_high"))
    return f"{value:+.3f} ({low:+.3f} to {high:+.3f})"


def draw(numbers: Mapping[str, Line], steps: Sequence[str], source: str, path: Path) -> None:
    """The steps as bars with their intervals, and the changes as differences from the model."""
    changes = [name for name in numbers if name not in steps]
    ratios = [2.5 + len(steps), 2.5 + len(changes)]
    figure, (above, below) = plots.new(7.5, 0.34 * sum(ratios), rows=2)
    cast(GridSpec, above.get_gridspec()).set_height_ratios(ratios)
    _draw_steps(above, {name: numbers[name] for name in steps}, source)
    _draw_changes(below, {name: numbers[name] for name in changes})
    plots.save(figure, path)


def _draw_steps(axes: Axes, chosen: Mapping[str, Line], source: str) -> None:
    names = list(chosen)
    values, ends = _with_ends(chosen, ACCURACY)
    colors = [*[plots.PALETTE[4]] * (len(names) - 1), plots.ACCENT]
    axes.barh(names, values, color=colors, height=0.6)
    axes.errorbar(values, names, xerr=ends, fmt="none", ecolor=plots.INK, elinewidth=1, capsize=3)
    for row, (value, end) in enumerate(zip(values, ends[1], strict=True)):
        axes.annotate(f"{value:.3f}", (value + end, row), (6, 0), textcoords="offset points", va="center")
    cold = [one[f"{ACCURACY}_cold"] for one in chosen.values()]
    axes.plot(cold, names, "o", color="white", markeredgecolor=plots.INK)
    axes.set(
        title=f"What each part adds ({source}, validation)",
        xlabel="top-100 accuracy, whole catalogue (ring: of cold movies alone)",
    )
    axes.margins(x=0.15)
    axes.set_xlim(left=-0.005)  # room for a point at 0
    axes.grid(visible=False, axis="y")
    axes.invert_yaxis()


def _draw_changes(axes: Axes, chosen: Mapping[str, Line]) -> None:
    values, ends = _with_ends(chosen, "difference")
    axes.axvline(0, color=plots.INK, linewidth=1)
    axes.errorbar(values, list(chosen), xerr=ends, fmt="o", color=plots.PALETTE[4], elinewidth=1.5, capsize=3)
    axes.set(title="What one change to the model does", xlabel="difference in top-100 accuracy")
    axes.invert_yaxis()


def _with_ends(chosen: Mapping[str, Line], key: str) -> tuple[Float64, Float64]:
    """(v,) the values, and (2, v) how far the ends of their intervals are from them."""
    value, low, high = (
        np.array([one[f"{key}{end}"] for one in chosen.values()]) for end in ("", "_low", "_high")
    )
    return value, np.stack([value - low, high - value])
