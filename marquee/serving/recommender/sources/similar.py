"""Candidates that share viewers with the movies of the history, by item-item weights."""

from pathlib import Path

import numpy as np

from marquee.models.neighbours import item_item
from marquee.models.neighbours.item_item import ItemItem
from marquee.pipeline import paths
from marquee.pipeline.arrays import Float32, Int32
from marquee.serving.recommender.sources.source import Asked, Part


def _read(path: Path, num_movies: int) -> ItemItem:
    """Read the weights for a catalogue of `num_movies`: movies that training never saw have none."""
    return item_item.read(path).grown_to(num_movies)


NEIGHBOURS = Part(name="neighbours.npz", left_by=paths.NEIGHBOURS.weights, read=_read)


def scores(asked: Asked) -> Float32:
    """(num_movies,) what the history's neighbours say of each movie; 0 without a history."""
    neighbours: ItemItem = asked.parts[NEIGHBOURS.name]
    return neighbours_score(neighbours, asked.history.movie_index, asked.strength, len(asked.index))


def neighbours_score(neighbours: ItemItem, history: Int32, strength: Float32, num_movies: int) -> Float32:
    """(num_movies,) weighted sum of the history's neighbours, on a scale that is the same for every history.

    A long history sums up more weights than a short one: the sum is divided by its own standard deviation
    over the catalogue, so that it can be added to another score.

    Args:
        neighbours: of the whole catalogue.
        history: (n,) movies.
        strength: (n,) how much each of them counts.
        num_movies: size of the catalogue.
    """
    position, movie, weight = neighbours.of_history(history)
    total = np.bincount(movie, weights=weight * strength[position], minlength=num_movies)
    spread = np.sqrt(total @ total / num_movies - total.mean() ** 2)
    scaled: Float32 = (total / spread if spread > 0 else total).astype(np.float32)
    return scaled
