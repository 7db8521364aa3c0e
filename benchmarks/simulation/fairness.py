"""What becomes of rarely rated movies while people choose more and more from what they are shown.

One bundle answers all the time: this is the loop through people's histories, without retraining.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmarks.simulation.living import Lived
from marquee.data.exploration.profile import gini
from marquee.pipeline.arrays import Bool, Float32, Int32

DAYS = 30
"""Lived, and told in first and last thirds."""
RARE = 0.5
"""Share of the catalogue that counts as rare: what training saw least of."""


@dataclass(frozen=True)
class Fairness:
    """Of some days.

    Attributes:
        rare_shown: share of the places that rare movies got.
        rare_watched: share of what people watched next that was rare.
        coverage: share of the catalogue in anybody's list.
        gini: of how often the movies of the catalogue were shown; 0: all alike, 1: one alone.
    """

    rare_shown: float
    rare_watched: float
    coverage: float
    gini: float


def rare_movies(ratings: Float32) -> Bool:
    """(n,) the least rated share RARE of the catalogue; ties by row."""
    rare = np.zeros(len(ratings), dtype=bool)
    rare[np.argsort(ratings, kind="stable")[: round(RARE * len(ratings))]] = True
    return rare


def of_days(lives: Iterable[Lived], rare: Bool, first: int, end: int) -> Fairness:
    """Fairness of the lists from day `first` to before day `end`.

    Raises:
        ValueError: nobody asked on these days.
    """
    within = [lived for lived in lives if first <= lived.day < end]
    if not within:
        raise ValueError(f"nobody asked from day {first} to day {end}: live more days, or more people")
    shown = _counts([lived.shown for lived in within], len(rare))
    watched = _counts([lived.chosen for lived in within], len(rare))
    return Fairness(
        rare_shown=float(shown[rare].sum() / shown.sum()),
        rare_watched=float(watched[rare].sum() / watched.sum()),
        coverage=float((shown > 0).mean()),
        gini=gini(shown),
    )


def thirds(lives: list[Lived], rare: Bool) -> dict[str, Fairness]:
    """The first and the last third of DAYS."""
    third = DAYS // 3
    return {
        "first": of_days(lives, rare, 0, third),
        "last": of_days(lives, rare, DAYS - third, DAYS),
    }


def _counts(movies: list[Int32], size: int) -> np.ndarray:
    return np.bincount(np.concatenate(movies), minlength=size)
