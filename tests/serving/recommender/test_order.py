"""The order shown, on lists small enough to order by hand."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from marquee.pipeline.params import RecommenderParams
from marquee.serving.recommender import order
from marquee.serving.recommender.order import Scored
from tests.fixtures.tiny_pipeline import resolved

ACROSS = np.eye(6, dtype=np.float32)  # nothing is like anything else


NO_RULES = {
    "rating_weight": 0.0, "genre_at_most": 10, "genre_among": 0, "below_mean": 0.0, "diversity": 0.0,
}  # fmt: skip


def params(**changes: Any) -> RecommenderParams:
    return RecommenderParams(**resolved("recommender", NO_RULES | changes))


def scored(
    retrieval: Sequence[float],
    genres: list[list[int]] | None = None,
    vectors: Any = ACROSS,
    stars: Any = None,
) -> Scored:
    count = len(retrieval)
    return Scored(
        movie_index=np.arange(count, dtype=np.int32),
        retrieval_score=np.array(retrieval, np.float32),
        predicted_rating=np.full(count, 3, np.float32) if stars is None else np.array(stars, np.float32),
        vectors=vectors[:count],
        genres=np.array(genres if genres is not None else [[0]] * count, dtype=bool),
    )


def arranged(given_: Scored, chosen: RecommenderParams, exempt: list[bool] | None = None) -> list[int]:
    exempted = np.zeros(given_.genres.shape[1], bool) if exempt is None else np.array(exempt)
    return order.arrange(given_, order.scores(given_, chosen), chosen, exempted).tolist()


def test_the_score_is_log_share_plus_weighted_stars():
    of_two = scored([0.0, np.log(3.0)], stars=[4.0, 2.0])  # shares 1/4 and 3/4
    found = order.scores(of_two, params(rating_weight=0.5))
    np.testing.assert_allclose(found, [np.log(0.25) + 2.0, np.log(0.75) + 1.0], rtol=1e-6)


def test_without_rules_the_best_score_comes_first_and_equal_ones_in_order_of_index():
    assert arranged(scored([1.0, 3.0, 2.0, 3.0]), params()) == [1, 3, 2, 0]


def test_a_genre_has_no_more_than_its_places_among_the_first():
    # Movies 0 to 3 are of genre 0, 4 and 5 of genre 1; two of a genre among the first four.
    genres = [[1, 0]] * 4 + [[0, 1]] * 2
    rules = params(genre_at_most=2, genre_among=4)
    assert arranged(scored([9, 8, 7, 6, 5, 4], genres), rules) == [0, 1, 4, 5, 2, 3]


def test_a_genre_that_was_asked_for_may_fill_the_list():
    genres = [[1, 0]] * 4 + [[0, 1]] * 2
    rules = params(genre_at_most=2, genre_among=4)
    assert arranged(scored([9, 8, 7, 6, 5, 4], genres), rules, [True, False]) == [0, 1, 2, 3, 4, 5]


def test_where_no_movie_fits_the_rule_the_best_takes_the_place():
    assert arranged(scored([3, 2, 1], [[1]] * 3), params(genre_at_most=1, genre_among=3)) == [0, 1, 2]


def arranged_for(ratings: list[float], given_: Scored, chosen: RecommenderParams) -> list[int]:
    least = order.usual_stars(np.array(ratings, np.float32), chosen)
    exempt = np.zeros(given_.genres.shape[1], bool)
    return order.arrange(given_, order.scores(given_, chosen), chosen, exempt, least).tolist()


def test_below_the_own_mean_nothing_is_among_the_first_while_there_is_better():
    # The mean is 3: movies 0 and 2 are predicted below it and make room for 3 and 4, then come by score.
    of_five = scored([5, 4, 3, 2, 1], stars=[2.9, 3.0, 1.0, 4.0, 5.0])
    assert arranged_for([2.0, 4.0], of_five, params(genre_among=3)) == [1, 3, 4, 0, 2]


def test_where_there_is_nothing_better_the_rest_comes_by_score():
    of_three = scored([3, 2, 1], stars=[2.0, 1.0, 4.0])
    assert arranged_for([4.0], of_three, params(genre_among=3)) == [2, 0, 1]


def test_a_little_below_the_own_mean_may_be_let_in():
    of_three = scored([3, 2, 1], stars=[2.5, 2.4, 3.0])
    assert arranged_for([3.0], of_three, params(genre_among=2, below_mean=0.5)) == [0, 2, 1]
    assert arranged_for([3.0], of_three, params(genre_among=2, below_mean=5.0)) == [0, 1, 2]


def test_better_than_the_mean_comes_before_a_genre_that_still_has_a_place():
    of_three = scored([3, 2, 1], [[1, 0], [1, 0], [0, 1]], stars=[4, 4, 2])
    assert arranged_for([3.0], of_three, params(genre_at_most=1, genre_among=3)) == [0, 1, 2]


def test_what_is_better_is_found_beyond_the_pool():
    count = order.POOL + 5
    stars = np.where(np.arange(count) == count - 1, 4.0, 2.0)
    many = scored(list(range(count, 0, -1)), vectors=np.eye(count, dtype=np.float32), stars=stars)
    assert arranged_for([3.0], many, params(genre_among=2))[:3] == [count - 1, 0, 1]


def test_without_a_history_there_is_no_mean():
    of_three = scored([3, 2, 1], stars=[1, 5, 2])
    assert arranged_for([], of_three, params(genre_among=3)) == [0, 1, 2]


def test_diversity_takes_likeness_to_what_stands_above_off_the_score():
    # 1 is the same as 0 and loses 1.0 x 0.6 once 0 stands: 2 at 0.5 less than 1 now comes before it.
    vectors = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    of_three = scored([3.0, 2.0, 1.5], vectors=vectors)
    assert arranged(of_three, params(genre_among=3, diversity=0.6)) == [0, 2, 1]
    assert arranged(of_three, params(genre_among=3, diversity=0.4)) == [0, 1, 2]


@given(
    st.lists(st.floats(-5, 5), min_size=1, max_size=80, unique=True), st.integers(0, 20), st.integers(1, 5)
)
def test_rules_move_movies_but_lose_and_repeat_none(retrieval: list[float], among: int, at_most: int):
    count = len(retrieval)
    genres = [[row % 2 == 0, row % 3 == 0] for row in range(count)]
    vectors = np.random.default_rng(1).normal(size=(count, 4)).astype(np.float32)
    rules = params(genre_among=among, genre_at_most=at_most, diversity=0.3)
    assert sorted(arranged(scored(retrieval, genres, vectors), rules)) == list(range(count))


@pytest.mark.parametrize(("of_other_genre", "second"), [(49, 49), (50, 1)])
def test_the_rules_choose_among_the_50_best_and_the_rest_stays_in_order_of_score(
    of_other_genre: int, second: int
):
    # One of a genre among the first two. Movie 49 is the last that may come forward; movie 50 never may.
    genres = [[1, 0]] * 60
    genres[of_other_genre] = [0, 1]
    best_first = scored(range(60, 0, -1), genres, np.eye(60, dtype=np.float32))
    shown = arranged(best_first, params(genre_at_most=1, genre_among=2))
    assert shown == [0, second, *(row for row in range(1, 60) if row != second)]


def test_equal_scores_are_in_order_of_the_movies_wherever_they_stand_among_the_candidates():
    # 300 of them, of two scores: an unstable sort would mix them.
    rng = np.random.default_rng(0)
    movies = rng.permutation(300).astype(np.int32)
    given_ = scored(rng.integers(0, 2, 300).tolist(), vectors=np.zeros((300, 1), np.float32))
    given_ = replace(given_, movie_index=movies)
    shown = order.arrange(given_, order.scores(given_, params()), params(), np.zeros(1, bool))
    pairs = list(zip(-given_.retrieval_score[shown], movies[shown], strict=True))
    assert pairs == sorted(pairs)


def test_a_place_that_is_left_to_chance_may_get_any_movie_and_says_how_likely_that_was():
    # Weights exp(score / 2): 4, 2, 1, 1. Half of the places are left to chance, the others get the best left.
    score = 2 * np.log([4.0, 2.0, 1.0, 1.0])
    first = {0: 0.5 * 4 / 8 + 0.5, 1: 0.5 * 2 / 8, 2: 0.5 * 1 / 8, 3: 0.5 * 1 / 8}
    seen = set()
    for seed in range(100):
        explored = order.explore(score, k=1, share=0.5, temperature=2.0, seed=seed)
        shown = int(explored.order[0])
        seen.add(shown)
        assert explored.propensity[0] == pytest.approx(first[shown])
        assert explored.by_chance[0] == (shown != 0)
        assert sorted(explored.order.tolist()) == [0, 1, 2, 3]
        assert explored.order[1:].tolist() == sorted(explored.order[1:].tolist())
    assert seen == {0, 1, 2, 3}


def test_over_100_000_draws_each_place_gets_its_movies_as_often_as_the_logged_propensities_say():
    score, k = np.array([-1.0, -1.6, -1.2, -2.5, -4.0]), 3
    draws = [order.explore(score, k, share=0.6, temperature=0.8, seed=seed) for seed in range(100_000)]
    places = np.array([draw.order[:k] for draw in draws])
    logged = np.array([draw.propensity[:k] for draw in draws])
    statistic = freedom = 0.0
    for place in range(k):
        # A propensity is given the places above: every way these were filled is a case of its own.
        above, case = np.unique(places[:, :place], axis=0, return_inverse=True)
        for number in range(len(above)):
            of_case = case.reshape(-1) == number
            movies, which, counts = np.unique(places[of_case, place], return_inverse=True, return_counts=True)
            propensity = np.array([logged[of_case, place][which == row][0] for row in range(len(movies))])
            np.testing.assert_array_equal(propensity[which], logged[of_case, place])
            if len(counts) < len(score) - place:
                continue  # too rare a case: not every movie came
            assert propensity.sum() == pytest.approx(1.0)
            statistic += stats.chisquare(counts, propensity * counts.sum()).statistic
            freedom += len(counts) - 1
    assert freedom >= 4 + 5 * 3 + 10 * 2
    assert stats.chi2.sf(statistic, freedom) > 0.001


def test_exploring_is_the_same_under_the_same_seed_and_another_under_another():
    score = np.linspace(0, -10, 300)
    first, second, other = (order.explore(score, 10, 0.5, 1.0, seed).order.tolist() for seed in (1, 1, 2))
    assert first == second
    assert first != other


@pytest.mark.parametrize("count", [0, 1, 10])
def test_a_share_of_0_leaves_the_list_to_the_bit_and_every_place_certain(count: int):
    explored = order.explore(np.linspace(0, -1, count), k=10, share=0.0, temperature=1.0, seed=1)
    assert explored.order.tolist() == list(range(count))
    assert explored.propensity.tolist() == [1.0] * count
    assert not explored.by_chance.any()


@pytest.mark.parametrize("temperature", [1e-6, 1e-3, 1.0, 1e6])
@pytest.mark.parametrize("count", [0, 1, 3, 300])
def test_whatever_the_temperature_every_propensity_is_a_probability(count: int, temperature: float):
    score = np.linspace(0, -5000, count)
    for seed in range(30):
        explored = order.explore(score, k=10, share=1.0, temperature=temperature, seed=seed)
        assert sorted(explored.order.tolist()) == list(range(count))
        assert (explored.propensity > 0).all()
        assert (explored.propensity <= 1).all()


def test_a_low_temperature_leaves_little_to_chance_and_a_high_one_everything():
    score = np.linspace(0, -1, 50)
    assert order.explore(score, 10, 1.0, 1e-4, seed=1).order[:10].tolist() == list(range(10))
    hot = order.explore(score, 10, 1.0, 1e6, seed=1)
    assert hot.propensity[:10] == pytest.approx([1 / left for left in range(50, 40, -1)], rel=1e-4)


def test_log_shares_of_nothing_are_nothing():
    assert order.log_shares(np.array([], np.float32)).tolist() == []
