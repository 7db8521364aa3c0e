"""Gradient boosting on the features of events: the strongest simple predictor of ratings here."""

from typing import Any

import numpy as np

from marquee.models.baselines.baselines import BaselineError
from marquee.pipeline.arrays import Float32

MOST_ROWS = 5_000_000
"""scikit-learn holds its features as float64: more rows than this are drawn from."""


def fit(features: Float32, ratings: Float32, seed: int) -> Any:
    """Boosted trees on as-of features, the strongest simple rating predictor here.

    Args:
        features: (n, f) known strictly before each rating; NaN where unknown.
        ratings: (n,) stars.
        seed: for the draw of rows where there are more than MOST_ROWS.

    Returns:
        a fitted scikit-learn regressor: `predict((e, f)) -> (e,)`.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor  # 2 s to import, wanted by one caller

    if len(features) != len(ratings) or len(ratings) == 0:
        raise BaselineError(
            f"Gradient boosting needs a rating for each row of features, and at least one; "
            f"it received {len(features)} rows and {len(ratings)} ratings."
        )
    if len(ratings) > MOST_ROWS:
        drawn = np.random.default_rng(seed).choice(len(ratings), MOST_ROWS, replace=False)
        features, ratings = features[np.sort(drawn)], ratings[np.sort(drawn)]
    # No early stopping: it holds out random rows, which under a time split flatters the model.
    model = HistGradientBoostingRegressor(
        max_iter=200, learning_rate=0.06, max_leaf_nodes=31, min_samples_leaf=40, early_stopping=False,
        random_state=seed,
    )  # fmt: skip
    return model.fit(features, ratings)
