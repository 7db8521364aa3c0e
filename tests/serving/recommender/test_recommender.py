"""The inference path on a tiny bundle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marquee.models.features.person import History
from marquee.serving.recommender.catalogue_filter import Wanted
from marquee.serving.recommender.order import log_shares
from marquee.serving.recommender.recommender import Recommendation, Recommender
from marquee.serving.recommender.sources import registry
from marquee.serving.recommender.steps import Steps
from tests.fixtures.tiny_pipeline import ADDED_ID, MOVIES, NOW, VALUES, Tiny

SIMILAR = [source.name for source in registry.SOURCES].index("similar")


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
    everything = len(recommender.index)
    seen = np.arange(everything - 2)
    history = History(seen.astype(np.int32), np.full(len(seen), 4, np.float32), NOW - 1 - seen[::-1])
    best = recommender.recommend(history, NOW, 10)
    assert sorted(movie.movie_index for movie in best) == [everything - 2, everything - 1]


def test_who_has_seen_everything_gets_nothing(recommender: Recommender):
    seen = np.arange(len(recommender.index))
    history = History(seen.astype(np.int32), np.full(len(seen), 4, np.float32), NOW - 1 - seen[::-1])
    assert recommender.recommend(history, NOW, 10) == []


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


def test_a_movie_rated_twice_counts_twice_as_in_the_data(recommender: Recommender):
    history, _ = recommender.history([15, 25, 15], [1.0, 2.0, 5.0], None, NOW)
    assert history.movie_index.tolist() == [1, 2, 1]
    assert history.rating.tolist() == [1.0, 2.0, 5.0]


def test_the_score_is_log_share_plus_weighted_stars(recommender: Recommender):
    history, _ = recommender.history([15, 25], [4.0, 2.0], None, NOW)
    ranked = recommender.rank(history, NOW)
    shares = np.exp(ranked.retrieval_score) / np.exp(ranked.retrieval_score).sum()
    expected = np.log(shares) + VALUES.rating_weight * ranked.predicted_rating
    np.testing.assert_allclose(ranked.score, expected, rtol=1e-5)


@pytest.mark.parametrize(("weight", "ordered_by"), [(0.0, "retrieval_score"), (1e6, "predicted_rating")])
def test_the_weight_decides_who_orders(tiny: Tiny, weight: float, ordered_by: str):
    params = VALUES.model_copy(update={"rating_weight": weight})
    best = recommend(Recommender(tiny.bundle, params), [1, 2], [4.0, 2.0], 50)
    column = [getattr(movie, ordered_by) for movie in best]
    assert column == sorted(column, reverse=True)
    assert len(set(column)) > 10


def test_the_item_item_score_counts_as_much_as_its_weight_says(tiny: Tiny):
    history, _ = Recommender(tiny.bundle, VALUES).history([15, 25, 35], [5.0] * 3, None, NOW)
    scores = {}
    for weight in (0.0, 2.0):
        asked = Recommender(tiny.bundle, VALUES.model_copy(update={"similar_weight": weight}))
        gathered = asked.candidates(history, NOW)
        scores[weight] = asked.scored(
            gathered, np.zeros(len(gathered.movie_index), np.float32)
        ).retrieval_score
    np.testing.assert_allclose(scores[2.0] - scores[0.0], 2 * gathered.scores[SIMILAR], atol=1e-5)
    assert (gathered.scores[SIMILAR] > 0).any()


def test_the_first_movies_do_not_depend_on_how_many_are_asked_for(recommender: Recommender):
    assert recommend(recommender, [1, 2], [4.0, 2.0], 30)[:7] == recommend(recommender, [1, 2], [4.0, 2.0], 7)


def test_what_is_not_wanted_is_not_shown(tiny: Tiny, recommender: Recommender):
    history, _ = recommender.history([15, 25], [4.0, 2.0], None, NOW)
    without = recommender.recommend(history, NOW, 10)
    wanted = Wanted(
        genres=frozenset({"Drama"}), first_year=1980, last_year=1999, languages=frozenset({"en"}),
        excluded=[without[0].movie_index],
    )  # fmt: skip
    best = recommender.recommend(history, NOW, 10, wanted)
    titles = tiny.bundle.titles
    assert len(best) == 10
    for movie in best:
        row = movie.movie_index
        assert (titles.genres[row], titles.language[row]) == (["Drama"], "en")
        assert 1980 <= titles.year[row] <= 1999
        assert row != without[0].movie_index


def test_a_movie_without_a_year_is_in_no_years(tiny: Tiny, recommender: Recommender):
    assert tiny.bundle.titles.year[0] == 0
    allowed = recommender.catalogue_filter.allowed
    assert allowed(Wanted())[0]
    assert not allowed(Wanted(last_year=2200))[0]
    assert not allowed(Wanted(first_year=1))[0]


def test_the_years_of_a_filter_are_let_through_themselves(tiny: Tiny, recommender: Recommender):
    year = tiny.bundle.titles.year[1]
    assert year
    allowed = recommender.catalogue_filter.allowed(Wanted(first_year=year, last_year=year))
    assert allowed.tolist() == [other == year for other in tiny.bundle.titles.year]


def test_exploration_happens_under_a_seed_only_and_is_named(recommender: Recommender):
    history, _ = recommender.history([15, 25], [4.0, 2.0], None, NOW)
    plain = recommender.recommend(history, NOW, 10)
    assert "exploration" not in {movie.source for movie in plain}
    explored = recommender.recommend(history, NOW, 10, seed=4)
    assert explored == recommender.recommend(history, NOW, 10, seed=4)
    assert "exploration" in {movie.source for movie in explored}
    assert {movie.propensity for movie in plain} == {1.0}
    assert all(0 < movie.propensity < 1 for movie in explored)


def test_a_share_of_0_is_the_list_without_a_seed_to_the_bit(tiny: Tiny):
    asked = Recommender(tiny.bundle, VALUES.model_copy(update={"explore_share": 0.0}))
    history, _ = asked.history([15, 25], [4.0, 2.0], None, NOW)
    assert asked.recommend(history, NOW, 10, seed=4) == asked.recommend(history, NOW, 10)


def test_steps_are_told_where_the_time_goes_and_what_the_sources_gave(recommender: Recommender):
    history, _ = recommender.history([15, 25], [4.0, 2.0], None, NOW)
    steps = Steps()
    recommender.recommend(history, NOW, 10, steps=steps)
    told = steps.milliseconds()
    assert set(told) == {"filter", "sources", "rank", "order", "total"}
    assert all(value > 0 for value in told.values())
    assert told["total"] >= sum(value for step, value in told.items() if step != "total") - 0.01
    gathered = recommender.candidates(history, NOW)
    assert steps.candidates == gathered.by_source()
    assert sum(steps.candidates.values()) == len(gathered.movie_index)


def test_a_movie_added_later_is_found_rated_and_recommended(recommender: Recommender):
    (row,) = recommender.rows_of([ADDED_ID])
    assert row == MOVIES
    history, unknown = recommender.history([ADDED_ID, 15], [5.0, 4.0], None, NOW)
    assert unknown == []
    assert 0.5 <= recommender.predict_ratings(history, np.array([row], np.int32), NOW)[0] <= 5
    seen_little, _ = recommender.history([15], [4.0], None, NOW)
    wanted = Wanted(first_year=2031)
    assert [movie.movie_index for movie in recommender.recommend(seen_little, NOW, 10, wanted)] == [row]


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
    assert [type(value) for value in vars(best).values()] == [int, float, float, float, str, int, float]
    assert isinstance(best, Recommendation)
