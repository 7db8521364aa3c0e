"""Bootstrap over visitors: each is drawn with all that is theirs, for what one does is not independent."""

from collections.abc import Callable

import numpy as np

from marquee.evaluation.measures.intervals import COVERED, Interval
from marquee.pipeline.arrays import Float64, Int64

CELLS = 4_000_000
"""Visitors x draws held at once: 32 MB."""

Statistic = Callable[[Float64], Float64]
"""(..., c) sums over visitors -> (...) the statistic."""


def interval(columns: Float64, visitors: Int64, statistic: Statistic, samples: int, seed: int) -> Interval:
    """A statistic of sums over events, with its 95 % interval.

    Args:
        columns: (n, c) what each event adds to each sum.
        visitors: (n,) whose event it is.
        statistic: of the sums; draws in which it is not a number are left out.
        samples: bootstrap draws.
        seed: of the draws.

    Returns:
        Three NaN where there is no event, or the statistic is not a number.
    """
    if len(columns) == 0:
        return UNKNOWN
    sums = by_visitor(columns, visitors)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(statistic(sums.sum(axis=0)))
        low, high = _tails(statistic(draws(sums, samples, seed)))
    return Interval(value, low, high) if np.isfinite([value, low]).all() else UNKNOWN


def studentised(
    columns: Float64, visitors: Int64, statistic: Statistic, gradient: Statistic, samples: int, seed: int
) -> Interval:
    """The same for sums in which a few visitors weigh most: each draw is told in its own standard errors.

    Where a draw misses the heaviest visitors, its standard error is too small as well, and the interval
    grows on the side where it must (bootstrap-t; Efron 1979, Hall 1988). Percentiles of the draws leave the
    truth out too often there.

    Args:
        columns: (n, c) what each event adds to each sum.
        visitors: (n,) whose event it is.
        statistic: of the sums.
        gradient: (..., c) sums -> (..., c) derivative of the statistic by each sum, for the standard errors.
        samples: bootstrap draws.
        seed: of the draws.

    Returns:
        Three NaN where there is no event, or the statistic is not a number.
    """
    if len(columns) == 0:
        return UNKNOWN
    sums = by_visitor(columns, visitors)
    count, width = sums.shape
    squares = (sums[:, :, None] * sums[:, None, :]).reshape(count, -1)
    both = np.concatenate([sums, squares], axis=1)

    def errors(total: Float64) -> Float64:
        first, second = total[..., :width], total[..., width:].reshape(*total.shape[:-1], width, width)
        spread = second - first[..., :, None] * first[..., None, :] / count
        slope = gradient(first)
        variance = np.einsum("...i,...ij,...j->...", slope, spread, slope)
        return np.asarray(np.sqrt(np.maximum(variance, 0)), dtype=np.float64)

    with np.errstate(divide="ignore", invalid="ignore"):
        whole, drawn = both.sum(axis=0), draws(both, samples, seed)
        value, error = float(statistic(whole[:width])), float(errors(whole))
        low, high = _tails((statistic(drawn[:, :width]) - value) / errors(drawn))
    known = np.isfinite([value, low]).all()
    return Interval(value, value - high * error, value - low * error) if known else UNKNOWN


def _tails(drawn: Float64) -> tuple[float, float]:
    """The quantiles between which 95 % of the draws lie that are numbers; NaN where none is."""
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) == 0:
        return float("nan"), float("nan")
    tail = (1 - COVERED) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def by_visitor(columns: Float64, visitors: Int64) -> Float64:
    """(v, c) sums of each visitor's events."""
    unique, group = np.unique(visitors, return_inverse=True)
    return np.stack([np.bincount(group, column, len(unique)) for column in columns.T], axis=1)


def draws(sums: Float64, samples: int, seed: int) -> Float64:
    """(samples, c) sums over as many visitors as there are, drawn with replacement."""
    rng = np.random.default_rng(seed)
    count = len(sums)
    chunk = max(1, CELLS // count)
    parts = []
    for start in range(0, samples, chunk):
        rows = min(chunk, samples - start)
        cells = rng.integers(count, size=(rows, count)) + np.arange(rows)[:, None] * count
        parts.append(np.bincount(cells.ravel(), minlength=rows * count).reshape(rows, count) @ sums)
    return np.concatenate(parts)


def ratio(sums: Float64) -> Float64:
    """First sum over the second: a mean."""
    quotient: Float64 = sums[..., 0] / sums[..., 1]
    return quotient


def slope_of_ratio(sums: Float64) -> Float64:
    """(..., 2) derivative of `ratio` by both sums."""
    return np.stack([1 / sums[..., 1], -sums[..., 0] / sums[..., 1] ** 2], axis=-1)


def root_ratio(sums: Float64) -> Float64:
    """Its root: an RMSE, of squared errors."""
    root: Float64 = np.sqrt(ratio(sums))
    return root


UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))
