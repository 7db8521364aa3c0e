"""Metrics of the rank that a model gives an event's movie: THE table of them, one value per event each.

Sweeps, evaluation, lists and exported variants read `RANK_METRICS`: another metric is a function and a line
here. Equal scores count against the model in every rank.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from marquee.pipeline.arrays import Bool, Float32, Float64, Int32, Integers

HIT_K = 100
"""Length of the list that retrieval is judged by: what a ranker can order at once."""
LIST_K = 10
"""Length of the list that somebody looks at."""
REMOVED = int(np.iinfo(np.int32).max)
"""The rank of a target that is itself in the history: it was removed, so no list holds it."""


def target_ranks(scores: Float32, targets: Integers, seen: tuple[Integers, Integers]) -> Int32:
    """Rank of each target among the whole catalogue, movies of the history removed.

    1 + the number of other unseen movies that do not score less. A score that is not a number counts
    against the model too, on either side of the comparison.

    Args:
        scores: (e, num_movies) float32, left as it is.
        targets: (e,) movie indices.
        seen: (s,) event positions and (s,) movie indices, pairs in any order, repeats allowed.

    Returns:
        (e,) int32, 1 is best; `REMOVED` where the target itself was seen.
    """
    events = np.arange(len(targets))
    ahead = ~(scores < scores[events, targets][:, None])
    ahead[events, targets] = False
    ahead[seen] = True
    is_removed = ahead[events, targets]
    ahead[seen] = False
    ranks = 1 + np.count_nonzero(ahead, axis=1)
    return np.where(is_removed, REMOVED, ranks).astype(np.int32)


def in_top_k(ranks: Int32, k: int) -> Bool:
    """(e,) whether the target is among the k best."""
    return ranks <= k


def reciprocal_ranks(ranks: Int32) -> Float64:
    """(e,) 1 / rank; 0 for a removed target."""
    return np.where(ranks == REMOVED, 0.0, 1.0 / ranks)


def single_target_ndcg(ranks: Int32, k: int) -> Float64:
    """(e,) NDCG@k of a list with one relevant movie: 1 / log2(1 + rank), 0 beyond k."""
    return np.where(in_top_k(ranks, k), 1.0 / np.log2(1.0 + ranks), 0.0)


@dataclass(frozen=True)
class RankMetric:
    """One metric of ranks.

    Attributes:
        name: in every table, file and message.
        of: (e,) ranks -> (e,) float64, one value per event.
        k: length of the list it looks at; None for the whole catalogue.
        higher_is_better: false for a metric of errors.
    """

    name: str
    of: Callable[[Int32], Float64]
    k: int | None
    higher_is_better: bool = True

    def mean(self, ranks: Int32) -> float:
        """Mean over events; NaN where there is none."""
        return float(np.mean(self.of(ranks))) if len(ranks) else float("nan")


def _hits(k: int) -> Callable[[Int32], Float64]:
    return lambda ranks: in_top_k(ranks, k).astype(np.float64)


def _gains(k: int) -> Callable[[Int32], Float64]:
    return lambda ranks: single_target_ndcg(ranks, k)


TOP_100 = RankMetric(f"top_{HIT_K}_accuracy", _hits(HIT_K), HIT_K)
NDCG_AT_10 = RankMetric(f"ndcg_at_{LIST_K}", _gains(LIST_K), LIST_K)
NDCG_AT_100 = RankMetric(f"ndcg_at_{HIT_K}", _gains(HIT_K), HIT_K)

RANK_METRICS = (
    TOP_100,
    RankMetric(f"hit_rate_at_{LIST_K}", _hits(LIST_K), LIST_K),
    NDCG_AT_10,
    NDCG_AT_100,
    RankMetric("mrr", reciprocal_ranks, None),
)
"""Every metric that a list of recommendations is measured by, the headline of retrieval first."""
