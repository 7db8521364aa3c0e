"""Ranks and what is read off them, against numbers worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.evaluation.measures import rank_metrics
from marquee.evaluation.measures.rank_metrics import RANK_METRICS

NOTHING_SEEN = (np.array([], dtype=np.int64), np.array([], dtype=np.int64))


def scores_of(*rows):
    return np.array(rows, dtype=np.float32)


def test_a_rank_counts_the_movies_that_score_more():
    scores = scores_of([0.1, 0.9, 0.5, 0.7])
    assert rank_metrics.target_ranks(scores, np.array([2]), NOTHING_SEEN).tolist() == [3]


def test_ties_count_against_the_model():
    # Three movies share the best score: whichever of them is the target comes third.
    scores = scores_of([0.9, 0.9, 0.9, 0.1])
    ranks = rank_metrics.target_ranks(np.repeat(scores, 3, axis=0), np.array([0, 1, 2]), NOTHING_SEEN)
    assert ranks.tolist() == [3, 3, 3]
    assert rank_metrics.in_top_k(ranks, 2).tolist() == [False, False, False]


def test_seen_movies_do_not_stand_before_the_target_even_when_named_twice():
    scores = scores_of([0.9, 0.8, 0.7, 0.6], [0.9, 0.8, 0.7, 0.6])
    seen = (np.array([0, 0, 0]), np.array([0, 1, 0]))
    assert rank_metrics.target_ranks(scores, np.array([2, 2]), seen).tolist() == [1, 3]
    assert scores.tolist() == scores_of([0.9, 0.8, 0.7, 0.6], [0.9, 0.8, 0.7, 0.6]).tolist()


def test_a_target_seen_before_was_removed_and_is_in_no_list():
    ranks = rank_metrics.target_ranks(scores_of([0.9, 0.1]), np.array([0]), (np.array([0]), np.array([0])))
    assert ranks.tolist() == [rank_metrics.REMOVED]
    assert not rank_metrics.in_top_k(ranks, 100).any()
    assert rank_metrics.reciprocal_ranks(ranks).tolist() == [0.0]


def test_scores_that_are_not_numbers_never_help():
    nan = float("nan")
    ranks = rank_metrics.target_ranks(
        scores_of([nan, nan, nan], [0.5, nan, 0.4]), np.array([0, 0]), NOTHING_SEEN
    )
    assert ranks.tolist() == [3, 2]


@given(st.integers(1, 12), st.randoms(use_true_random=False), st.data())
def test_ranks_stay_within_the_unseen_catalogue(num_movies, random, data):
    scores = scores_of([random.choice([0.0, 0.5, 1.0]) for _ in range(num_movies)])
    target = data.draw(st.integers(0, num_movies - 1))
    others = [movie for movie in range(num_movies) if movie != target]
    seen = random.sample(others, random.randint(0, len(others)))
    pairs = (np.zeros(len(seen), dtype=np.int64), np.array(seen, dtype=np.int64))
    (rank,) = rank_metrics.target_ranks(scores, np.array([target]), pairs)
    assert 1 <= rank <= num_movies - len(seen)


@given(st.integers(2, 10), st.randoms(use_true_random=False))
def test_the_order_of_the_catalogue_does_not_matter(num_movies, random):
    scores = scores_of([random.choice([0.0, 0.5, 1.0]) for _ in range(num_movies)])
    order = np.array(random.sample(range(num_movies), num_movies))
    seen = (np.array([0]), np.array([1]))
    moved = (np.array([0]), np.flatnonzero(order == 1))
    before = rank_metrics.target_ranks(scores, np.array([0]), seen)
    after = rank_metrics.target_ranks(scores[:, order], np.flatnonzero(order == 0), moved)
    assert before.tolist() == after.tolist()


def test_a_single_target_is_discounted_by_its_rank():
    ranks = np.array([1, 3, 10, 11], dtype=np.int32)
    # 1 / log2(2), 1 / log2(4), 1 / log2(11), nothing beyond ten.
    expected = [1.0, 0.5, 1 / math.log2(11), 0.0]
    assert rank_metrics.single_target_ndcg(ranks, 10) == pytest.approx(expected)
    assert rank_metrics.reciprocal_ranks(ranks) == pytest.approx([1, 1 / 3, 0.1, 1 / 11])


def test_the_table_has_each_metric_once_under_its_own_name():
    names = [metric.name for metric in RANK_METRICS]
    assert names == ["top_100_accuracy", "hit_rate_at_10", "ndcg_at_10", "ndcg_at_100", "mrr"]
    assert [metric.k for metric in RANK_METRICS] == [100, 10, 10, 100, None]


def test_every_metric_of_the_table_has_its_mean_over_events():
    ranks = np.array([1, 3, 50, rank_metrics.REMOVED], dtype=np.int32)
    means = {metric.name: metric.mean(ranks) for metric in RANK_METRICS}
    assert means["top_100_accuracy"] == 3 / 4
    assert means["hit_rate_at_10"] == 2 / 4
    assert means["ndcg_at_10"] == pytest.approx((1 + 1 / 2) / 4)
    assert means["ndcg_at_100"] == pytest.approx((1 + 1 / 2 + 1 / math.log2(51)) / 4)
    assert means["mrr"] == pytest.approx((1 + 1 / 3 + 1 / 50) / 4)


@pytest.mark.parametrize("metric", RANK_METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_best_at_rank_one_has_one_value_per_event_and_no_mean_of_nothing(metric):
    ranks = np.array([1, 2, 99, 5000, rank_metrics.REMOVED], dtype=np.int32)
    values = metric.of(ranks)
    assert values.shape == (5,)
    assert values.dtype == np.float64
    worse = values if metric.higher_is_better else -values
    assert worse.tolist() == sorted(worse, reverse=True)
    assert math.isnan(metric.mean(ranks[:0]))
