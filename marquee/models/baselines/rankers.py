"""The baselines that put movies in order, fitted together for whoever compares with them."""

from marquee.data.tables.interactions import Interactions
from marquee.models.baselines import baselines
from marquee.models.baselines.baselines import Ease, Popularity
from marquee.pipeline.params import Neighbours, PreprocessData

RANKERS = ("popularity", "recent_popularity", "ease")


def fit(
    fitted: Interactions, preprocessing: PreprocessData, neighbours: Neighbours, recent_days: int
) -> dict[str, Popularity | Ease]:
    """Every baseline by its name in `RANKERS`; each gives a scorer over a table.

    Args:
        fitted: the interactions of the fitted periods.
        preprocessing: which ratings are positive.
        neighbours: EASE's knobs, chosen on validation.
        recent_days: how far recent popularity looks back.
    """
    return {
        "popularity": baselines.fit_popularity(fitted, preprocessing.positive_rating),
        "recent_popularity": baselines.fit_recent_popularity(fitted, recent_days),
        "ease": baselines.fit_ease(fitted, neighbours.regularization, neighbours.max_movies),
    }
