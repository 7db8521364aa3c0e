"""Item-kNN: movies rated by the same people as those of the history."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse

from marquee.data.tables.interactions import Interactions
from marquee.evaluation.measures.events import Events
from marquee.evaluation.measures.ranks import Scorer, seen_pairs
from marquee.pipeline.arrays import Float32


@dataclass(frozen=True)
class Neighbours:
    """Weights from each movie to those like it.

    Attributes:
        weights: (num_movies, num_movies) sparse float32.
    """

    weights: scipy.sparse.csr_array

    def scorer(self, interactions: Interactions) -> Scorer:
        """Score events by the sum of similarities to the movies of their history, each movie once."""

        def score(events: Events) -> Float32:
            scores: Float32 = (histories_matrix(interactions, events) @ self.weights).toarray()
            return scores

        return score


def fit_neighbours(fitted: Interactions, k: int, shrink: float) -> Neighbours:
    """Damped cosine of who rated both, the k most similar of each movie kept (Sarwar et al. 2001).

    similarity(i, j) = n_ij / (sqrt(n_i n_j) + shrink), n_ij people who rated both.

    Args:
        fitted: the interactions of the fitted periods, every rating counting one.
        k: neighbours a movie keeps.
        shrink: how much a pair that few people rated is trusted less.
    """
    watched = people_matrix(fitted)
    counts = np.sqrt(np.asarray(watched.sum(axis=0)).ravel())
    pairs = (watched.T @ watched).tocoo()
    kept = pairs.row != pairs.col
    row, column = pairs.row[kept], pairs.col[kept]
    similarity = pairs.data[kept] / (counts[row] * counts[column] + shrink)
    order = np.lexsort((column, -similarity, row))
    row, column, similarity = row[order], column[order], similarity[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    near = place < k
    return Neighbours(
        scipy.sparse.csr_array(
            (similarity[near].astype(np.float32), (row[near], column[near])),
            shape=(fitted.num_movies, fitted.num_movies),
        )
    )


def people_matrix(fitted: Interactions) -> scipy.sparse.csr_array:
    """(people, num_movies) float32, 1 where a person rated the movie; people without a rating left out."""
    _, person = np.unique(fitted.user_index, return_inverse=True)
    return _ones(person, fitted.movie_index, int(person.max()) + 1, fitted.num_movies)


def histories_matrix(interactions: Interactions, events: Events) -> scipy.sparse.csr_array:
    """(e, num_movies) float32, 1 where a movie is in the event's history."""
    position, movie = seen_pairs(interactions, events)
    return _ones(position, movie, len(events), interactions.num_movies)


def _ones(row: np.ndarray, column: np.ndarray, rows: int, columns: int) -> scipy.sparse.csr_array:
    matrix = scipy.sparse.csr_array(
        (np.ones(len(row), dtype=np.float32), (row, column)), shape=(rows, columns)
    )
    matrix.data[:] = 1.0  # a movie rated twice is summed on the way in
    return matrix
