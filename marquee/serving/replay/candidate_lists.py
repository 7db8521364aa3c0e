"""What the sources gave to many events, side by side: for choosing how the list is ordered."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from marquee.data.tables.interactions import Interactions
from marquee.evaluation.measures.events import Events
from marquee.evaluation.measures.rank_metrics import NDCG_AT_100, REMOVED
from marquee.pipeline.arrays import Bool, Float32, Int32
from marquee.pipeline.params import RecommenderParams
from marquee.serving.recommender.recommender import Recommender
from marquee.serving.recommender.sources import registry
from marquee.serving.replay import histories


@dataclass(frozen=True)
class CandidateLists:
    """Candidates of e events, padded to the longest list c.

    Attributes:
        scores: (sources, e, c) float32, what each source of the registry says of every candidate.
        predicted_rating: (e, c) float32 stars.
        is_candidate: (e, c) whether anything stands there.
        target: (e,) int32 column of the event's movie; -1 where no source gave it.
    """

    scores: Float32
    predicted_rating: Float32
    is_candidate: Bool
    target: Int32

    @classmethod
    def empty(cls, num_events: int, params: RecommenderParams) -> "CandidateLists":
        """Lists long enough for what the sources give, nothing in them yet."""
        shape = num_events, sum(registry.quotas(params))
        return cls(
            scores=np.zeros((len(registry.SOURCES), *shape), dtype=np.float32),
            predicted_rating=np.zeros(shape, dtype=np.float32),
            is_candidate=np.zeros(shape, dtype=bool),
            target=np.full(num_events, -1, dtype=np.int32),
        )

    @property
    def num_found(self) -> int:
        """Events whose movie some source gave."""
        return int(np.count_nonzero(self.target >= 0))

    def objective(self, params: RecommenderParams, report: Callable[[int, float], None]) -> float:
        """NDCG@100 under these weights: what a sweep seeks.

        A movie is worth more the higher it stands, and nothing beyond the hundredth place. It speaks for
        what retrieval finds and for the order in which it is shown.
        """
        value = NDCG_AT_100.mean(self.ranks(params))
        report(1, value)
        return value

    def ranks(self, params: RecommenderParams) -> Int32:
        """(e,) place of the event's movie by retrieval and rating score, ties against it.

        The rules for the first places are left out: they do not depend on the weights.
        """
        score = registry.retrieval_score(self.scores, params) + params.rating_weight * self.predicted_rating
        of_target = np.take_along_axis(score, np.maximum(self.target, 0)[:, None], axis=1)
        rank = np.count_nonzero((score >= of_target) & self.is_candidate, axis=1)
        return np.where(self.target >= 0, rank, REMOVED).astype(np.int32)


def collect(recommender: Recommender, interactions: Interactions, events: Events) -> CandidateLists:
    """Ask the recommender's sources and its ranker every event, one by one as the service is asked."""
    lists = CandidateLists.empty(len(events), recommender.params)
    for row in tqdm(range(len(events)), desc="candidates", unit="event", disable=None, leave=False):
        history, now = histories.of_event(interactions, events, row)
        gathered = recommender.candidates(history, now)
        count = len(gathered.movie_index)
        lists.scores[:, row, :count] = gathered.scores
        lists.predicted_rating[row, :count] = recommender.predict_ratings(history, gathered.movie_index, now)
        lists.is_candidate[row, :count] = True
        found = np.flatnonzero(gathered.movie_index == interactions.movie_index[events.rows[row]])
        lists.target[row] = found[0] if len(found) else -1
    return lists
