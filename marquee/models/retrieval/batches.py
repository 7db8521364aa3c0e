"""From interactions to the inputs of the two-tower: windows of history and the queries read off them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import CONTEXT, Interactions
from marquee.evaluation.measures.events import Events
from marquee.models.features import history
from marquee.models.features.history import YEAR
from marquee.models.retrieval.two_tower import Known
from marquee.pipeline.arrays import Float32, Int64
from marquee.pipeline.params import Retrieval

Batch = dict[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Histories:
    """A table of interactions with the features of every row, computed once."""

    interactions: Interactions
    catalogue: Catalogue

    @cached_property
    def rows(self) -> Float32:
        """(n, F) `history.history_features` of every row."""
        table = self.interactions
        return history.history_features(
            table.movie_index, table.rating, table.timestamp, table.history_start, self.catalogue.release
        )

    def context(self, history_start: Int64, history_end: Int64, now: Int64) -> Float32:
        """(e, Q) `history.query_features` of queries on this table."""
        table = self.interactions
        return history.query_features(
            table.rating, table.timestamp, table.history_start, history_start, history_end, now
        )


@dataclass(frozen=True)
class TrainingWindows:
    """Windows over people's histories that together ask for every interaction once.

    A window holds at most `length` rows of one person and asks for those past its first half (the
    first window for all), so that every target sees at least half a window of its past.

    Attributes:
        start: (w,) int64, first row.
        asks_from: (w,) int64, the first row that is a target.
        end: (w,) int64, one past the last row, a target too.
    """

    start: Int64
    asks_from: Int64
    end: Int64


def training_windows(interactions: Interactions, length: int, min_interactions: int) -> TrainingWindows:
    """Cover the history of everyone with at least `min_interactions` rows."""
    first, last = interactions.user_starts[:-1], interactions.user_starts[1:]
    enough = last - first >= min_interactions
    first, last = first[enough], last[enough]
    step = max(1, length // 2)
    count = 1 + np.maximum(0, -(-(last - first - length) // step))
    user = np.repeat(np.arange(len(first)), count)
    nth = np.arange(len(user)) - np.repeat(np.cumsum(count) - count, count)
    start = first[user] + nth * step
    end = np.minimum(start + length, last[user])
    asks_from = np.where(nth == 0, start, np.minimum(start + length - step, end))
    return TrainingWindows(start, asks_from, end)


def target_weights(interactions: Interactions, params: Retrieval, positive_rating: float) -> Float32:
    """(n,) weight of each interaction as a target: by its rating, halved every `half_life_years`.

    CONTEXT rows weigh nothing: they are history only.
    """
    by_rating = np.where(interactions.rating >= positive_rating, params.positive_weight, params.other_weight)
    by_rating = np.where(interactions.period == CONTEXT, 0.0, by_rating)
    age = (interactions.timestamp.max() - interactions.timestamp) / YEAR
    weights: Float32 = (by_rating * 0.5 ** (age / params.half_life_years)).astype(np.float32)
    return weights


def epoch_order(
    windows: TrainingWindows, weights: Float32, max_windows: int, rng: np.random.Generator
) -> Int64:
    """Which windows an epoch trains on, and in which order.

    All of them, or, where there are more than `max_windows`, a draw without replacement in proportion to
    the weight of what they ask for, so that recent ones come more often (Efraimidis and Spirakis 2006:
    the smallest of exponential times at these rates).
    """
    if len(windows.start) <= max_windows:
        return rng.permutation(len(windows.start))
    before = np.concatenate([[0.0], np.cumsum(weights, dtype=np.float64)])
    asked = before[windows.end] - before[windows.asks_from]
    time = rng.exponential(size=len(asked)) / np.maximum(asked, 1e-9)
    return rng.permutation(np.argpartition(time, max_windows)[:max_windows])


def training_batches(
    histories: Histories,
    windows: TrainingWindows,
    weights: Float32,
    params: Retrieval,
    rng: np.random.Generator,
) -> Iterator[Batch]:
    """One epoch of batches, windows in an order drawn from `rng`."""
    order = epoch_order(windows, weights, params.max_windows, rng)
    for at in range(0, len(order), params.batch_size):
        chosen = order[at : at + params.batch_size]
        batch = _window_batch(histories, windows, weights, chosen, params.history_length)
        if len(batch["target"]):
            yield batch


def _window_batch(
    histories: Histories, windows: TrainingWindows, weights: Float32, chosen: Int64, length: int
) -> Batch:
    table = histories.interactions
    start = windows.start[chosen]
    cut = history.windows(table.movie_index, histories.rows, start, windows.end[chosen], length)
    asked = windows.end[chosen] - windows.asks_from[chosen]
    window = np.repeat(np.arange(len(chosen)), asked)
    target = np.arange(len(window)) - np.repeat(np.cumsum(asked) - asked, asked)
    target += windows.asks_from[chosen][window]
    read_at = table.history_end[target] - start[window]
    # A tie that fills the whole window leaves no earlier row in it, though there is one: not asked.
    answerable = (read_at > 0) | (table.history_end[target] == table.history_start[target])
    useful = answerable & (weights[target] > 0)
    window, target, read_at = window[useful], target[useful], read_at[useful]
    context = histories.context(
        table.history_start[target], table.history_end[target], table.timestamp[target]
    )
    return {
        "movie_index": cut.movie_index,
        "features": cut.features,
        "read_at": np.stack([window, read_at], axis=1).astype(np.int32),
        "context": context,
        "now": history.in_years(table.timestamp[target]),
        "target": table.movie_index[target],
        "weight": weights[target],
    }


def event_batch(histories: Histories, events: Events, length: int) -> Batch:
    """Events as queries; events whose histories start at the same row share one window."""
    table = histories.interactions
    starts = history.window_start(events.history_start, events.history_end, length)
    start, window = np.unique(starts, return_inverse=True)
    end = np.zeros(len(start), dtype=np.int64)
    np.maximum.at(end, window, events.history_end)
    cut = history.windows(table.movie_index, histories.rows, start, end, length)
    read_at = np.stack([window, events.history_end - starts], axis=1)
    now = table.timestamp[events.rows]
    return {
        "movie_index": cut.movie_index,
        "features": cut.features,
        "read_at": read_at.astype(np.int32),
        "context": histories.context(events.history_start, events.history_end, now),
        "now": history.in_years(now),
    }


def known_movies(interactions: Interactions, min_interactions: int) -> Known:
    """What the fitted interactions know of the movies."""
    rated = interactions.movie_index[interactions.period != CONTEXT]
    counts = np.bincount(rated, minlength=interactions.num_movies)
    movies = np.flatnonzero(counts >= min_interactions).astype(np.int32)
    return Known(movies, (counts / max(1, counts.sum())).astype(np.float32))
