"""How much of a list lies in genres that its reader has rated low: a guard, not a goal."""

from collections.abc import Mapping

import numpy as np

from marquee.data.tables.interactions import Interactions
from marquee.evaluation.measures.events import Events
from marquee.evaluation.measures.ranks import history_rows
from marquee.pipeline.arrays import Bool, Float64, Int32
from marquee.pipeline.scores import Score

AT_LEAST = 3
"""Ratings in a genre before it can be called disliked."""
BELOW = 0.5
"""Stars that their mean lies below the person's own, or further."""


def disliked_genres(interactions: Interactions, asked: Events, genres: Bool) -> Bool:
    """(e, G) which genres the history of each event speaks against.

    Args:
        interactions: the table the events' rows lie in.
        asked: the events.
        genres: (num_movies, G) which genres each movie has.
    """
    position, rows = history_rows(asked)
    lengths = np.bincount(position, minlength=len(asked))
    rating = interactions.rating[rows].astype(np.float64)
    own = np.bincount(position, weights=rating, minlength=len(asked)) / np.maximum(lengths, 1)
    held = genres[interactions.movie_index[rows]]
    disliked = np.zeros((len(asked), genres.shape[1]), dtype=bool)
    for genre in range(genres.shape[1]):
        having = held[:, genre]
        count = np.bincount(position[having], minlength=len(asked))
        total = np.bincount(position[having], weights=rating[having], minlength=len(asked))
        disliked[:, genre] = (count >= AT_LEAST) & (total / np.maximum(count, 1) <= own - BELOW)
    return disliked


def shares(shown: Int32, disliked: Bool, genres: Bool) -> Float64:
    """(e,) share of each list's movies in a genre that its reader dislikes; NaN where none is disliked.

    Args:
        shown: (e, k) movie indices; -1 where a list is shorter.
        disliked: (e, G) of `disliked_genres`.
        genres: (num_movies, G) which genres each movie has.
    """
    filled = shown >= 0
    hit = filled & (genres[shown] & disliked[:, None, :]).any(axis=2)
    lengths = np.where(disliked.any(axis=1), filled.sum(axis=1), 0)
    return np.where(lengths > 0, hit.sum(axis=1) / np.maximum(lengths, 1), np.nan)


def scores(
    lists: Mapping[str, Int32], interactions: Interactions, asked: Events, genres: Bool
) -> list[Score]:
    """`disliked_genre_share` of each model's lists: the mean over people with a genre they dislike."""
    disliked = disliked_genres(interactions, asked, genres)
    if not disliked.any():
        return []
    return [
        Score("disliked_genre_share", float(np.nanmean(shares(shown, disliked, genres))), name)
        for name, shown in lists.items()
    ]
