"""Errors and orderings of predicted ratings, facts of lists: one value per event or user; callers average.

House rule for ties: equal scores count against the model, in every NDCG and MRR here. AUC alone counts a tie
as half a win, which is its definition. What is read off a rank is in `rank_metrics.py`.
"""

from typing import NamedTuple

import numpy as np

from marquee.pipeline.arrays import Bool, Float64, Floats, Int32, Int64, Integers


class PerUser(NamedTuple):
    """One value per user.

    Attributes:
        users: (u,) sorted user indices; users for whom the metric is not defined are left out.
        values: (u,) float64.
    """

    users: Integers
    values: Float64


def user_means(values: Floats | Bool, users: Integers) -> PerUser:
    """Mean of an event-level value for each user."""
    unique, group, counts = np.unique(users, return_inverse=True, return_counts=True)
    return PerUser(unique, np.bincount(group, weights=values, minlength=len(unique)) / counts)


def squared_errors(predicted: Floats, observed: Floats) -> Float64:
    """(e,) squared errors in stars squared; the root of their mean is the RMSE."""
    return np.square(predicted.astype(np.float64) - observed)


def rmse(predicted: Floats, observed: Floats) -> float:
    """Root mean squared error over events, in stars; NaN where there is none."""
    if len(predicted) == 0:
        return float("nan")
    return float(np.sqrt(squared_errors(predicted, observed).mean()))


def user_rmse(predicted: Floats, observed: Floats, users: Integers) -> PerUser:
    """Each user's own RMSE, in stars."""
    means = user_means(squared_errors(predicted, observed), users)
    return PerUser(means.users, np.sqrt(means.values))


def user_auc(scores: Floats, positive: Bool, users: Integers) -> PerUser:
    """Exact area under the ROC curve over each user's movies, by midranks (Mann-Whitney).

    Users with only positives or only others are left out: there is nothing to tell apart.
    """
    unique, group = np.unique(users, return_inverse=True)
    order = np.lexsort((scores, group))
    ranks = np.empty(len(scores))
    ranks[order] = _midranks(scores[order], group[order])
    num_positive = np.bincount(group, weights=positive, minlength=len(unique))
    num_other = np.bincount(group, weights=~positive, minlength=len(unique))
    rank_sum = np.bincount(group, weights=ranks * positive, minlength=len(unique))
    defined = (num_positive > 0) & (num_other > 0)
    wins = rank_sum - num_positive * (num_positive + 1) / 2
    return PerUser(unique[defined], wins[defined] / (num_positive * num_other)[defined])


def _midranks(scores: Floats, group: Int64) -> Float64:
    """Rank within the group, 1 for the lowest score, ties sharing their mean; rows are sorted so."""
    count = len(scores)
    new_group = np.ones(count, dtype=bool)
    new_group[1:] = group[1:] != group[:-1]
    new_tie = new_group.copy()
    new_tie[1:] |= scores[1:] != scores[:-1]
    tie = np.cumsum(new_tie) - 1
    first = np.flatnonzero(new_tie)
    last = np.append(first[1:], count) - 1
    group_start = np.maximum.accumulate(np.where(new_group, np.arange(count), 0))
    middle: Float64 = ((first + last) / 2)[tie] - group_start + 1
    return middle


def user_ndcg(scores: Floats, ratings: Floats, users: Integers, k: int) -> PerUser:
    """NDCG@k of each user's rated movies put in order by score.

    Gain 2^rating - 1 with the rating in stars, discount 1 / log2(1 + position) (Burges et al. 2005).
    Among equal scores the lower rating comes first. Users with a single movie are left out: there is
    no order to judge.
    """
    unique, group = np.unique(users, return_inverse=True)
    gains = np.exp2(ratings.astype(np.float64)) - 1
    reached = _discounted(gains, group, np.lexsort((gains, -scores, group)), k)
    best = _discounted(gains, group, np.lexsort((-gains, group)), k)
    several = np.bincount(group, minlength=len(unique)) > 1
    return PerUser(unique[several], (reached[several] / best[several]))


def _discounted(gains: Float64, group: Int64, order: Int64, k: int) -> Float64:
    """DCG@k of each group, its rows taken in `order` (sorted by group)."""
    position = _positions(group[order])
    discount = np.where(position <= k, 1 / np.log2(1.0 + position), 0.0)
    return np.bincount(group[order], weights=gains[order] * discount).astype(np.float64)


def _positions(sorted_group: Int64) -> Int64:
    """1, 2, 3 ... within each run of equal values."""
    first = np.searchsorted(sorted_group, sorted_group)
    return np.arange(1, len(sorted_group) + 1) - first


def user_mrr(scores: Floats, positive: Bool, users: Integers) -> PerUser:
    """1 / position of the first positive movie when each user's rated movies are ordered by score.

    Among equal scores the others come first. Users without a positive and users with a single movie are
    left out.
    """
    unique, group = np.unique(users, return_inverse=True)
    order = np.lexsort((positive, -scores, group))
    position = _positions(group[order])
    ordered_positive = positive[order]
    with_positive, first = np.unique(group[order][ordered_positive], return_index=True)
    values = 1.0 / position[ordered_positive][first]
    several = np.bincount(group, minlength=len(unique))[with_positive] > 1
    return PerUser(unique[with_positive[several]], values[several])


def coverage(recommended: Int32, num_movies: int) -> float:
    """Share of the catalogue that is in at least one list.

    Args:
        recommended: (e, k) movie indices; -1 where a list is shorter.
        num_movies: size of the whole catalogue.
    """
    return len(np.unique(recommended[recommended >= 0])) / num_movies


def novelty(recommended: Int32, raters: Integers, num_users: int) -> Float64:
    """(e,) mean self-information of each list's movies, in bits (Zhou et al. 2010).

    -log2 of the share of people who had rated the movie; one person is added above and below the line,
    so that a movie nobody has rated is finite: log2(num_users + 1). An empty list is NaN.

    Args:
        recommended: (e, k) movie indices; -1 where a list is shorter.
        raters: (num_movies,) people who rated each movie in the fitted period.
        num_users: people in the fitted period.
    """
    bits = -np.log2((raters + 1.0) / (num_users + 1.0))
    filled = recommended >= 0
    total = np.where(filled, bits[recommended], 0.0).sum(axis=1)
    lengths = filled.sum(axis=1)
    return np.where(lengths > 0, total / np.maximum(lengths, 1), np.nan)
