"""From ranks and predicted ratings of several models on the same events to the metrics we publish."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from marquee.data.tables.interactions import Interactions
from marquee.evaluation.measures import intervals, metrics
from marquee.evaluation.measures.events import Events
from marquee.pipeline.arrays import Bool, Float32, Floats, Int32, Int64

HIT_K = 100
LIST_K = 10
ALSO_COMPARED = {"popularity", "gradient_boosting_plain"}
"""Baselines that models are compared with beside the best one, where they were measured."""

Numbers = dict[str, Any]


class ReportError(ValueError):
    """What a model returned does not fit the events it was asked."""


@dataclass(frozen=True)
class Asked:
    """What is known about the events a model was asked, columns of length e.

    Attributes:
        users: int32 who.
        ratings: float32 stars.
        positive: whether the rating is at or above positive_rating.
        history_length: int64 interactions strictly before the event; 0 is reported apart.
        popularity: int64 ratings of the event's movie in the fitted period; 0 is a cold movie.
    """

    users: Int32
    ratings: Float32
    positive: Bool
    history_length: Int64
    popularity: Int64

    def __len__(self) -> int:
        return len(self.users)

    def only(self, keep: Bool) -> "Asked":
        """The events where `keep` is true."""
        return Asked(
            self.users[keep],
            self.ratings[keep],
            self.positive[keep],
            self.history_length[keep],
            self.popularity[keep],
        )


def describe(
    interactions: Interactions, fitted: Interactions, events: Events, positive_rating: float
) -> Asked:
    """Look the events up in the table they come from and in what the models were fitted on."""
    ratings = interactions.rating[events.rows]
    counts = np.bincount(fitted.movie_index, minlength=interactions.num_movies).astype(np.int64)
    return Asked(
        users=interactions.user_index[events.rows],
        ratings=ratings,
        positive=ratings >= positive_rating,
        history_length=events.history_end - events.history_start,
        popularity=counts[interactions.movie_index[events.rows]],
    )


def retrieval_metrics(
    ranks: Mapping[str, Int32], asked: Asked, baselines: Sequence[str], samples: int, seed: int
) -> Numbers:
    """Top-k metrics of every model, nested by model, and the counts of events beside them.

    Args:
        ranks: model -> (e,) rank of each event's movie (`ranks.rank_events`).
        asked: the same events; those that are not positive are left out here.
        baselines: which models the others are compared with, pair by pair.
        samples: bootstrap draws.
        seed: of the draws.

    Returns:
        `events` and one entry a model. Under `<model>`: top_100_accuracy with interval, by user, on warm
        and cold movies, without a history; hit_rate_at_10, ndcg_at_10 and mrr of lists with a single
        relevant movie; for those that are no baseline, `minus_best_baseline` and, where it was measured,
        `minus_popularity`, paired, with interval.
    """
    _check(ranks, len(asked), baselines)
    with_history, positive = asked.history_length > 0, asked.positive
    answered = asked.only(positive & with_history)
    kept = {name: rank[positive & with_history] for name, rank in ranks.items()}
    result: Numbers = {"events": _retrieval_counts(asked, answered)}
    for name, rank in kept.items():
        result[name] = _rank_metrics(rank, answered, samples, seed)
        without = ranks[name][positive & ~with_history]
        result[name]["top_100_accuracy_no_history"] = _mean(metrics.in_top_k(without, HIT_K))
    hits = {name: metrics.in_top_k(rank, HIT_K) for name, rank in kept.items()}
    best = _best(baselines, lambda name: -result[name]["top_100_accuracy"])
    for name in _models(ranks, baselines) if len(answered) else ():
        for other in sorted(ALSO_COMPARED & set(baselines) | ({best} if best else set())):
            paired = intervals.mean_difference(hits[name], hits[other], answered.users, samples, seed)
            _compare(result[name], paired, other, best)
    return result


def rating_metrics(
    predicted: Mapping[str, Float32], asked: Asked, baselines: Sequence[str], samples: int, seed: int
) -> Numbers:
    """Errors and orderings of every model's predicted ratings, nested by model.

    Args:
        predicted: model -> (e,) predicted rating in stars.
        asked: the same events, whatever their rating.
        baselines: which models the others are compared with, pair by pair.
        samples: bootstrap draws.
        seed: of the draws.

    Returns:
        `events` and one entry a model. Under `<model>`: rmse with interval, rmse_by_user, without a
        history; auc, ndcg_at_10 and mrr as means over users of the movies they rated in the period; for
        those that are no baseline `minus_best_baseline` and, where it was measured,
        `minus_gradient_boosting_plain`, paired, with interval: below 0 is better.
    """
    _check(predicted, len(asked), baselines)
    with_history = asked.history_length > 0
    answered, apart = asked.only(with_history), asked.only(~with_history)
    kept = {name: values[with_history] for name, values in predicted.items()}
    result: Numbers = {"events": _rating_counts(asked, answered)}
    errors = {name: metrics.squared_errors(values, answered.ratings) for name, values in kept.items()}
    for name, values in kept.items():
        result[name] = intervals.rmse(errors[name], answered.users, samples, seed).named("rmse")
        result[name] |= _order_metrics(values, answered)
        result[name]["rmse_no_history"] = metrics.rmse(predicted[name][~with_history], apart.ratings)
    best = _best(baselines, lambda name: result[name]["rmse"])
    for name in _models(predicted, baselines) if len(answered) else ():
        for other in sorted(ALSO_COMPARED & set(baselines) | ({best} if best else set())):
            paired = intervals.rmse_difference(errors[name], errors[other], answered.users, samples, seed)
            _compare(result[name], paired, other, best)
    return result


def with_share_of_oracle(numbers: Numbers, metric: str) -> Numbers:
    """The same numbers and, where an oracle was measured, each model's share of what it reaches."""
    reached = numbers.get("oracle", {}).get(metric, 0.0)
    if not reached:
        return numbers
    return {
        name: entry | {"share_of_oracle": entry[metric] / reached} if metric in entry else entry
        for name, entry in numbers.items()
    }


