"""What the sources give together: each its best movies, the union of them once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marquee.pipeline.arrays import Bool, Float32, Int32, Int64
from marquee.pipeline.params import RecommenderParams
from marquee.serving.recommender.sources import registry
from marquee.serving.recommender.sources.source import UNBOUNDED, Asked
from marquee.serving.recommender.top_k import top_k

LAST = np.int32(2**31 - 1)
"""The place that a source gives to a movie it did not choose: behind all others."""


@dataclass(frozen=True)
class Candidates:
    """The union of what the sources gave, columns of length c.

    Attributes:
        movie_index: int32, ascending.
        scores: (sources, c) float32, what every source says of each, whoever gave it.
        source: int64, position in `registry.SOURCES` of the source that put the movie highest.
    """

    movie_index: Int32
    scores: Float32
    source: Int64

    def by_source(self) -> dict[str, int]:
        """Name of each source -> how many of the movies it put highest."""
        counts = np.bincount(self.source, minlength=len(registry.SOURCES))
        return {source.name: count for source, count in zip(registry.SOURCES, counts.tolist(), strict=True)}


def gather(asked: Asked, allowed: Bool, params: RecommenderParams) -> Candidates:
    """Ask every source and take its best allowed movies.

    Args:
        asked: the question.
        allowed: (num_movies,) neither seen nor filtered out.
        params: how many of each source.
    """
    return union([source.scores(asked) for source in registry.SOURCES], allowed, params)


def union(scores: Sequence[Float32], allowed: Bool, params: RecommenderParams) -> Candidates:
    """Take each source's best allowed movies.

    Args:
        scores: (num_movies,) of each source, in the order of `registry.SOURCES`.
        allowed: (num_movies,) neither seen nor filtered out.
        params: how many of each source.
    """
    forbidden = np.flatnonzero(~allowed)
    best = [
        _best(of_source, source.above, allowed, forbidden, quota)
        for source, of_source, quota in zip(registry.SOURCES, scores, registry.quotas(params), strict=True)
    ]
    movie_index = np.unique(np.concatenate(best))
    place = np.full((len(best), len(movie_index)), LAST)
    for row, movies in enumerate(best):
        place[row, np.searchsorted(movie_index, movies)] = np.arange(len(movies))
    of_candidates = np.stack([of_source[movie_index] for of_source in scores])
    return Candidates(movie_index, of_candidates, place.argmin(axis=0))


def _best(scores: Float32, above: float, allowed: Bool, forbidden: Int64, k: int) -> Int32:
    """The k best of a source; few are forbidden, and few are above a bound."""
    if above == UNBOUNDED:
        may_be_given = scores.copy()
        may_be_given[forbidden] = -np.inf
        return top_k(may_be_given, k)
    rows = np.flatnonzero(allowed & (scores > above))
    return rows[top_k(scores[rows], k)].astype(np.int32)
