"""The inference path on a tiny bundle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages import params
from stages.ranking.features import History
from stages.serving.recommender import Recommendation, Recommender, log_shares
from tests.serving.conftest import MOVIES, NOW, Tiny


def recommend(recommender: Recommender, movies: list[int], ratings: list[float], k: int = 10):
    """Ask with movie indices; ids are 10 x index + 5."""
    history, unknown = recommender.history([10 * movie + 5 for movie in movies], ratings, None, NOW)
    assert unknown == []
    return recommender.recommend(history, NOW, k)


@pytest.mark.parametrize(
    ("movies", "ratings"),
    [([], []), ([7], [4.5]), (list(range(1000)), [3.0, 5.0] * 500), (list(range(30)), [0.5] * 30)],
    ids=["nothing", "one movie", "a thousand movies", "only dislikes"],
)
def test_every_history_gets_k_different_unseen_movies_best_first(
    recommender: Recommender, movies: list[int], ratings: list[float]
):
    best = recommend(recommender, movies, ratings)
    shown = [movie.movie_index for movie in best]
    assert len(set(shown)) == 10
    assert not set(shown) & set(movies)
    assert [movie.score for movie in best] == sorted((movie.score for movie in best), reverse=True)
    assert all(0.5 <= movie.predicted_rating <= 5 for movie in best)


@settings(max_examples=20)
@given(st.lists(st.integers(0, MOVIES - 1), max_size=40), st.integers(1, 60))
def test_nothing_seen_is_recommended(recommender: Recommender, movies: list[int], k: int):
    best = recommend(recommender, movies, [4.0] * len(movies), k)
    assert len(best) == k
    assert not {movie.movie_index for movie in best} & set(movies)


def test_who_has_seen_all_but_two_movies_gets_those_two(recommender: Recommender):
    best = recommend(recommender, list(range(MOVIES - 2)), [4.0] * (MOVIES - 2))
    assert sorted(movie.movie_index for movie in best) == [MOVIES - 2, MOVIES - 1]


def test_who_has_seen_everything_gets_nothing(recommender: Recommender):
    assert recommend(recommender, list(range(MOVIES)), [4.0] * MOVIES) == []


def test_ratings_change_the_answer(recommender: Recommender):
    liked = recommend(recommender, [1, 2, 3], [5.0, 5.0, 5.0])
    disliked = recommend(recommender, [1, 2, 3], [0.5, 0.5, 0.5])
    assert liked != disliked


def test_unknown_ids_are_reported_once_and_left_out(recommender: Recommender):
    history, unknown = recommender.history([15, 99, 25, -1, 99], [4.0, 1.0, 3.0, 2.0, 5.0], None, NOW)
    assert unknown == [99, -1]
    assert history.movie_index.tolist() == [1, 2]
    assert history.rating.tolist() == [4.0, 3.0]
    assert history.timestamp.tolist() == [NOW - 5, NOW - 3]  # the unknown ones had their second too


def test_a_history_is_put_in_order_of_time_then_index(recommender: Recommender):
    history, _ = recommender.history([25, 35, 15], [1.0, 2.0, 3.0], [200, 100, 200], NOW)
    assert history.movie_index.tolist() == [3, 1, 2]
    assert history.rating.tolist() == [2.0, 3.0, 1.0]


def test_without_times_the_last_movie_was_rated_a_second_ago(recommender: Recommender):
    ids, ratings = [15, 25, 35], [4.0, 3.0, 5.0]
    untimed, _ = recommender.history(ids, ratings, None, NOW)
    timed, _ = recommender.history(ids, ratings, [NOW - 3, NOW - 2, NOW - 1], NOW)
    assert recommender.recommend(untimed, NOW, 5) == recommender.recommend(timed, NOW, 5)


def test_the_score_is_log_share_plus_weighted_stars(tiny: Tiny, recommender: Recommender):
    history, _ = recommender.history([15, 25], [4.0, 2.0], None, NOW)
    ranked = recommender.rank(history, NOW, 50)
    shares = np.exp(ranked.retrieval_score) / np.exp(ranked.retrieval_score).sum()
    np.testing.assert_allclose(ranked.score, np.log(shares) + 0.1 * ranked.predicted_rating, rtol=1e-5)


@pytest.mark.parametrize(("weight", "ordered_by"), [(0.0, "retrieval_score"), (1e6, "predicted_rating")])
def test_the_weight_decides_who_orders(tiny: Tiny, weight: float, ordered_by: str):
    values = params.Recommender(num_candidates=50, rating_weight=weight)
    best = recommend(Recommender(tiny.bundle, values), [1, 2], [4.0, 2.0], 50)
    column = [getattr(movie, ordered_by) for movie in best]
    assert column == sorted(column, reverse=True)
    assert len(set(column)) > 10


def test_only_candidates_are_ranked_and_more_are_retrieved_when_more_are_asked(tiny: Tiny):
    few = Recommender(tiny.bundle, params.Recommender(num_candidates=3, rating_weight=1e6))
    by_retrieval = Recommender(tiny.bundle, params.Recommender(num_candidates=3, rating_weight=0.0))
    best, retrieved = recommend(few, [1], [4.0], 3), recommend(by_retrieval, [1], [4.0], 3)
    assert {movie.movie_index for movie in best} == {movie.movie_index for movie in retrieved}
    assert len(recommend(few, [1], [4.0], 8)) == 8


def test_only_the_latest_of_a_long_history_reach_the_query_tower(tiny: Tiny, recommender: Recommender):
    # The tower reads 10 movies. The mean of all ratings is a feature, so the older ones keep theirs.
    older, latest = [1, 2, 3, 4, 5], list(range(20, 30))
    movies, other = np.array(older + latest, np.int32), np.array([6, 7, 8, 9, 5, *latest], np.int32)
    rating, time = np.full(15, 4, np.float32), np.arange(NOW - 15, NOW)
    one = recommender.query(History(movies, rating, time), NOW)
    np.testing.assert_array_equal(one, recommender.query(History(other, rating, time), NOW))
    shuffled = np.array(older + latest[::-1], np.int32)
    assert not np.array_equal(one, recommender.query(History(shuffled, rating, time), NOW))


def test_log_shares_of_equal_scores_are_equal_and_large_scores_do_not_overflow():
    np.testing.assert_allclose(log_shares(np.zeros(4, np.float32)), np.log(0.25))
    np.testing.assert_allclose(log_shares(np.array([1000, 1000], np.float32)), np.log(0.5))
    assert len(log_shares(np.empty(0, np.float32))) == 0


def test_a_recommendation_is_plain_numbers(recommender: Recommender):
    best = recommend(recommender, [1], [4.0], 1)[0]
    assert [type(value) for value in vars(best).values()] == [int, float, float, float]
    assert isinstance(best, Recommendation)
