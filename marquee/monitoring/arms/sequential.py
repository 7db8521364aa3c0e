"""A 95 % interval of a difference that holds at every look, however often one looks and whenever one stops.

An ordinary interval is right at one moment fixed beforehand; who looks after each visitor and stops when it
leaves out 0 finds a difference where there is none sooner or later. An asymptotic confidence sequence
(Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2021, "Time-uniform central limit theory and asymptotic
confidence sequences", Theorem 2.2) is wider by a factor that grows like the root of a logarithm, and holds
at all times together: its error over the whole of the experiment is at most 5 %.
"""

import math
from dataclasses import dataclass

import numpy as np

from marquee.pipeline.arrays import Bool, Float64

ALPHA = 0.05
"""How often the sequence leaves out the true difference at any time."""
FEWEST = 100
"""Visitors of each arm that say something of the metric, before the first look: the theory is asymptotic."""
NARROWEST_AT = 5_000
"""Visitors of both arms at which the sequence is tightest, as it must be chosen before any are seen."""


@dataclass(frozen=True)
class Sums:
    """A ratio's numerator and denominator of each visitor, in the order they count, and who answered them.

    Attributes:
        numerator: (v,).
        denominator: (v,); 0: the visitor says nothing of the metric.
        challenger: (v,).
    """

    numerator: Float64
    denominator: Float64
    challenger: Bool


@dataclass(frozen=True)
class Looks:
    """What is known after each visitor, columns of length v; NaN before the first look.

    Attributes:
        difference: challenger minus champion.
        half_width: of the interval around it.
    """

    difference: Float64
    half_width: Float64

    @property
    def decided(self) -> tuple[int, float] | None:
        """Visitors after which an interval first left out 0, and the difference then; None: none did."""
        outside = np.flatnonzero(np.abs(self.difference) > self.half_width)
        return (int(outside[0]) + 1, float(self.difference[outside[0]])) if len(outside) else None


def rho_squared(visitors: int, alpha: float = ALPHA) -> float:
    """The mixture's variance with which the sequence is tightest after so many visitors (ibid.)."""
    log = -2 * math.log(alpha)
    return (log + math.log(log + 1)) / visitors


def widening(visitors: Float64, alpha: float = ALPHA, narrowest_at: int = NARROWEST_AT) -> Float64:
    """Standard errors from the middle of the interval to its ends, where an ordinary one has 1.96.

    Args:
        visitors: (v,) counted so far, at least 1.
        alpha: how often it may err.
        narrowest_at: visitors.
    """
    information = visitors * rho_squared(narrowest_at, alpha)
    log = np.log(np.sqrt(information + 1) / alpha)
    wide: Float64 = np.sqrt(2 * (information + 1) / information * log)
    return wide


def looks(sums: Sums, root: bool = False, fewest: int = FEWEST) -> Looks:
    """The difference of both arms' ratios and its interval after each visitor.

    A ratio of sums is asymptotically a mean of (numerator - ratio x denominator) / mean denominator over
    visitors, whose variance is the ratio's (the delta method); the arms are independent.

    Args:
        sums: of visitors.
        root: compare the ratios' roots, as of squared errors.
        fewest: visitors of each arm with a denominator before the first look.
    """
    sides = [_running(sums, sums.challenger == arm, root) for arm in (True, False)]
    (challenger, variance, many), (champion, other_variance, other_many) = sides
    visitors = np.arange(1, len(sums.numerator) + 1, dtype=np.float64)
    error = np.sqrt(variance + other_variance)
    known = (np.minimum(many, other_many) >= fewest) & (error > 0)
    return Looks(
        np.where(known, challenger - champion, np.nan),
        np.where(known, widening(visitors) * error, np.nan),
    )


def _running(sums: Sums, of_arm: Bool, root: bool) -> tuple[Float64, Float64, Float64]:
    """(v,) after each visitor: an arm's ratio, its variance, and how many visitors say something of it."""
    top, bottom = sums.numerator * of_arm, sums.denominator * of_arm
    tops, bottoms = top.cumsum(), bottom.cumsum()
    count = of_arm.cumsum().astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = tops / bottoms
        residuals = (top**2).cumsum() - 2 * ratio * (top * bottom).cumsum() + ratio**2 * (bottom**2).cumsum()
        # Rounding may leave a little below 0 where all residuals are 0.
        variance = np.maximum(residuals, 0.0) / bottoms**2 * count / (count - 1)
        if root:
            ratio, variance = np.sqrt(ratio), variance / (4 * ratio)
    return ratio, variance, (bottom > 0).cumsum().astype(np.float64)
