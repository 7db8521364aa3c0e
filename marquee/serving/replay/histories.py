"""Events of the table as what the recommender is asked offline, one call per history."""

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from marquee.data.tables.interactions import Interactions
from marquee.evaluation.measures.events import Events
from marquee.evaluation.measures.rank_metrics import REMOVED
from marquee.models.features.person import History
from marquee.pipeline.arrays import Int32
from marquee.serving.recommender.recommender import Recommender


@dataclass(frozen=True)
class Answered:
    """What the recommender answered to events, one row per event.

    Attributes:
        rank: (e,) int32 of the event's movie in the order shown, its place from 1; `REMOVED` where it
            is no candidate.
        retrieval_rank: (e,) int32 the same in the order of the retrieval score alone, ties against it.
        shown: (e, k) int32 the k best; -1 where there are fewer.
        retrieved: (e, k) int32 the k best of retrieval alone.
    """

    rank: Int32
    retrieval_rank: Int32
    shown: Int32
    retrieved: Int32


def answer(recommender: Recommender, interactions: Interactions, events: Events, k: int) -> Answered:
    """Ask the recommender every event.

    Args:
        recommender: the one that is served.
        interactions: the table of the events.
        events: sorted by row, so that those of one person and second, which share a history, follow each
            other and are asked once.
        k: length of the lists.
    """
    count = len(events)
    result = Answered(
        *(np.full(count, REMOVED, dtype=np.int32) for _ in range(2)),
        *(np.full((count, k), -1, dtype=np.int32) for _ in range(2)),
    )
    asked: tuple[int, int] | None = None
    for position in tqdm(range(count), desc="recommending", unit="event", disable=None, leave=False):
        history_of = int(events.history_start[position]), int(events.history_end[position])
        if history_of != asked:
            history, now = of_event(interactions, events, position)
            ranked = recommender.rank(history, now)
            by_retrieval = np.lexsort((ranked.movie_index, -ranked.retrieval_score))
            asked = history_of
        target = int(interactions.movie_index[events.rows[position]])
        found = np.flatnonzero(ranked.movie_index == target)
        if len(found):
            score = ranked.retrieval_score
            result.rank[position] = found[0] + 1
            result.retrieval_rank[position] = np.count_nonzero(score >= score[found[0]])
        shown, retrieved = ranked.movie_index[:k], ranked.movie_index[by_retrieval[:k]]
        result.shown[position, : len(shown)] = shown
        result.retrieved[position, : len(retrieved)] = retrieved
    return result


def of_event(interactions: Interactions, events: Events, position: int) -> tuple[History, int]:
    """The history of one event and the moment it is asked, in seconds since 1970."""
    rows = slice(int(events.history_start[position]), int(events.history_end[position]))
    history = History(interactions.movie_index[rows], interactions.rating[rows], interactions.timestamp[rows])
    return history, int(interactions.timestamp[events.rows[position]])


def spread(events: Events, count: int) -> Events:
    """At most `count` of the events, evenly spread over them."""
    chosen = np.unique(np.linspace(0, len(events) - 1, min(count, len(events))).astype(np.int64))
    return Events(events.rows[chosen], events.history_start[chosen], events.history_end[chosen])
