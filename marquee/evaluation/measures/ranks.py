"""Rank events over the whole catalogue in batches of bounded memory."""

from collections.abc import Callable, Iterator

import numpy as np
from tqdm import tqdm

from marquee.data.tables.interactions import Interactions
from marquee.evaluation.measures.events import Events
from marquee.evaluation.measures.rank_metrics import target_ranks
from marquee.pipeline.arrays import Float32, Int32, Int64

Scorer = Callable[[Events], Float32]
"""Events -> (e, num_movies) float32 scores of the whole catalogue, higher is better; a scorer reads
the history's rows of the events and nothing after them."""


class ScoresError(ValueError):
    """A scorer returned scores of the wrong shape."""


def rank_events(
    score: Scorer, interactions: Interactions, events: Events, batch_size: int = 512, progress: bool = True
) -> Int32:
    """Rank of each event's movie among the whole catalogue, movies of its history removed.

    Args:
        score: scores a batch of events.
        interactions: the table the events' rows lie in.
        events: best sorted by row, as `of_period` gives them: batches then share histories.
        batch_size: events scored at once; memory is about 6 bytes x batch_size x num_movies, beside
            what `score` needs.
        progress: show a progress bar on a terminal.

    Returns:
        (e,) int32; see `rank_metrics.target_ranks`.
    """
    ranks = [
        target_ranks(scores, interactions.movie_index[batch.rows], seen_pairs(interactions, batch))
        for batch, scores in _scored(score, interactions, events, batch_size, progress)
    ]
    return np.concatenate([np.empty(0, np.int32), *ranks])


def list_events(
    score: Scorer,
    interactions: Interactions,
    events: Events,
    k: int,
    batch_size: int = 512,
    progress: bool = True,
) -> Int32:
    """The k best unseen movies for each event, best first.

    Returns:
        (e, k) int32 movie indices, equal scores in order of index; -1 where fewer than k are unseen.
    """
    lists = [
        _best(scores, seen_pairs(interactions, batch), k)
        for batch, scores in _scored(score, interactions, events, batch_size, progress)
    ]
    return np.concatenate([np.empty((0, k), np.int32), *lists])


def last_of_each_user(interactions: Interactions, events: Events) -> Events:
    """The latest event of each user: one list per person, for coverage and novelty."""
    users = interactions.user_index[events.rows]
    order = np.lexsort((events.rows, users))
    is_last = np.ones(len(events), dtype=bool)
    is_last[:-1] = users[order][1:] != users[order][:-1]
    keep = np.zeros(len(events), dtype=bool)
    keep[order[is_last]] = True
    return events.only(keep)


def history_rows(events: Events) -> tuple[Int64, Int64]:
    """The rows of every event's history, one event after the other.

    Returns:
        (h,) int64 position of the event and (h,) int64 row of the table.
    """
    lengths = events.history_end - events.history_start
    position = np.repeat(np.arange(len(events), dtype=np.int64), lengths)
    before = np.cumsum(lengths) - lengths
    return position, np.arange(len(position)) + (events.history_start - before)[position]


def seen_pairs(interactions: Interactions, events: Events) -> tuple[Int64, Int32]:
    """(s,) positions of events and (s,) movies in their histories."""
    position, rows = history_rows(events)
    return position, interactions.movie_index[rows]


def _scored(
    score: Scorer, interactions: Interactions, events: Events, batch_size: int, progress: bool
) -> Iterator[tuple[Events, Float32]]:
    starts = range(0, len(events), batch_size)
    bar = tqdm(starts, desc="ranking", unit="batch", disable=None if progress else True, leave=False)
    for start in bar:
        part = slice(start, start + batch_size)
        batch = Events(events.rows[part], events.history_start[part], events.history_end[part])
        scores = score(batch)
        expected = (len(batch), interactions.num_movies)
        if scores.shape != expected:
            raise ScoresError(
                f"A scorer must return one score for each event and movie, shape {expected}; "
                f"it returned {scores.shape}. Score the whole catalogue."
            )
        yield batch, scores


def _best(scores: Float32, seen: tuple[Int64, Int32], k: int) -> Int32:
    unseen = scores.astype(np.float32)  # a copy: the scorer may hand out a view of its own array
    unseen[seen] = -np.inf
    if k < unseen.shape[1]:
        # The k-th best score is the threshold: equal scores beyond it are cut by index below.
        threshold = -np.partition(-unseen, k - 1, axis=1)[:, k - 1]
        unseen[unseen < threshold[:, None]] = -np.inf
    best = np.full((len(unseen), k), -1, dtype=np.int32)
    event, movie = np.nonzero(unseen > -np.inf)
    order = np.lexsort((movie, -unseen[event, movie], event))
    event, movie = event[order], movie[order]
    position = np.arange(len(event)) - np.searchsorted(event, event)
    fits = position < k
    best[event[fits], position[fits]] = movie[fits]
    return best
