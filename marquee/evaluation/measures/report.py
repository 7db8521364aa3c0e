"""From ranks and predicted ratings of several models on the same events to the scores we publish."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from marquee.data.tables.interactions import Interactions
from marquee.evaluation.measures import intervals, metrics
from marquee.evaluation.measures.events import Events
from marquee.evaluation.measures.rank_metrics import LIST_K, RANK_METRICS
from marquee.pipeline.arrays import Bool, Float32, Float64, Floats, Int32, Int64
from marquee.pipeline.scores import EVERYTHING, Score, counts

NO_HISTORY = "no_history"
"""The group of events without a history, which no headline holds."""


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

    @property
    def has_history(self) -> Bool:
        """(e,) whether the person did anything before the event."""
        return self.history_length > 0

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


@dataclass(frozen=True)
class Headline:
    """The number that stands for an evaluation.

    Attributes:
        metric: of all that were measured.
        model: ours.
        baselines: the gain is over the best of them.
        higher_is_better: false for errors.
    """

    metric: str
    model: str
    baselines: Sequence[str]
    higher_is_better: bool = True

    def shown(self, scores: Iterable[Score]) -> dict[str, float]:
        """The metric, and the gain over the best baseline with the lower end of its interval.

        A gain is a paired difference turned so that above 0 is better, whatever the metric.
        """
        of = {(score.model, score.group): score for score in scores if score.metric == self.metric}
        sign = 1.0 if self.higher_is_better else -1.0
        best = max(self.baselines, key=lambda name: sign * of[name, EVERYTHING].value)
        paired = of[self.model, minus(best)]
        least = paired.low if self.higher_is_better else paired.high
        return {
            self.metric: of[self.model, EVERYTHING].value,
            "gain": sign * paired.value,
            "gain_low": float("nan") if least is None else sign * least,
        }

    def compared(self, scores: Iterable[Score]) -> list[Score]:
        """The rows that people compare: every model by the headline, its differences, and the counts."""
        return [
            score
            for score in scores
            if not score.model
            or (
                score.metric == self.metric
                and (score.group == EVERYTHING or score.group.startswith(minus("")))
            )
        ]


def minus(other: str) -> str:
    """The group of paired differences to another model."""
    return f"minus_{other}"


def rank_scores(
    ranks: Mapping[str, Int32], asked: Asked, baselines: Sequence[str], samples: int, seed: int
) -> list[Score]:
    """Every metric of ranks of every model, and the counts of events before them.

    Args:
        ranks: model -> (e,) rank of each event's movie (`ranks.rank_events`).
        asked: the same events; those that are not positive are left out here.
        baselines: models that each of the others is compared with, pair by pair.
        samples: bootstrap draws.
        seed: of the draws.

    Returns:
        rows over positive events with a history, with interval; by user (mean of people's means), on warm and
        on cold movies; without a history; and, for those that are no baseline, `minus_<baseline>`, paired,
        with interval: above 0 is better.
    """
    _check(ranks, len(asked), baselines)
    answered = asked.only(asked.positive & asked.has_history)
    apart = asked.positive & ~asked.has_history
    result = _counts("positive_events", answered, int(np.count_nonzero(apart)))
    values = {(name, metric.name): metric.of(rank) for name, rank in ranks.items() for metric in RANK_METRICS}
    kept = {key: value[asked.positive & asked.has_history] for key, value in values.items()}
    for (name, metric), value in kept.items():
        result.append(intervals.mean(value, answered.users, samples, seed).score(metric, name))
        result += _parts_of_ranks(name, metric, value, answered)
        result.append(Score(metric, _mean(values[name, metric][apart]), name, NO_HISTORY))
        for other in baselines if name not in baselines else ():
            paired = intervals.mean_difference(value, kept[other, metric], answered.users, samples, seed)
            result.append(paired.score(metric, name, minus(other)))
    return result


def rating_scores(
    predicted: Mapping[str, Float32], asked: Asked, baselines: Sequence[str], samples: int, seed: int
) -> list[Score]:
    """Errors and orderings of every model's predicted ratings, and the counts of events before them.

    Args:
        predicted: model -> (e,) predicted rating in stars.
        asked: the same events, whatever their rating.
        baselines: models that each of the others is compared with, pair by pair.
        samples: bootstrap draws.
        seed: of the draws.

    Returns:
        rows: rmse over events with a history, with interval; by user (mean of people's own) and without a
        history; auc, ndcg_at_10 and mrr as means over users of the movies they rated in the period; and, for
        those that are no baseline, rmse `minus_<baseline>`, paired, with interval: below 0 is better.
    """
    _check(predicted, len(asked), baselines)
    answered, apart = asked.only(asked.has_history), asked.only(~asked.has_history)
    result = _counts("rated_events", answered, len(apart))
    kept = {name: values[asked.has_history] for name, values in predicted.items()}
    errors = {name: metrics.squared_errors(values, answered.ratings) for name, values in kept.items()}
    for name, values in kept.items():
        result.append(intervals.rmse(errors[name], answered.users, samples, seed).score("rmse", name))
        result += _orderings(name, values, answered)
        without = metrics.rmse(predicted[name][~asked.has_history], apart.ratings)
        result.append(Score("rmse", without, name, NO_HISTORY))
        for other in baselines if name not in baselines else ():
            paired = intervals.rmse_difference(errors[name], errors[other], answered.users, samples, seed)
            result.append(paired.score("rmse", name, minus(other)))
    return result


def values_of(scores: Iterable[Score], metric: str) -> dict[str, float]:
    """model -> its value of a metric over all events."""
    return {
        score.model: score.value
        for score in scores
        if score.metric == metric and score.group == EVERYTHING and score.model
    }


def shares_of_oracle(scores: Iterable[Score], metric: str) -> list[Score]:
    """Each model's share of what the oracle reaches; nothing where no oracle was measured."""
    values = values_of(scores, metric)
    reached = values.get("oracle", 0.0)
    return [Score("share_of_oracle", value / reached, name) for name, value in values.items() if reached]


def list_scores(lists: Mapping[str, Int32], fitted: Interactions) -> list[Score]:
    """Catalogue coverage and novelty of the lists that models give.

    Args:
        lists: model -> (e, k) movie indices (`ranks.list_events`), one list per person; -1 where one is
            shorter.
        fitted: the interactions of the fitted periods, for how well known each movie is.
    """
    pairs = np.unique(fitted.user_index.astype(np.int64) * fitted.num_movies + fitted.movie_index)
    raters = np.bincount(pairs % fitted.num_movies, minlength=fitted.num_movies)
    num_users = len(np.unique(fitted.user_index))
    result = []
    for name, shown in lists.items():
        novelty = metrics.novelty(shown, raters, num_users)
        result.append(Score("coverage", metrics.coverage(shown, fitted.num_movies), name))
        result.append(Score("novelty", _mean(novelty[np.isfinite(novelty)]), name))
    return result


def _parts_of_ranks(name: str, metric: str, value: Float64, answered: Asked) -> list[Score]:
    warm = answered.popularity > 0
    return [
        Score(metric, _mean(metrics.user_means(value, answered.users).values), name, "by_user"),
        Score(metric, _mean(value[warm]), name, "warm"),
        Score(metric, _mean(value[~warm]), name, "cold"),
    ]


def _orderings(name: str, predicted: Float32, asked: Asked) -> list[Score]:
    """Means over users: of their own RMSE, and of how well their rated movies are ordered."""
    by_user = metrics.user_rmse(predicted, asked.ratings, asked.users)
    measured = {
        "auc": metrics.user_auc(predicted, asked.positive, asked.users),
        f"ndcg_at_{LIST_K}": metrics.user_ndcg(predicted, asked.ratings, asked.users, LIST_K),
        "mrr": metrics.user_mrr(predicted, asked.positive, asked.users),
    }
    orderings = counts({metric: _mean(found.values) for metric, found in measured.items()}, name)
    return [Score("rmse", _mean(by_user.values), name, "by_user"), *orderings]


def _counts(events: str, answered: Asked, without_history: int) -> list[Score]:
    found = {
        events: len(answered),
        "users": len(np.unique(answered.users)),
        "cold_share": _mean(answered.popularity == 0),
    }
    return [*counts(found), Score(events, without_history, group=NO_HISTORY)]


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
