"""Which movies to ask a new visitor about: well known, and telling."""

import numpy as np

from marquee.pipeline.arrays import Float32, Int32
from marquee.serving.recommender import order
from marquee.serving.recommender.top_k import top_k

WELL_KNOWN = 100
"""Movies to choose from: those with most ratings."""
ASKED = 18
"""Movies that are chosen: three times as many as the page shows at once, for whoever has not seen them."""

NOTHING = 1e-9
"""Squared length of what is left of a vector that those chosen before explain."""


def telling(vectors: Float32, count: Float32, known: int = WELL_KNOWN, asked: int = ASKED) -> Int32:
    """(n,) rows of the movies to ask about, the most telling first; fewer than asked where fewer were rated.

    Popularity alone asks about many movies that say the same of a person. Representative ones say more (Liu
    et al. 2011, "Wisdom of the Better Few"). Here they are chosen greedily: the first is the movie whose
    direction explains most of how the vectors of the well-known movies differ, in squares; each next one
    explains most of what those before it leave. Of equals, the more rated movie comes first.

    Args:
        vectors: (num_movies, d) of the two-tower; their length does not count.
        count: (num_movies,) ratings.
        known: how many of the most rated movies to choose from.
        asked: how many to choose.
    """
    rows = top_k(count, known)
    rows = rows[count[rows] > 0]
    if len(rows) == 0:
        return rows
    left = order.unit(vectors[rows]).astype(np.float64)
    left -= left.mean(axis=0)
    chosen: list[int] = []
    for _ in range(min(asked, len(rows))):
        alike = left @ left.T
        size = np.maximum(np.diag(alike), NOTHING)
        explained = np.square(alike).sum(axis=1) / size
        explained[chosen] = -1
        best = int(explained.argmax())
        chosen.append(best)
        left -= np.outer(alike[best] / size[best], left[best])
    return rows[chosen]
