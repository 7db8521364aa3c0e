"""95 % intervals by bootstrap over users, single and paired.

People are drawn with replacement, each with all of their events: events of one person are not
independent, people are. The statistic is a ratio of sums over the people drawn, so a mean stays weighted
by events. The same seed and the same people give the same draws, whatever is measured on them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from marquee.pipeline.arrays import Bool, Float64, Floats, Integers
from marquee.pipeline.scores import EVERYTHING, Score

COVERED = 0.95
"""The share of draws that an interval holds."""
CHUNK_CELLS = 4_000_000
"""People x draws counted at once: 32 MB of float64."""


@dataclass(frozen=True)
class Interval:
    """A value and the ends of its 95 % interval; three NaN where there was no event."""

    value: float
    low: float
    high: float

    def score(self, metric: str, model: str, group: str = EVERYTHING) -> Score:
        """As a row of a table of scores."""
        return Score(metric, self.value, model, group, self.low, self.high)


def mean(values: Floats | Bool, users: Integers, samples: int, seed: int) -> Interval:
    """Mean over events; with 0 and 1 a share, as top-k accuracy is.

    Args:
        values: (e,) one value per event.
        users: (e,) whose event it is.
        samples: bootstrap draws.
        seed: of the draws.
    """
    if len(values) == 0:
        return _UNDEFINED
    totals, draws = _totals([values], users, samples, seed)
    return _interval(totals[0] / totals[1], draws[:, 0] / draws[:, 1])


def rmse(squared_errors: Floats, users: Integers, samples: int, seed: int) -> Interval:
    """Root of the mean over events of squared errors, in the errors' unit."""
    squared = mean(squared_errors, users, samples, seed)
    return Interval(float(np.sqrt(squared.value)), float(np.sqrt(squared.low)), float(np.sqrt(squared.high)))


def mean_difference(
    values: Floats | Bool, others: Floats | Bool, users: Integers, samples: int, seed: int
) -> Interval:
    """Mean of `values` minus mean of `others`, on the same events and the same draws of people."""
    return mean(values.astype(np.float64) - others, users, samples, seed)


def rmse_difference(
    squared_errors: Floats, others: Floats, users: Integers, samples: int, seed: int
) -> Interval:
    """RMSE minus the other RMSE, on the same events and the same draws; below 0 is better."""
    if len(squared_errors) == 0:
        return _UNDEFINED
    totals, draws = _totals([squared_errors, others], users, samples, seed)
    value = np.sqrt(totals[0] / totals[2]) - np.sqrt(totals[1] / totals[2])
    return _interval(value, np.sqrt(draws[:, 0] / draws[:, 2]) - np.sqrt(draws[:, 1] / draws[:, 2]))


def _totals(
    columns: list[npt.NDArray[np.floating] | Bool], users: Integers, samples: int, seed: int
) -> tuple[Float64, Float64]:
    """Sums over everyone and over each draw: of the columns, then of the events themselves.

    Returns:
        (c + 1,) float64 and (samples, c + 1) float64.
    """
    unique, group = np.unique(users, return_inverse=True)
    weights = [*(column.astype(np.float64) for column in columns), np.ones(len(users))]
    sums = np.stack([np.bincount(group, weights=weight) for weight in weights], axis=1)
    rng = np.random.default_rng(seed)
    num_users = len(unique)
    chunk = max(1, CHUNK_CELLS // num_users)
    draws = [_draw(rng, min(chunk, samples - start), num_users) @ sums for start in range(0, samples, chunk)]
    return sums.sum(axis=0), np.concatenate(draws)


def _draw(rng: np.random.Generator, draws: int, num_users: int) -> Float64:
    """(draws, num_users) how often each person is drawn; every row sums to num_users."""
    drawn = rng.integers(num_users, size=(draws, num_users))
    cells = drawn + np.arange(draws)[:, None] * num_users
    counts = np.bincount(cells.ravel(), minlength=draws * num_users)
    return counts.reshape(draws, num_users).astype(np.float64)


def _interval(value: float, draws: Float64) -> Interval:
    tail = (1 - COVERED) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(float(value), float(low), float(high))


_UNDEFINED = Interval(float("nan"), float("nan"), float("nan"))
