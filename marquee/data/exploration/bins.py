"""Ratings and people cut into classes: hours, weekdays, years, doublings, quantiles."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from marquee.pipeline.arrays import Float64, Int32, Int64

DAY = 86_400
"""Seconds."""

CLASSES = 12
"""The most classes that a column's values are cut into."""

MOST_DOUBLINGS = 10
"""The most classes that counts are cut into, see `by_doubling`."""

FEWEST_IN_CLASS = 5
"""Quartiles of fewer rows say nothing: such classes are left out."""


@dataclass(frozen=True)
class Calendar:
    """Time cut into years, or into months where the data span fewer than two turns of the year.

    Attributes:
        labels: b names, "2009" or "1998-04", without gaps.
        position: (n,) int32, the bin of each timestamp.
        starts: (b + 1,) int64, seconds since 1970 at which each bin starts, and where the last ends.
    """

    labels: list[str]
    position: Int32
    starts: Int64

    @property
    def unit(self) -> str:
        """What one bin is."""
        return "year" if len(self.labels[0]) == len("2009") else "month"


def calendar(timestamp: Int64) -> Calendar:
    """Cut (n,) timestamps, n at least 1, into years or months (UTC)."""
    ends = np.array([timestamp.min(), timestamp.max()]).astype("datetime64[s]")
    years = ends.astype("datetime64[Y]").astype(np.int64)
    unit: Literal["Y", "M"] = "Y" if years[1] - years[0] >= 2 else "M"
    one = np.timedelta64(1, unit)
    first, last = ends.astype(f"datetime64[{unit}]")
    edges = np.arange(first, last + 2 * one, one)
    starts = edges.astype("datetime64[s]").astype(np.int64)
    position = (np.searchsorted(starts, timestamp, side="right") - 1).astype(np.int32)
    return Calendar([str(edge) for edge in edges[:-1]], position, starts)


def by_hour(timestamp: Int64) -> Int64:
    """(24,) how many of the timestamps lie in each hour of the day, UTC."""
    return np.bincount(timestamp // 3600 % 24, minlength=24)


def by_weekday(timestamp: Int64) -> Int64:
    """(7,) how many fall on each day of the week, Monday first, UTC (1970 began on a Thursday)."""
    return np.bincount((timestamp // DAY + 3) % 7, minlength=7)


def by_doubling(counts: Int64) -> tuple[list[str], Float64]:
    """The share of counts in the classes 1, 2, 3–4, 5–8, ...: names and shares, from the first in use.

    At most ten classes; the last then holds all larger counts.

    Args:
        counts: (m,) of at least 1 each, m at least 1.
    """
    edges = 2 ** np.arange(int(counts.max()).bit_length() + 1, dtype=np.int64)
    shares = np.bincount(np.searchsorted(edges, counts)) / len(counts)
    first = int(np.flatnonzero(shares)[0])
    names = ["1", "2", *(f"{low + 1:,}–{2 * low:,}" for low in edges[1:])][first : len(shares)]
    shares = shares[first:]
    if len(names) <= MOST_DOUBLINGS:
        return names, shares
    last = MOST_DOUBLINGS - 1
    over = f"over {edges[first + last - 1]:,}"
    return [*names[:last], over], np.append(shares[:last], shares[last:].sum())


def quartiles_along(first: npt.NDArray[np.generic], second: Float64) -> tuple[Float64, Float64]:
    """How `second` lies in classes of `first`: one per value where there are few values, else equal in size.

    Args:
        first: (m,) what is cut into classes, m at least 1.
        second: (m,) what is described.

    Returns:
        For the c classes of at least five rows: (c,) median of `first`, rising, and (3, c) quartiles of
        `second`.
    """
    values, position = np.unique(first, return_inverse=True)
    if len(values) > CLASSES:
        edges = np.unique(np.quantile(first.astype(float), np.linspace(0, 1, CLASSES + 1)))
        position = np.clip(np.searchsorted(edges, first, side="right") - 1, 0, len(edges) - 2)
    members = [np.flatnonzero(position == place) for place in np.unique(position)]
    members = [rows for rows in members if len(rows) >= FEWEST_IN_CLASS]
    middle = np.array([np.median(first[rows].astype(float)) for rows in members])
    return middle, np.array([np.quantile(second[rows], [0.25, 0.5, 0.75]) for rows in members]).reshape(
        -1, 3
    ).T
