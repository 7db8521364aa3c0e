"""RMSE and hit rate estimated from requests alone, for when nobody says what they thought of the list.

On the reference, where both are known, a request's squared error and hit are regressed on what is known when
it is asked: how long and how even the history is, how high the predictions, how much of its belief the
recommender put on the first places. Live requests then get the error of those like them: right where the mix
of requests drifts, blind where the same request gets another answer (new tastes): feedback alone shows that.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from marquee.evaluation.measures.intervals import Interval
from marquee.monitoring.evidence.reference import Reference
from marquee.monitoring.evidence.requests import Requests
from marquee.monitoring.statistics import resampling
from marquee.pipeline.arrays import Float64

LEAF, TREES, RATE = 300, 40, 0.1
"""Requests behind each estimate at least, and how many small steps: errors are noisy, the surface smooth."""


@dataclass(frozen=True)
class Estimator:
    """What requests of each kind cost on the reference."""

    squared_error: Any
    hit: Any

    def rmse(self, requests: Requests, samples: int, seed: int) -> Interval:
        """Of ratings by these visitors, in stars, with an interval over the visitors."""
        expected = np.maximum(_predicted(self.squared_error, requests), 0)
        return _over(expected, requests, resampling.root_ratio, samples, seed)

    def hit_rate(self, requests: Requests, samples: int, seed: int) -> Interval:
        """Share of what they like next that stands in the first places."""
        expected = np.clip(_predicted(self.hit, requests), 0, 1)
        return _over(expected, requests, resampling.ratio, samples, seed)


def fit(reference: Reference, seed: int) -> Estimator:
    """Learn both from the reference."""
    described = _features(reference.requests)
    known = np.isfinite(reference.hit)
    return Estimator(
        squared_error=_fitted(described, reference.squared_error, seed),
        hit=_fitted(described[known], reference.hit[known], seed),
    )


def _fitted(described: Float64, target: Float64, seed: int) -> Any:
    model = HistGradientBoostingRegressor(
        max_iter=TREES, learning_rate=RATE, min_samples_leaf=LEAF, max_leaf_nodes=8, random_state=seed
    )
    return model.fit(described, target)


def _predicted(model: Any, requests: Requests) -> Float64:
    if len(requests) == 0:
        return np.empty(0)
    return np.asarray(model.predict(_features(requests)), dtype=np.float64)


def _features(requests: Requests) -> Float64:
    columns = (
        np.log2(1 + requests.history_length),
        requests.mean_rating,
        requests.rating_spread,
        requests.rating,
        requests.predicted_rating,
        requests.log_mass,
        requests.is_new_movie,
    )
    return np.stack(columns, axis=1).astype(np.float64)


def _over(
    expected: Float64, requests: Requests, statistic: resampling.Statistic, samples: int, seed: int
) -> Interval:
    columns = np.stack([expected, np.ones(len(expected))], axis=1)
    return resampling.interval(columns, requests.visitor, statistic, samples, seed)
