"""What may drift, and how far a window of requests is from the reference.

Each signal is shares over a few fixed bins, taken from the reference. Bins in an order are compared by
Wasserstein's distance, in the signal's own unit; categories by Jensen and Shannon's, 0 to 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.cluster.vq import kmeans2, vq
from scipy.spatial.distance import jensenshannon

from marquee.monitoring.evidence.requests import Requests
from marquee.pipeline.arrays import Bool, Float32, Float64, Int64

MOST_BINS = 24
CLUSTERS = 12
SECONDS_AN_HOUR, HOURS_A_DAY, HOURS_A_PART = 3600, 24, 3
A_WEEK = 7 * 86400.0
"""Seconds. Within a day or two, everybody asks at much the same hours: that is no drift."""


Values = Callable[[Requests], Float32]


@dataclass(frozen=True)
class Signal:
    """One thing that may drift.

    Attributes:
        name: in metrics and tables.
        unit: of its distance.
        values: one value per request, NaN where there is none; None for signals of their own making.
        least_seconds: that a window must last for the signal to be judged.
    """

    name: str
    unit: str
    values: Values | None = None
    least_seconds: float = 0.0


SIGNALS = (
    Signal("history_length", "doublings", lambda requests: np.log2(1 + requests.history_length)),
    Signal("rating", "stars", lambda requests: requests.rating),
    Signal("year", "years", lambda requests: requests.year),
    Signal("popularity", "doublings", lambda requests: requests.popularity),
    Signal("surprisal", "nats", lambda requests: requests.surprisal),
    Signal("predicted_rating", "stars", lambda requests: requests.predicted_rating),
    Signal("genres", "Jensen-Shannon"),
    Signal("hour", "Jensen-Shannon", least_seconds=A_WEEK),
    Signal("new_visitors", "Jensen-Shannon"),
    Signal("new_movies", "Jensen-Shannon"),
    Signal("query", "Jensen-Shannon"),
)
"""What was rated last stands for the history: of one visitor's requests each brings something new. Whether
retrieval expected it (surprisal) is all that tells that tastes changed while the movies stayed the same."""


@dataclass(frozen=True)
class Bins:
    """A signal's bins.

    Attributes:
        signal: whose.
        weights: requests -> (n, b) float32, what each request adds to each bin; a row sums to 1, or is 0
            where the request has no such thing.
        positions: (b,) float64 where the bins lie, in the signal's unit; None for categories.
    """

    signal: Signal
    weights: Callable[[Requests], Float32]
    positions: Float64 | None


def bins_of(reference: Requests, seed: int) -> list[Bins]:
    """The bins of every signal, taken from the reference; `seed` of the clusters of queries."""
    made: dict[str, Callable[[Requests], Float32]] = {
        "genres": lambda requests: requests.genres,
        "hour": _parts_of_day,
        "new_visitors": lambda requests: _two(requests.is_new_visitor.astype(np.float32)),
        "new_movies": lambda requests: _two(requests.is_new_movie),
        "query": partial(_clusters, centres=_centres(reference.query, seed)),
    }
    return [
        _ordered(signal, signal.values, reference) if signal.values else Bins(signal, made[signal.name], None)
        for signal in SIGNALS
    ]


def distances(bins: Bins, totals: Float64, reference: Float64) -> Float64:
    """(w,) how far each window is from the reference; 0 where a window says nothing.

    Args:
        bins: of the signal.
        totals: (w, b) summed weights of each window.
        reference: (b,) summed weights of the reference.
    """
    said = totals.sum(axis=1) > 0
    result = np.zeros(len(totals))
    if reference.sum() == 0 or not said.any():
        return result
    if bins.positions is None:
        result[said] = np.nan_to_num(jensenshannon(totals[said], reference[None, :], base=2, axis=1))
    else:
        result[said] = wasserstein(bins.positions, totals[said], reference)
    return result


def wasserstein(positions: Float64, totals: Float64, reference: Float64) -> Float64:
    """(w,) Wasserstein's distance of weights (w, b) at positions (b,) from others (b,).

    That is the area between the cumulative shares (Vallender 1974): scipy's `wasserstein_distance`, of many
    windows at once.
    """
    order = np.argsort(positions, kind="stable")
    shares = (totals / totals.sum(axis=1, keepdims=True))[:, order]
    apart = np.abs(np.cumsum(shares - (reference / reference.sum())[order], axis=1))[:, :-1]
    area: Float64 = apart @ np.diff(positions[order])
    return area


def _ordered(signal: Signal, values_of: Values, reference: Requests) -> Bins:
    values = values_of(reference)
    known = values[~np.isnan(values)].astype(np.float64)
    edges = (
        np.unique(np.quantile(known, np.linspace(0, 1, MOST_BINS + 1)[1:-1])) if len(known) else np.zeros(1)
    )
    inside = np.searchsorted(edges, known, side="left")
    counts = np.bincount(inside, minlength=len(edges) + 1)
    sums = np.bincount(inside, weights=known, minlength=len(edges) + 1)
    # A bin nobody of the reference is in lies at the edge before it.
    beside = edges[np.maximum(np.arange(len(edges) + 1) - 1, 0)]
    positions = np.where(counts > 0, sums / np.maximum(counts, 1), beside)
    return Bins(signal, partial(_into, values=values_of, edges=edges), positions)


def _into(requests: Requests, values: Values, edges: Float64) -> Float32:
    column = values(requests)
    known = ~np.isnan(column)
    return _one_hot(np.searchsorted(edges, column, side="left"), len(edges) + 1, known)


def _parts_of_day(requests: Requests) -> Float32:
    hour = (requests.time // SECONDS_AN_HOUR % HOURS_A_DAY).astype(np.int64)
    return _one_hot(hour // HOURS_A_PART, HOURS_A_DAY // HOURS_A_PART, np.ones(len(hour), dtype=bool))


def _two(share: Float32) -> Float32:
    known = ~np.isnan(share)
    filled = np.where(known, share, 0)
    return (np.stack([filled, 1 - filled], axis=1) * known[:, None]).astype(np.float32)


def _centres(query: Float32, seed: int) -> Float32:
    count = min(CLUSTERS, len(np.unique(query, axis=0)))
    centres, _ = kmeans2(query.astype(np.float64), count, minit="++", rng=np.random.default_rng(seed))
    return np.asarray(centres, dtype=np.float32)


def _clusters(requests: Requests, centres: Float32) -> Float32:
    if len(requests) == 0:
        return np.zeros((0, len(centres)), dtype=np.float32)
    nearest, _ = vq(requests.query, centres)
    return _one_hot(nearest, len(centres), np.ones(len(requests), dtype=bool))


def _one_hot(column: Int64, width: int, known: Bool) -> Float32:
    rows: Float32 = np.eye(width, dtype=np.float32)[column] * known[:, None]
    return rows
