"""Why a movie is recommended: a liked movie speaks for it, and both have something in common."""

from collections.abc import Sequence

import numpy as np

from marquee.data.tables.facts import Titles
from marquee.models.neighbours.item_item import ItemItem
from marquee.pipeline.arrays import Bool, Float32, Int32
from marquee.serving.recommender import order

LIKENESS = 0.5
"""Cosine from which a liked movie is named as the reason where the item-item weights know none."""
AT_MOST = 3
"""Movies of an answer that one liked movie is the reason for: named everywhere, it explains nothing."""
SHARED = 2
"""What is named at most of all that two movies share."""


def speaking(liked: Int32, shown: Int32, neighbours: ItemItem, vectors: Float32, has_genre: Bool) -> Int32:
    """(n,) the liked movie that speaks for each movie most; -1 where none does.

    Of those with a genre in common it has the largest item-item weight, so that the movie would lose most
    without it; where none has a weight, the likeness of the vectors says which.

    Args:
        liked: (l,) distinct movies of the history, ascending.
        shown: (n,) movies, the best first.
        neighbours: of the whole catalogue.
        vectors: (num_movies, d) float32.
        has_genre: (num_movies, G).
    """
    if len(liked) == 0 or len(shown) == 0:
        return np.full(len(shown), -1, dtype=np.int32)
    in_common = has_genre[liked].astype(np.float32) @ has_genre[shown].T.astype(np.float32) > 0
    weight = np.where(in_common, _weights(liked, shown, neighbours), 0)
    likeness = np.where(in_common, order.unit(vectors[liked]) @ order.unit(vectors[shown]).T, 0)
    likely = (likeness >= LIKENESS) & (weight.max(axis=0) <= 0)
    strength = np.where(weight > 0, weight, np.where(likely, likeness, -np.inf))
    named = np.zeros(len(liked), dtype=np.int64)
    found = np.full(len(shown), -1, dtype=np.int32)
    for place in range(len(shown)):
        one = int(np.argmax(strength[:, place]))
        if strength[one, place] == -np.inf:
            continue
        found[place] = liked[one]
        named[one] += 1
        if named[one] == AT_MOST:
            strength[one] = -np.inf
    return found


def _weights(liked: Int32, shown: Int32, neighbours: ItemItem) -> Float32:
    """(l, n) item-item weights from liked movies to those shown; 0 where none is known."""
    position, neighbour, weight = neighbours.of_history(liked)
    column = np.searchsorted(ascending := np.sort(shown), neighbour)
    column = np.minimum(column, len(ascending) - 1)
    asked = ascending[column] == neighbour
    weights = np.zeros((len(liked), len(shown)), dtype=np.float32)
    weights[position[asked], np.argsort(shown)[column[asked]]] = weight[asked]
    return weights


def in_common(titles: Titles, one: int, other: int) -> list[str]:
    """What a person can see that two movies share: people first, then genres."""
    columns: tuple[Sequence[list[str]], ...] = (titles.directors, titles.cast, titles.genres)
    shared = [name for column in columns for name in column[one] if name in column[other]]
    return list(dict.fromkeys(shared))[:SHARED]
