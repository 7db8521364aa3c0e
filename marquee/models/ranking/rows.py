"""From interactions to the rows the ranker is trained on and asked about.

Training imitates deployment: the fitted period is cut into blocks of time, and the rows of a block see
movie statistics frozen at its start, as rows after the fitted period see those of its end. Histories grow
within a block, as they do when the service is asked.
"""

import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import CONTEXT, Interactions, packed
from marquee.evaluation.measures.events import Events
from marquee.models.features.movies import Movies
from marquee.models.features.pair import FEATURES, pair_features
from marquee.models.features.person import History, history_states
from marquee.models.ranking import movie_statistics
from marquee.pipeline.arrays import Bool, Float32, Int32, Int64
from marquee.pipeline.params import PreprocessData

CHUNK_ROWS = 25_000
"""Rows of history described at once, about 300 MB; a person's are never split."""
HIDDEN_EVERY = 10
"""One in this many training rows stands there once more with its history hidden: few first ratings are in the
data, and without these the network is worse than its base for people it knows nothing of."""

log = logging.getLogger(__name__)


class RankingDataError(ValueError):
    """Too little to learn from; the message says what is missing."""


@dataclass(frozen=True)
class Rows:
    """What the ranker is given, n rows.

    Attributes:
        features: (n, len(FEATURES)) float32.
        movie_index: (n,) int32.
        rating: (n,) float32, stars: the target.
    """

    features: Float32
    movie_index: Int32
    rating: Float32

    def __len__(self) -> int:
        return len(self.rating)


def final_movies(
    interactions: Interactions, periods: tuple[int, ...], catalogue: Catalogue, factors: int, seed: int
) -> Movies:
    """What is known of every movie after the fitted periods: what evaluation and the bundle read."""
    fitted = interactions.in_periods(*periods)
    return Movies(catalogue, movie_statistics.fit(fitted, catalogue, factors, seed))


def known_movies(interactions: Interactions, periods: tuple[int, ...], preprocessing: PreprocessData) -> Bool:
    """(num_movies,) movies with enough ratings in the fitted periods to have an id of their own."""
    fitted = interactions.movie_index[np.isin(interactions.period, periods)]
    counts = np.bincount(fitted, minlength=interactions.num_movies)
    return np.asarray(counts >= preprocessing.min_movie_interactions)


def training_rows(
    interactions: Interactions,
    periods: tuple[int, ...],
    catalogue: Catalogue,
    factors: int,
    blocks: int,
    preprocessing: PreprocessData,
    seed: int,
) -> Rows:
    """Walk forward through the fitted periods.

    The first block only feeds the statistics of those after it. Histories hold rows of the fitted periods
    and of CONTEXT, nothing else.

    Args:
        interactions: the whole table.
        periods: those that may be learned from.
        catalogue: facts of all movies.
        factors: size of the movie factors.
        blocks: how many blocks of equal size; statistics are fitted again at each.
        preprocessing: who rates too little to be learned from.
        seed: of the movie factors.

    Raises:
        RankingDataError: no interaction, all at one moment, or nobody who rates enough to be learned from.
    """
    table = interactions.in_periods(*periods, CONTEXT)
    fitted = np.isin(table.period, periods)
    enough = np.bincount(table.user_index[fitted], minlength=table.num_users)
    wanted = fitted & (enough >= preprocessing.min_user_interactions)[table.user_index]
    edges = block_edges(table.timestamp[fitted], blocks)
    targets = [
        np.flatnonzero(wanted & (table.timestamp >= low) & (table.timestamp < high))
        for low, high in itertools.pairwise(edges)
    ]
    if not any(map(len, targets)):
        raise RankingDataError(
            f"Nobody with at least preprocess_data.min_user_interactions = "
            f"{preprocessing.min_user_interactions} ratings in the fitted period rates after its first "
            "block: the ranker has nothing to learn from. Lower min_user_interactions, or use more "
            "interactions."
        )
    asked = [_with_hidden(table, rows) for rows in targets]
    features = np.empty((sum(map(len, asked)), len(FEATURES)), dtype=np.float32)
    filled = 0
    for low, events in zip(edges[:-1], tqdm(asked, desc="features", unit="block", disable=None), strict=True):
        past = table.only(fitted & (table.timestamp < low))
        movies = Movies(catalogue, movie_statistics.fit(past, catalogue, factors, seed))
        features[filled : filled + len(events)] = event_features(table, events, movies)
        filled += len(events)
    order = np.concatenate([events.rows for events in asked])
    log.info("%d rows of %d features in %d blocks", len(order), len(FEATURES), len(asked))
    return Rows(features, table.movie_index[order], table.rating[order])


def _with_hidden(table: Interactions, rows: Int64) -> Events:
    """A block's rows with their histories, then some of them again without."""
    hidden = rows[::HIDDEN_EVERY]
    start = table.history_start[np.append(rows, hidden)]
    end = np.append(table.history_end[rows], table.history_start[hidden])
    return Events(np.append(rows, hidden), start, end)


def block_edges(timestamp: Int64, blocks: int) -> Int64:
    """Times at which blocks of equal size begin, the first block left out, and the end of the last.

    Interactions of the same second stay in one block, so blocks can fall together.
    """
    if len(timestamp) == 0:
        raise RankingDataError(
            "The fitted period has no interaction: the ranker has nothing to learn from. "
            "Move preprocess_data.validation_cutoff or test_cutoff later."
        )
    ordered = np.sort(timestamp)
    starts = ordered[[len(ordered) * block // blocks for block in range(1, blocks)]]
    starts = np.unique(starts[starts > ordered[0]])
    if len(starts) == 0:
        raise RankingDataError(
            f"The fitted period's {len(ordered)} interactions span too few moments "
            f"for ranking.blocks = {blocks}. Use more interactions."
        )
    return np.append(starts, ordered[-1] + 1)


def event_rows(interactions: Interactions, events: Events, movies: Movies) -> Rows:
    """Events as the ranker is asked them: statistics frozen, history walking forward."""
    features = event_features(interactions, events, movies)
    return Rows(features, interactions.movie_index[events.rows], interactions.rating[events.rows])


def event_features(interactions: Interactions, events: Events, movies: Movies) -> Float32:
    """(e, len(FEATURES)) float32, for events sorted by user or not, in chunks of whole people."""
    features = np.empty((len(events), len(FEATURES)), dtype=np.float32)
    for chunk in _chunks(events):
        start, end, rows = events.history_start[chunk], events.history_end[chunk], events.rows[chunk]
        # Chunks are runs of neighbouring people; those in between without an event are not described.
        spans, shift = packed(start, end)
        history = History(
            interactions.movie_index[spans], interactions.rating[spans], interactions.timestamp[spans]
        )
        states = history_states(history, start - shift, end - shift, movies)
        features[chunk] = pair_features(
            states, interactions.movie_index[rows], interactions.timestamp[rows], movies
        )
    return features


def _chunks(events: Events) -> Iterator[Int64]:
    """Positions of events, whole people together, about CHUNK_ROWS rows of history at a time."""
    if len(events) == 0:
        return
    order = np.argsort(events.history_start, kind="stable")
    starts, first = np.unique(events.history_start[order], return_index=True)
    longest = np.maximum.reduceat(events.history_end[order], first) - starts
    events_of = np.diff(np.append(first, len(order)))
    chunk = np.cumsum(np.maximum(longest, events_of)) // CHUNK_ROWS
    bounds = first[np.flatnonzero(np.diff(chunk, prepend=-1))]
    for low, high in zip(bounds, np.append(bounds[1:], len(order)), strict=True):
        yield order[low:high]
