"""Sparse item-item weights: what a movie in the history says about every other movie.

`fitting.py` takes them from EASE (Steck 2019) and keeps the largest. They find what lists of shared viewers
know and the two-tower, which sums up a history in one vector, smooths over; together both find more than
either. They also say why: the history's movie with the largest weight.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol

import numpy as np

from marquee.pipeline import arrays
from marquee.pipeline.arrays import Float32, Int32, Int64


@dataclass(frozen=True)
class ItemItem:
    """Weights from a movie of the history to other movies, by rows.

    Attributes:
        start: (num_movies + 1,) int64, where each movie's neighbours begin.
        movie_index: (n,) int32, the neighbours, ascending within a movie.
        weight: (n,) float32, above or below 0.
    """

    start: Int64
    movie_index: Int32
    weight: Float32

    def of_history(self, history: Int32) -> tuple[Int64, Int32, Float32]:
        """All neighbours of some movies: position in the history, neighbour and weight, each (m,)."""
        counts = self.start[history + 1] - self.start[history]
        position = np.repeat(np.arange(len(history)), counts)
        before = np.cumsum(counts) - counts
        entry = np.arange(len(position)) + (self.start[history] - before)[position]
        return position, self.movie_index[entry], self.weight[entry]

    def grown_to(self, num_movies: int) -> "ItemItem":
        """The same with movies added behind, which have no neighbours."""
        added = np.full(num_movies + 1 - len(self.start), self.start[-1])
        return ItemItem(np.append(self.start, added), self.movie_index, self.weight)


class Weighing(Protocol):
    """How much a movie counts that was not liked: `Neighbours`, and what a bundle keeps of it."""

    @property
    def other_weight(self) -> float:
        """Between 0 and 1."""

    @property
    def disliked_below(self) -> float:
        """Stars."""

    @property
    def disliked_weight(self) -> float:
        """At most 0, as a disliked movie does not speak for its like."""


def strengths(rating: Float32, positive_rating: float, weighing: Weighing) -> Float32:
    """(n,) how much a movie of the history counts.

    1 where it was liked, `disliked_weight` below `disliked_below`, else `other_weight`.
    """
    liked, other = np.float32(1), np.float32(weighing.other_weight)
    disliked = rating < min(weighing.disliked_below, positive_rating)
    strength = np.where(disliked, np.float32(weighing.disliked_weight), other)
    return np.where(rating >= positive_rating, liked, strength)


def write(neighbours: ItemItem, path: Path) -> None:
    """Write as one .npz."""
    arrays.write({field.name: getattr(neighbours, field.name) for field in fields(neighbours)}, path)


def read(path: Path) -> ItemItem:
    """Read what `write` wrote."""
    return ItemItem(**arrays.read(path))
