"""Fit item-item weights, and score events with them."""

import numpy as np
import scipy.sparse

from marquee.data.tables.interactions import Interactions
from marquee.evaluation.measures.events import Events
from marquee.evaluation.measures.ranks import Scorer, history_rows
from marquee.models.baselines import baselines
from marquee.models.neighbours.item_item import ItemItem
from marquee.pipeline.arrays import Float32
from marquee.pipeline.params import Neighbours


def fit(fitted: Interactions, params: Neighbours) -> ItemItem:
    """EASE on the most popular movies, cut to the largest weights by size.

    One threshold for all: what a movie with few viewers says is mostly noise, and few of its weights pass.
    """
    ease = baselines.fit_ease(fitted, params.regularization, params.max_movies)
    return largest(ease, fitted.num_movies, params.kept_per_movie)


def largest(ease: baselines.Ease, num_movies: int, kept_per_movie: int) -> ItemItem:
    """The `kept_per_movie` x movies weights of the largest size; equal ones at the threshold stay."""
    size = np.abs(ease.weights)
    kept = min(kept_per_movie * len(ease.movies), size.size - len(ease.movies))  # the diagonal is 0
    threshold = np.partition(size, size.size - kept, axis=None)[size.size - kept] if kept else np.inf
    row, column = np.nonzero((size >= threshold) & (size > 0))
    counts = np.zeros(num_movies, dtype=np.int64)
    counts[ease.movies] = np.bincount(row, minlength=len(ease.movies))
    return ItemItem(
        start=np.append(0, np.cumsum(counts)),
        movie_index=ease.movies[column].astype(np.int32),
        weight=ease.weights[row, column],
    )


def scorer(neighbours: ItemItem, interactions: Interactions, strength: Float32) -> Scorer:
    """Score events of the table; `strength` (n,) is how much each of its rows counts."""
    shape = (interactions.num_movies, interactions.num_movies)
    weights = scipy.sparse.csr_array(
        (neighbours.weight, neighbours.movie_index, neighbours.start), shape=shape
    )

    def score(events: Events) -> Float32:
        position, rows = history_rows(events)
        movies = interactions.movie_index[rows]
        shape = (len(events), interactions.num_movies)
        histories = scipy.sparse.csr_array((strength[rows], (position, movies)), shape=shape)
        scores: Float32 = (histories @ weights).toarray()
        return scores

    return score
