"""From the ranks and lists of several recommenders on the same events to the metrics of stage 6."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from marquee.data.tables.interactions import Interactions
from marquee.evaluation.measures import intervals, metrics
from marquee.evaluation.measures.report import HIT_K, LIST_K, Asked, Numbers, ReportError, list_metrics
from marquee.pipeline.arrays import Bool, Floats, Int32

Measure = Callable[[Int32], Floats | Bool]

MEASURES: dict[str, Measure] = {
    f"hit_rate_at_{LIST_K}": lambda ranks: metrics.in_top_k(ranks, LIST_K),
    f"ndcg_at_{LIST_K}": lambda ranks: metrics.single_target_ndcg(ranks, LIST_K),
    "mrr": metrics.reciprocal_ranks,
    f"top_{HIT_K}_accuracy": lambda ranks: metrics.in_top_k(ranks, HIT_K),
}
"""One value an event from the rank of its movie; `metrics.REMOVED` where the list does not hold it."""


def recommender_metrics(
    ranks: Mapping[str, Int32],
    asked: Asked,
    compared: Mapping[str, Sequence[str]],
    samples: int,
    seed: int,
) -> Numbers:
    """Every measure of every model with its interval, and paired differences.

    Args:
        ranks: model -> (e,) rank of each event's movie in the model's list.
        asked: the same events, all positive.
        compared: model -> the models it is compared with, event by event.
        samples: bootstrap draws.
        seed: of the draws.

    Returns:
        `events`, and under each model the measures over events with a history, `no_history` with those
        over the others, and `minus_<other>` with the paired differences, above 0 better.
    """
    for name, rank in ranks.items():
        if len(rank) != len(asked):
            raise ReportError(
                f"{name} must answer each of the {len(asked)} events once; it answered {len(rank)}. "
                "Score the same events with every model."
            )
    with_history = asked.history_length > 0
    answered = asked.only(with_history)
    values = {name: {measure: of(rank) for measure, of in MEASURES.items()} for name, rank in ranks.items()}
    result: Numbers = {
        "events": {
            "positive_events": len(answered),
            "users": len(np.unique(answered.users)),
            "no_history": len(asked) - len(answered),
        }
    }
    for name, measured in values.items():
        result[name] = {"no_history": {m: _mean(v[~with_history]) for m, v in measured.items()}}
        for measure, value in measured.items():
            interval = intervals.mean(value[with_history], answered.users, samples, seed)
            result[name] |= interval.named(measure)
    for name, others in compared.items():
        for other in others:
            result[name][f"minus_{other}"] = _differences(
                values[name], values[other], with_history, answered, samples, seed
            )
    return result


def with_list_metrics(numbers: Numbers, lists: Mapping[str, Int32], fitted: Interactions) -> Numbers:
    """The same numbers and, under each model, coverage and novelty of its lists, one list a person."""
    return {
        name: entry | list_metrics(lists[name], fitted) if name in lists else entry
        for name, entry in numbers.items()
    }


def _differences(
    values: Mapping[str, Any],
    others: Mapping[str, Any],
    with_history: Bool,
    answered: Asked,
    samples: int,
    seed: int,
) -> Numbers:
    result: Numbers = {}
    for measure, value in values.items():
        paired = intervals.mean_difference(
            value[with_history], others[measure][with_history], answered.users, samples, seed
        )
        result |= paired.named(measure)
    return result


def _mean(values: Floats | Bool) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
