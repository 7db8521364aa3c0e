"""What the sources gave to many events, side by side: for choosing how the list is ordered."""

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from marquee.data.tables.interactions import Interactions
from marquee.evaluation.measures.events import Events
from marquee.evaluation.measures.rank_metrics import REMOVED
from marquee.pipeline.arrays import Bool, Float32, Int32
from marquee.pipeline.params import RecommenderParams as Values
from marquee.serving.recommender.recommender import Recommender
from marquee.serving.replay import histories


@dataclass(frozen=True)
class CandidateLists:
    """Candidates of e events, padded to the longest list c.

    Attributes:
        two_tower: (e, c) float32 scores.
        similar: (e, c) float32 scores.
        predicted_rating: (e, c) float32 stars.
        is_candidate: (e, c) whether anything stands there.
        target: (e,) int32 column of the event's movie; -1 where no source gave it.
    """

    two_tower: Float32
    similar: Float32
    predicted_rating: Float32
    is_candidate: Bool
    target: Int32

    def ranks(self, values: Values) -> Int32:
        """(e,) place of the event's movie by retrieval and rating score, ties against it.

        The rules for the first places are left out: they do not depend on the weights.
        """
        score = (
            self.two_tower
            + values.similar_weight * self.similar
            + values.rating_weight * self.predicted_rating
        )
        of_target = np.take_along_axis(score, np.maximum(self.target, 0)[:, None], axis=1)
        rank = np.count_nonzero((score >= of_target) & self.is_candidate, axis=1)
        return np.where(self.target >= 0, rank, REMOVED).astype(np.int32)


def collect(recommender: Recommender, interactions: Interactions, events: Events) -> CandidateLists:
    """Ask the recommender's sources and its ranker every event, one by one as the service is."""
    values = recommender.values
    shape = len(events), values.two_tower_quota + values.similar_quota + values.popular_quota
    two_tower, similar, predicted = (np.zeros(shape, dtype=np.float32) for _ in range(3))
    is_candidate, target = np.zeros(shape, dtype=bool), np.full(len(events), -1, dtype=np.int32)
    for row in tqdm(range(len(events)), desc="candidates", unit="event", disable=None, leave=False):
        history, now = histories.of_event(interactions, events, row)
        sourced = recommender.candidates(history, now)
        count = len(sourced.movie_index)
        two_tower[row, :count], similar[row, :count] = sourced.two_tower, sourced.similar
        predicted[row, :count] = recommender.predict_ratings(history, sourced.movie_index, now)
        is_candidate[row, :count] = True
        found = np.flatnonzero(sourced.movie_index == interactions.movie_index[events.rows[row]])
        target[row] = found[0] if len(found) else -1
    return CandidateLists(two_tower, similar, predicted, is_candidate, target)
