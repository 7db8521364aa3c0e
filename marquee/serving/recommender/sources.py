"""Where candidates come from: the two-tower, movies like those of the history, and what is popular now."""

from dataclasses import dataclass

import numpy as np

from marquee.models.neighbours.item_item import ItemItem
from marquee.pipeline.arrays import Bool, Float32, Int32, Int64
from marquee.serving.recommender.top_k import top_k

SOURCES = ("two_tower", "similar", "popular")
LAST = np.int32(2**31 - 1)


@dataclass(frozen=True)
class Sourced:
    """The union of what the sources gave, columns of length c.

    Attributes:
        movie_index: int32, ascending.
        two_tower: float32, the two-tower's score.
        similar: float32, the item-item score in standard deviations of the catalogue; 0 without a history.
        source: int8, position in SOURCES of the source that put the movie highest.
    """

    movie_index: Int32
    two_tower: Float32
    similar: Float32
    source: Int32


def similar_scores(neighbours: ItemItem, history: Int32, strength: Float32, num_movies: int) -> Float32:
    """(num_movies,) weighted sum of the history's neighbours, on a scale that is the same for every history.

    A long history sums up more weights than a short one: the sum is divided by its own standard deviation
    over the catalogue, so that it can be added to another score.
    """
    position, movie, weight = neighbours.of_history(history)
    total = np.bincount(movie, weights=weight * strength[position], minlength=num_movies)
    spread = np.sqrt(total @ total / num_movies - total.mean() ** 2)
    scaled: Float32 = (total / spread if spread > 0 else total).astype(np.float32)
    return scaled


def gather(
    two_tower: Float32, similar: Float32, most_popular: Int64, allowed: Bool, quotas: tuple[int, int, int]
) -> Sourced:
    """Take each source's best allowed movies.

    Args:
        two_tower: (num_movies,) scores.
        similar: (num_movies,) scores; only those above 0 are a reason to show a movie.
        most_popular: (num_movies,) movies, the most popular first.
        allowed: (num_movies,) neither seen nor filtered out.
        quotas: how many of each source, in the order of SOURCES.
    """
    best = [
        top_k(np.where(allowed, two_tower, -np.inf), quotas[0]),
        top_k(np.where(allowed & (similar > 0), similar, -np.inf), quotas[1]),
        _first_allowed(most_popular, allowed, quotas[2]),
    ]
    movie_index = np.unique(np.concatenate(best))
    place = np.full((len(SOURCES), len(movie_index)), LAST)
    for row, movies in enumerate(best):
        place[row, np.searchsorted(movie_index, movies)] = np.arange(len(movies))
    return Sourced(movie_index, two_tower[movie_index], similar[movie_index], place.argmin(axis=0))


def _first_allowed(movies: Int64, allowed: Bool, count: int) -> Int32:
    """The first `count` movies that are allowed."""
    enough = movies[: count + np.count_nonzero(~allowed)]
    return enough[allowed[enough]][:count].astype(np.int32)
