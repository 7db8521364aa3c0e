"""Champion or challenger: what both did on the same events goes in, a decision with its reasons comes out.

The champion stays unless the challenger is shown to be better. The interval of a difference is by bootstrap
over users, paired: both bundles get the same draws of people. Several headline measures share the 5 % that
an interval may err (Bonferroni), for one of them is enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from marquee.evaluation.measures.intervals import COVERED, Interval
from marquee.monitoring.statistics import resampling
from marquee.pipeline.arrays import Float64, Int64
from marquee.pipeline.monitoring_params import Promotion

PROMOTED, KEPT = 20, 0
"""Exit codes for a scheduler; 1 is an error, as everywhere."""

Role = Literal["headline", "guard"]
Outcome = Literal["better", "fell", "kept", "few"]
"""Shown to be better; fell by more than its margin; neither; too few users to say."""


@dataclass(frozen=True)
class Measure:
    """What both bundles did on the same e events.

    Attributes:
        name: of the measure.
        champion: (e,) one value per event; more is better, but see `errors`.
        challenger: (e,) likewise, in the same order.
        users: (e,) whose event it is.
        margin: by how much it may fall, in the unit of its mean.
        errors: whether the values are squared errors: their root of the mean is compared, less is better.
    """

    name: str
    champion: Float64
    challenger: Float64
    users: Int64
    margin: float
    errors: bool = False


@dataclass(frozen=True)
class Figure:
    """One number per bundle, without an interval.

    Attributes:
        name: of the figure.
        champion, challenger: what each has.
        least, most: the challenger's must be within; with a `most`, less is better.
    """

    name: str
    champion: float
    challenger: float
    least: float = -float("inf")
    most: float = float("inf")


@dataclass(frozen=True)
class Line:
    """One measure as the report shows it.

    Attributes:
        name, role: of the measure.
        events, users: it rests on; 0 for a figure.
        champion, challenger: means, roots of means for errors, or the figures.
        gain: of the challenger over the champion, above 0 is better; low and high are NaN for a figure.
        rule: what refuses the challenger, in words.
        outcome: what it says.
    """

    name: str
    role: Role
    events: int
    users: int
    champion: float
    challenger: float
    gain: Interval
    rule: str
    outcome: Outcome


@dataclass(frozen=True)
class Decision:
    """Whether the challenger is promoted, and why, in sentences.

    Attributes:
        promote: False: the champion stays.
        reasons: the deciding ones.
        lines: every measure, the headline first.
        level: share that each interval covers.
    """

    promote: bool
    reasons: tuple[str, ...]
    lines: tuple[Line, ...] = ()
    level: float = COVERED

    @property
    def exit_code(self) -> int:
        """PROMOTED or KEPT."""
        return PROMOTED if self.promote else KEPT


def decide(
    headlines: Sequence[Measure],
    guards: Sequence[Measure],
    figures: Sequence[Figure],
    params: Promotion,
    samples: int,
    seed: int,
) -> Decision:
    """Promote where a headline measure is shown to be better and nothing falls by more than its margin.

    1. Better: the whole interval of the gain is above 0. A bundle that answers the same has 0 to 0.
    2. Fell: the gain is below minus the margin. Headline measures guard each other too.
    3. A measure of fewer than `min_users` users says nothing, either way.

    Args:
        headlines: those that may promote, at least one.
        guards: those that may only refuse.
        figures: guards of one number.
        params: knobs.
        samples: bootstrap draws.
        seed: of the draws.
    """
    level = 1 - (1 - COVERED) / len(headlines)
    lines = [
        *(_line(one, "headline", level, params.min_users, samples, seed) for one in headlines),
        *(_line(one, "guard", level, params.min_users, samples, seed) for one in guards),
        *(_line_of_figure(one) for one in figures),
    ]
    better = [line for line in lines if line.outcome == "better"]
    fell = [line for line in lines if line.outcome == "fell"]
    reasons = [f"{_told(line)}: shown to be better" for line in better]
    if not better:
        undecided = [line for line in lines if line.role == "headline"]
        reasons += [f"{_told(line)}: {_why_not(line, params.min_users)}" for line in undecided]
    reasons += [f"{_told(line)}: refused, {line.rule}" for line in fell]
    return Decision(bool(better) and not fell, tuple(reasons), tuple(lines), level)


def gain(measure: Measure, level: float, samples: int, seed: int) -> Interval:
    """How much better the challenger is, above 0 is better; three NaN where there is no event.

    Args:
        measure: values of both.
        level: share of the draws that the interval covers.
        samples: bootstrap draws.
        seed: of the draws.
    """
    if len(measure.users) == 0:
        return resampling.UNKNOWN
    columns = np.stack([measure.challenger, measure.champion, np.ones(len(measure.users))], axis=1)
    sums = resampling.by_visitor(columns, measure.users)
    drawn = _difference(resampling.draws(sums, samples, seed), measure.errors)
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(float(_difference(sums.sum(axis=0), measure.errors)), float(low), float(high))


def _difference(sums: Float64, errors: bool) -> Float64:
    """(..., 3) sums of challenger, champion and events -> (...) how much better the challenger is."""
    challenger, champion = sums[..., 0] / sums[..., 2], sums[..., 1] / sums[..., 2]
    better: Float64 = np.sqrt(champion) - np.sqrt(challenger) if errors else challenger - champion
    return better


def _line(measure: Measure, role: Role, level: float, min_users: int, samples: int, seed: int) -> Line:
    users = len(np.unique(measure.users))
    gained = gain(measure, level, samples, seed)
    outcome: Outcome = "kept"
    if users < min_users:
        outcome = "few"
    elif gained.value < -measure.margin:
        outcome = "fell"
    elif role == "headline" and gained.low > 0:
        outcome = "better"
    return Line(
        measure.name,
        role,
        len(measure.users),
        users,
        _mean(measure.champion, measure.errors),
        _mean(measure.challenger, measure.errors),
        gained,
        f"may fall by {measure.margin:.4g}",
        outcome,
    )


def _line_of_figure(figure: Figure) -> Line:
    less_is_better = np.isfinite(figure.most)
    rise = figure.challenger - figure.champion
    gained = Interval(-rise if less_is_better else rise, float("nan"), float("nan"))
    outcome: Outcome = "kept" if figure.least <= figure.challenger <= figure.most else "fell"
    bounds = (("at least", figure.least), ("at most", figure.most))
    rule = ", ".join(f"{words} {bound:.4g}" for words, bound in bounds if np.isfinite(bound))
    return Line(figure.name, "guard", 0, 0, figure.champion, figure.challenger, gained, rule, outcome)


def _mean(values: Float64, errors: bool) -> float:
    if len(values) == 0:
        return float("nan")
    mean = float(np.mean(values))
    return mean**0.5 if errors else mean


def _told(line: Line) -> str:
    if line.gain.value != line.gain.value:  # nothing to measure
        return line.name
    if line.gain.low != line.gain.low:  # a figure
        return f"{line.name} {line.champion:.4g} -> {line.challenger:.4g}"
    gained = line.gain
    return f"{line.name} better by {gained.value:+.4f} ({gained.low:+.4f} to {gained.high:+.4f})"


def _why_not(line: Line, min_users: int) -> str:
    if line.outcome == "few":
        return f"{line.users} users, fewer than the {min_users} that decide"
    return "not shown to be better" if line.outcome == "kept" else "worse"
