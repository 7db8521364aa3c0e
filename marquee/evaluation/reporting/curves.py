"""Tidy tables behind the plots: accuracy by k, history and popularity; calibration and residuals."""

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from marquee.evaluation.measures.rank_metrics import HIT_K, in_top_k
from marquee.evaluation.measures.report import Asked
from marquee.pipeline.arrays import Bool, Float32, Int32, Int64
from marquee.pipeline.files import write_text

MAX_K = 500
"""The longest list that accuracy is drawn for."""
HISTORY_EDGES = (1, 5, 20, 50, 100, 200, 500, 1000)
"""Where buckets of histories begin, in interactions."""
POPULARITY_EDGES = (0, 1, 5, 20, 50, 100, 1000, 10_000)
"""Where buckets of movies begin, in ratings of the fitted period; the first are cold movies."""
CALIBRATION_BIN = 0.25
"""Stars."""
RESIDUAL_BIN = 0.5
"""Stars: ratings are given in halves of them."""


def retrieval_curves(ranks: Mapping[str, Int32], asked: Asked) -> dict[str, pd.DataFrame]:
    """Where the hits are, over positive events with a history, one row per model and bucket.

    Args:
        ranks: model -> (e,) ranks.
        asked: the same events.

    Returns:
        `accuracy_by_k` (model, k, accuracy), `accuracy_by_history` and `accuracy_by_popularity`
        (model, bucket, events, accuracy; top-100 accuracy).
    """
    keep = asked.positive & (asked.history_length > 0)
    asked, ranks = asked.only(keep), {name: rank[keep] for name, rank in ranks.items()}
    hits = {name: in_top_k(rank, HIT_K) for name, rank in ranks.items()}
    return {
        "accuracy_by_k": _by_k(ranks),
        "accuracy_by_history": _by_bucket(hits, asked.history_length, HISTORY_EDGES),
        "accuracy_by_popularity": _by_bucket(hits, asked.popularity, POPULARITY_EDGES),
    }


def rating_curves(predicted: Mapping[str, Float32], asked: Asked) -> dict[str, pd.DataFrame]:
    """How predicted ratings lie beside the given ones, over events with a history.

    Args:
        predicted: model -> (e,) stars.
        asked: the same events.

    Returns:
        `calibration` (model, bin, events, predicted, observed: means within bins of predicted stars) and
        `residuals` (model, residual, share: observed minus predicted, bins of half a star,
        what lies beyond 5 stars in the last).
    """
    keep = asked.history_length > 0
    predicted = {name: values[keep] for name, values in predicted.items()}
    observed = asked.ratings[keep]
    return {
        "calibration": _stack([_calibration(name, values, observed) for name, values in predicted.items()]),
        "residuals": _stack([_residuals(name, values, observed) for name, values in predicted.items()]),
    }


def write(curves: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write each table as `<name>.csv`."""
    for name, frame in curves.items():
        write_text(
            folder / f"{name}.csv", frame.to_csv(index=False, float_format="%.6f", lineterminator="\n")
        )


def bucket_labels(edges: tuple[int, ...]) -> list[str]:
    """Readable names of [edge, next edge): "0", "1-4", ... "1000+"."""
    spans = itertools.pairwise(edges)
    labels = [str(low) if high - low == 1 else f"{low}-{high - 1}" for low, high in spans]
    return [*labels, f"{edges[-1]}+"]


def _by_k(ranks: Mapping[str, Int32]) -> pd.DataFrame:
    # Every k up to 10, then evenly on a logarithmic axis: what a plot can show.
    ks = np.unique(np.concatenate([np.arange(1, 11), [HIT_K], np.geomspace(10, MAX_K, 40).round()])).astype(
        int
    )
    rows = [
        pd.DataFrame(
            {"model": name, "k": ks, "accuracy": np.searchsorted(np.sort(rank), ks, "right") / len(rank)}
        )
        for name, rank in ranks.items()
        if len(rank)
    ]
    return _stack(rows, ["model", "k", "accuracy"])


def _by_bucket(hits: Mapping[str, Bool], values: Int64, edges: tuple[int, ...]) -> pd.DataFrame:
    bucket = np.searchsorted(edges, values, side="right") - 1
    events = np.bincount(bucket, minlength=len(edges))
    filled = events > 0
    labels = np.array(bucket_labels(edges), dtype=object)[filled]
    rows = [
        pd.DataFrame(
            {
                "model": name,
                "bucket": labels,
                "events": events[filled],
                "accuracy": np.bincount(bucket, weights=hit, minlength=len(edges))[filled] / events[filled],
            }
        )
        for name, hit in hits.items()
    ]
    return _stack(rows, ["model", "bucket", "events", "accuracy"])


def _calibration(name: str, predicted: Float32, observed: Float32) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "bin": np.round(predicted / CALIBRATION_BIN) * CALIBRATION_BIN,
            "predicted": predicted,
            "observed": observed,
        }
    )
    grouped = frame.astype("float64").groupby("bin")
    table = grouped.mean().assign(events=grouped.size()).reset_index()
    table.insert(0, "model", name)
    return table[["model", "bin", "events", "predicted", "observed"]]


def _residuals(name: str, predicted: Float32, observed: Float32) -> pd.DataFrame:
    steps = np.round((observed.astype(np.float64) - predicted) / RESIDUAL_BIN).astype(int)
    middle = round(5.0 / RESIDUAL_BIN)
    counts = np.bincount(np.clip(steps + middle, 0, 2 * middle), minlength=2 * middle + 1)
    residual = (np.arange(len(counts)) - middle) * RESIDUAL_BIN
    return pd.DataFrame({"model": name, "residual": residual, "share": counts / max(1, len(predicted))})


def _stack(frames: list[pd.DataFrame], columns: list[str] | None = None) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