def list_metrics(lists: Int32, fitted: Interactions) -> Numbers:
    """Catalogue coverage and novelty of the lists that one model gives.

    Args:
        lists: (e, k) movie indices (`ranks.list_events`), one list a person; -1 where one is shorter.
        fitted: the interactions of the fitted periods, for how well known each movie is.
    """
    pairs = np.unique(fitted.user_index.astype(np.int64) * fitted.num_movies + fitted.movie_index)
    raters = np.bincount(pairs % fitted.num_movies, minlength=fitted.num_movies)
    novelty = metrics.novelty(lists, raters, len(np.unique(fitted.user_index)))
    return {
        "coverage": metrics.coverage(lists, fitted.num_movies),
        "novelty": _mean(novelty[np.isfinite(novelty)]),
    }


def _rank_metrics(ranks: Int32, asked: Asked, samples: int, seed: int) -> Numbers:
    hits, warm = metrics.in_top_k(ranks, HIT_K), asked.popularity > 0
    return intervals.mean(hits, asked.users, samples, seed).named("top_100_accuracy") | {
        "top_100_accuracy_by_user": _mean(metrics.user_means(hits, asked.users).values),
        "top_100_accuracy_warm": _mean(hits[warm]),
        "top_100_accuracy_cold": _mean(hits[~warm]),
        "hit_rate_at_10": _mean(metrics.in_top_k(ranks, LIST_K)),
        "ndcg_at_10": _mean(metrics.single_target_ndcg(ranks, LIST_K)),
        "mrr": _mean(metrics.reciprocal_ranks(ranks)),
    }


def _order_metrics(predicted: Float32, asked: Asked) -> Numbers:
    """Means over users of how well each user's rated movies are ordered."""
    return {
        "rmse_by_user": _mean(metrics.user_rmse(predicted, asked.ratings, asked.users).values),
        "auc": _mean(metrics.user_auc(predicted, asked.positive, asked.users).values),
        "ndcg_at_10": _mean(metrics.user_ndcg(predicted, asked.ratings, asked.users, LIST_K).values),
        "mrr": _mean(metrics.user_mrr(predicted, asked.positive, asked.users).values),
    }


def _retrieval_counts(asked: Asked, answered: Asked) -> Numbers:
    return {
        "positive_events": len(answered),
        "users": len(np.unique(answered.users)),
        "cold_share": _mean(answered.popularity == 0),
        "no_history": int(np.count_nonzero(asked.positive & (asked.history_length == 0))),
    }


def _rating_counts(asked: Asked, answered: Asked) -> Numbers:
    return {
        "rated_events": len(answered),
        "users": len(np.unique(answered.users)),
        "cold_share": _mean(answered.popularity == 0),
        "no_history": len(asked) - len(answered),
    }


def _compare(entry: Numbers, paired: intervals.Interval, other: str, best: str | None) -> None:
    if other == best:
        entry |= paired.named("minus_best_baseline") | {"best_baseline": other}
    if other in ALSO_COMPARED:
        entry |= paired.named(f"minus_{other}")


def _models(results: Iterable[str], baselines: Sequence[str]) -> list[str]:
    return [name for name in results if name not in baselines]


def _best(baselines: Sequence[str], worse: Any) -> str | None:
    return min(baselines, key=worse, default=None)


def _mean(values: Floats | Bool) -> float:
    """The mean, NaN (null in JSON) of nothing."""
    return float(np.mean(values)) if len(values) else float("nan")


def _check(results: Mapping[str, Int32 | Float32], events: int, baselines: Sequence[str]) -> None:
    missing = [name for name in baselines if name not in results]
    if missing:
        raise ReportError(f"Baseline {', '.join(missing)} was not measured. Known: {', '.join(results)}.")
    for name, values in results.items():
        if len(values) != events:
            raise ReportError(
                f"{name} must answer each of the {events} events once; it answered {len(values)}. "
                "Score the same events with every model."
            )
        broken = int(np.count_nonzero(~np.isfinite(values)))
        if broken:
            raise ReportError(
                f"{name} predicted {broken} of {events} values that are not finite. "
                "The model has diverged: lower its learning rate."
            )
