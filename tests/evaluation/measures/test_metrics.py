"""Metrics against numbers worked out by hand, and their properties."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.evaluation.measures import metrics


def test_user_means_weigh_every_user_the_same():
    means = metrics.user_means(np.array([True, False, True, True]), np.array([7, 3, 7, 3]))
    assert means.users.tolist() == [3, 7]
    assert means.values.tolist() == [0.5, 1.0]


def test_rmse_is_over_events_and_the_users_own_over_users():
    predicted, observed = np.array([3.0, 4.0, 2.0]), np.array([4.0, 4.0, 5.0])
    users = np.array([0, 0, 1])
    # Errors 1, 0, 3: root of 10 / 3; users' own: root of 1 / 2, and 3.
    assert metrics.rmse(predicted, observed) == pytest.approx(math.sqrt(10 / 3))
    assert metrics.user_rmse(predicted, observed, users).values == pytest.approx([math.sqrt(0.5), 3.0])
    assert math.isnan(metrics.rmse(predicted[:0], observed[:0]))


def test_auc_counts_a_tie_as_half_a_win():
    # Positives 0.8 and 0.5 against others 0.5 and 0.2: wins 1, 1, 0.5, 1 of four pairs.
    scores = np.array([0.5, 0.2, 0.8, 0.5])
    positive = np.array([True, False, True, False])
    auc = metrics.user_auc(scores, positive, np.zeros(4, dtype=np.int64))
    assert auc.values.tolist() == [3.5 / 4]


def test_auc_leaves_out_users_with_nothing_to_tell_apart():
    users = np.array([5, 2, 9, 5, 2, 9])
    positive = np.array([True, True, False, False, True, False])
    auc = metrics.user_auc(np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), positive, users)
    assert auc.users.tolist() == [5]
    assert auc.values.tolist() == [0.0]


EVENTS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([0.0, 1.0, 2.0, 3.0]), st.booleans()),
    min_size=1,
    max_size=30,
)


@given(EVENTS)
def test_auc_equals_counting_pairs(rows):
    users, scores, positive = (np.array(column) for column in zip(*rows, strict=True))
    auc = metrics.user_auc(scores, positive, users)
    expected = {}
    for user in sorted(set(users.tolist())):
        best = scores[(users == user) & positive]
        others = scores[(users == user) & ~positive]
        wins = [(a > b) + 0.5 * (a == b) for a in best for b in others]
        if wins:
            expected[user] = sum(wins) / len(wins)
    assert auc.users.tolist() == list(expected)
    assert auc.values == pytest.approx(list(expected.values()))


def test_ndcg_by_hand():
    # Ordered by score the stars are 3, 5, 1: gains 7, 31, 1; best order 31, 7, 1.
    ratings, scores = np.array([5.0, 3.0, 1.0]), np.array([0.5, 0.9, 0.1])
    reached = 7 + 31 / math.log2(3) + 1 / 2
    best = 31 + 7 / math.log2(3) + 1 / 2
    ndcg = metrics.user_ndcg(scores, ratings, np.zeros(3, dtype=np.int64), k=10)
    assert ndcg.values == pytest.approx([reached / best])


def test_ndcg_looks_at_the_first_k_only():
    ratings, scores = np.array([5.0, 3.0]), np.array([0.1, 0.9])
    ndcg = metrics.user_ndcg(scores, ratings, np.zeros(2, dtype=np.int64), k=1)
    assert ndcg.values == pytest.approx([7 / 31])


def test_ndcg_puts_the_lower_rating_first_among_equal_scores():
    users, ratings = np.array([1, 1, 4]), np.array([5.0, 1.0, 5.0])
    ndcg = metrics.user_ndcg(np.zeros(3), ratings, users, k=10)
    # User 4 has a single movie: no order to judge.
    assert ndcg.users.tolist() == [1]
    assert ndcg.values == pytest.approx([(1 + 31 / math.log2(3)) / (31 + 1 / math.log2(3))])


@given(EVENTS, st.integers(1, 5))
def test_ndcg_is_one_for_the_ratings_themselves_and_at_most_one_otherwise(rows, k):
    users, scores, _ = (np.array(column) for column in zip(*rows, strict=True))
    ratings = scores + 1
    assert metrics.user_ndcg(ratings, ratings, users, k).values == pytest.approx(1.0)
    values = metrics.user_ndcg(-scores, ratings, users, k).values
    assert ((values > 0) & (values <= 1 + 1e-12)).all()


def test_mrr_takes_the_first_positive_and_lets_ties_count_against_it():
    users = np.array([0, 0, 0, 1, 1, 2, 2, 3])
    scores = np.array([0.9, 0.8, 0.1, 0.5, 0.5, 0.1, 0.2, 0.7])
    positive = np.array([False, True, True, True, False, False, False, True])
    mrr = metrics.user_mrr(scores, positive, users)
    # User 0: second place; user 1: tied, so second; user 2 liked nothing; user 3 has one movie.
    assert mrr.users.tolist() == [0, 1]
    assert mrr.values.tolist() == [0.5, 0.5]


def test_coverage_counts_each_movie_once_and_no_blank():
    lists = np.array([[0, 3], [3, -1]], dtype=np.int32)
    assert metrics.coverage(lists, num_movies=8) == 0.25


def test_novelty_is_the_self_information_in_bits():
    # 3 people: a movie that all rated carries log2(4 / 4) = 0 bits, one that nobody rated log2(4 / 1) = 2.
    lists = np.array([[0, 1], [1, -1], [-1, -1]], dtype=np.int32)
    novelty = metrics.novelty(lists, raters=np.array([3, 0]), num_users=3)
    assert novelty[:2].tolist() == [1.0, 2.0]
    assert math.isnan(novelty[2])
