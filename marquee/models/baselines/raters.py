"""The baselines that predict ratings, fitted together for whoever compares with them."""

from collections.abc import Sequence

import numpy as np

from marquee.data.tables.interactions import Interactions
from marquee.evaluation.measures.events import Events
from marquee.models.baselines import baselines, trees
from marquee.models.features.pair import FEATURES
from marquee.pipeline.arrays import Float32

RATERS = ("global_mean", "movie_mean", "movie_user_bias", "gradient_boosting_plain", "gradient_boosting")
PLAIN = (
    "user_bias", "rating_spread", "log_history_length", "log_days_since_last", "log_days_since_first",
    "session_position", "movie_bias", "movie_spread", "log_movie_count", "release", "movie_age",
    "genre_share", "genre_affinity",
)  # fmt: skip
"""Counts, means and times, what anyone would start from; the other features are models of their own."""


def predict_by_bias(table: Interactions, fitted: Interactions, asked: Events) -> dict[str, Float32]:
    """(e,) stars of the means and of the bias model, by their names in `RATERS`."""
    return {
        "global_mean": baselines.fit_global_mean(fitted).predict(table, asked),
        "movie_mean": baselines.fit_movie_mean(fitted).predict(table, asked),
        "movie_user_bias": baselines.fit_movie_user_bias(fitted).predict(table, asked),
    }


def predict_by_trees(
    features: Float32, ratings: Float32, asked_features: Float32, seed: int
) -> dict[str, Float32]:
    """(e,) stars of boosted trees on the plain features and on all that the DCN reads.

    Args:
        features: (n, F) of the ratings to fit, columns as `pair.FEATURES`.
        ratings: (n,) stars.
        asked_features: (e, F) of the events.
        seed: of the trees.
    """

    def boosted(names: Sequence[str]) -> Float32:
        columns = [FEATURES.index(name) for name in names]
        model = trees.fit(features[:, columns], ratings, seed)
        stars: Float32 = np.clip(model.predict(asked_features[:, columns]), 0.5, 5.0).astype(np.float32)
        return stars

    return {"gradient_boosting_plain": boosted(PLAIN), "gradient_boosting": boosted(FEATURES)}
