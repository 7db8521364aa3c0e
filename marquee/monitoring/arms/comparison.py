"""Both arms' online metrics, their difference, and what the traffic so far could have shown."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from marquee.evaluation.measures.intervals import COVERED, Interval
from marquee.monitoring.arms import sequential
from marquee.monitoring.arms.experiment import Visitors
from marquee.monitoring.arms.sequential import Sums
from marquee.monitoring.statistics import resampling
from marquee.pipeline.arrays import Float64

SAMPLES = 2_000
"""Bootstrap draws."""
POWER = 0.8
"""How often a difference as large as `Compared.detectable` is found."""


@dataclass(frozen=True)
class Metric:
    """A ratio of sums over visitors.

    Attributes:
        name: in the table.
        numerator: of `experiment.COLUMNS`.
        denominator: likewise.
        root: its root is taken.
        higher_is_better: which way the challenger should differ.
    """

    name: str
    numerator: str
    denominator: str
    root: bool = False
    higher_is_better: bool = True


METRICS = (
    Metric("click_share", "clicked_answers", "answers"),
    Metric("mrr_of_clicked", "reciprocal_rank", "clicks"),
    Metric("mean_rating", "stars", "ratings"),
    Metric("rmse", "squared_error", "ratings", root=True, higher_is_better=False),
)
"""The first decides: of four tests at 5 % each, one errs more often than that. The others describe."""


@dataclass(frozen=True)
class Compared:
    """One metric of both arms.

    Attributes:
        metric: which.
        visitors: of champion and challenger that say something of it.
        champion: value and 95 % interval by bootstrap over visitors.
        challenger: likewise.
        difference: challenger minus champion; the interval is for one look at a moment fixed beforehand.
        at_any_time: the interval of the same difference that holds at every look; NaN before the first.
        decided: visitors of both arms after which that interval first left out 0, and the difference then;
            None: it never did.
        detectable: the smallest difference that one look at this traffic finds in 80 % of cases.
    """

    metric: Metric
    visitors: tuple[int, int]
    champion: Interval
    challenger: Interval
    difference: Interval
    at_any_time: tuple[float, float]
    decided: tuple[int, float] | None
    detectable: float

    @property
    def verdict(self) -> str:
        """In words: which is better, or that it is open."""
        if np.isnan(self.at_any_time[0]):
            return f"too early: {sequential.FEWEST} visitors of each arm must say something of it"
        if self.decided is None:
            return "open: go on, and look again whenever you like"
        after, difference = self.decided
        better = (difference > 0) == self.metric.higher_is_better
        return f"the challenger is {'better' if better else 'worse'}, known after {after} visitors"


def compare(visitors: Visitors, seed: int) -> list[Compared]:
    """Every metric of `METRICS`.

    Args:
        visitors: of the experiment.
        seed: of the bootstrap's draws.
    """
    return [_compared(metric, visitors, seed) for metric in METRICS]


def _compared(metric: Metric, visitors: Visitors, seed: int) -> Compared:
    top, bottom = visitors.column(metric.numerator), visitors.column(metric.denominator)
    columns = np.stack([top, bottom], axis=1)
    says = bottom > 0
    sides = [columns[says & (visitors.challenger == arm)] for arm in (False, True)]
    (champion, champions), (challenger, challengers) = (
        _drawn(side, metric.root, seed + place) for place, side in enumerate(sides)
    )
    looks = sequential.looks(Sums(top, bottom, visitors.challenger), metric.root)
    last = (looks.difference[-1], looks.half_width[-1]) if len(top) else (np.nan, np.nan)
    differences = challengers - champions
    return Compared(
        metric=metric,
        visitors=(len(sides[0]), len(sides[1])),
        champion=_interval(champion, champions),
        challenger=_interval(challenger, challengers),
        difference=_interval(challenger - champion, differences),
        at_any_time=(float(last[0] - last[1]), float(last[0] + last[1])),
        decided=looks.decided,
        detectable=detectable(float(differences.std())),
    )


def detectable(standard_error: float) -> float:
    """The smallest true difference that a two-sided test at 5 % finds with probability `POWER`."""
    normal = NormalDist()
    return (normal.inv_cdf((1 + COVERED) / 2) + normal.inv_cdf(POWER)) * standard_error


def _drawn(sums: Float64, root: bool, seed: int) -> tuple[float, Float64]:
    """An arm's value, and its values in `SAMPLES` draws of visitors; NaN where nobody says anything."""
    if len(sums) == 0:
        return float("nan"), np.full(SAMPLES, np.nan)
    statistic = resampling.root_ratio if root else resampling.ratio
    return float(statistic(sums.sum(axis=0))), statistic(resampling.draws(sums, SAMPLES, seed))


def _interval(value: float, draws: Float64) -> Interval:
    tail = (1 - COVERED) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(value, float(low), float(high))
