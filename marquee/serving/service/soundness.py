"""Whether a bundle's models are those that were measured: tried on what the rest of the bundle knows.

Checksums tell an altered file, not one that was packaged wrongly: a model of another run, or of none, fits
the manifest that was written with it. So before a bundle answers, its DCN must agree with the movies' mean
ratings, and its query tower with the item-item weights: all learned from the same ratings, each in its way.
"""

import numpy as np

from marquee.models.features.person import History
from marquee.pipeline.arrays import Float32, Int32
from marquee.serving.recommender.manifest import REPACKAGE, BundleError
from marquee.serving.recommender.recommender import Recommender
from marquee.serving.recommender.top_k import top_k
from marquee.serving.service.model_card import ModelCard

NOW = 1_600_000_000
"""The moment of asking: the same for every try, so that a bundle is sound or not, whenever it is opened."""
WELL_KNOWN = 60
"""Movies to try the models on: the most rated ones, whose means are no accident."""
SHORT = 3
"""Movies in a history."""
NEIGHBOURS = 20
"""Movies that the item-item weights put first for a history."""
STARS_OFF = 1.0
"""Between predicted and known ratings, on average; a trained DCN is off by 0.1, one of noise by 1.5."""
PLACE = 0.65
"""Share of the catalogue that stands below those neighbours by the query tower, on average: 0.5 by chance,
0.97 with the tower of the sample."""
TOP = 100
"""Of `top_100_accuracy`."""


def require_sound(recommender: Recommender, card: ModelCard) -> None:
    """Try both models.

    Raises:
        BundleError: they give no numbers, the same for everybody, or what the rest of the bundle contradicts.
    """
    known = top_k(recommender.index.movies.statistics.count, WELL_KNOWN)
    _require_ratings(recommender, known)
    _require_queries(recommender, known, _finds_above_chance(card, len(recommender.index)))


def _require_ratings(recommender: Recommender, known: Int32) -> None:
    statistics = recommender.index.movies.statistics
    nobody = _history(known[:0])
    stars = recommender.predict_ratings(nobody, known, NOW).astype(np.float64)
    if not np.isfinite(stars).all():
        raise BundleError(f"The bundle's DCN predicts ratings that are no numbers. {REPACKAGE}")
    level = np.clip(statistics.global_mean + statistics.bias[known], 0.5, 5.0)
    off = float(np.abs(stars - level).mean())
    if off > STARS_OFF:
        raise BundleError(
            f"The bundle's DCN is not the one that was measured: it is off by {off:.2f} stars from the mean "
            f"ratings of {len(known)} well-known movies; at most {STARS_OFF:g} is sound. {REPACKAGE}"
        )


def _require_queries(recommender: Recommender, known: Int32, above_chance: bool) -> None:
    histories = [known[first : first + SHORT] for first in range(0, len(known), SHORT)]
    queries = np.array([recommender.query(_history(rows), NOW) for rows in histories])
    if not np.isfinite(queries).all():
        raise BundleError(f"The bundle's query tower gives vectors that are no numbers. {REPACKAGE}")
    if len(queries) > 1 and np.ptp(queries, axis=0).max() == 0:
        raise BundleError(f"The bundle's query tower gives every history the same vector. {REPACKAGE}")
    if not above_chance:
        return
    places = [
        place
        for query, rows in zip(queries, histories, strict=True)
        for place in _places_of_neighbours(recommender, query, rows)
    ]
    place = float(np.mean(places)) if places else 1.0
    if place < PLACE:
        raise BundleError(
            "The bundle's query tower is not the one that was measured: movies that are watched together "
            f"stand above {place:.0%} of the catalogue; {PLACE:.0%} and more is sound. {REPACKAGE}"
        )


def _places_of_neighbours(recommender: Recommender, query: Float32, rows: Int32) -> list[float]:
    """The share of the catalogue below each of a history's neighbours; a history may have none."""
    _, movie_index, weight = recommender.bundle.neighbours.of_history(rows)
    near = np.bincount(movie_index, weight, minlength=len(recommender.index)).astype(np.float32)
    near[rows] = 0
    near[near <= 0] = -np.inf
    scores = recommender.index.dot(query)
    return [float(np.mean(scores < scores[row])) for row in top_k(near, NEIGHBOURS)]


def _history(rows: Int32) -> History:
    """Rated five stars just now, one after another."""
    times = np.arange(NOW - len(rows), NOW, dtype=np.int64)
    return History(rows, np.full(len(rows), 5, np.float32), times)


def _finds_above_chance(card: ModelCard, num_movies: int) -> bool:
    """Whether the two-tower was measured to find more than luck would; one in a test need not."""
    measured = [
        score.value
        for score in card.metrics.get("evaluate_retrieval", ())
        if (score.metric, score.model, score.group) == ("top_100_accuracy", "two_tower", "all")
    ]
    return any(value is not None and value > 2 * TOP / num_movies for value in measured)
