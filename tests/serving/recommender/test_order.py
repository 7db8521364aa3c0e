"""The order shown, on lists small enough to order by hand."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.pipeline.params import RecommenderParams
from marquee.serving.recommender import order
from marquee.serving.recommender.order import Scored
from tests.fixtures.tiny_pipeline import resolved

ACROSS = np.eye(6, dtype=np.float32)  # nothing is like anything else


NO_RULES = {"rating_weight": 0.0, "genre_at_most": 10, "genre_among": 0, "diversity": 0.0}


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


def test_exploring_fills_about_its_share_of_the_places_from_behind_and_never_the_first():
    filled = []
    for seed in range(200):
        mixed, by_chance = order.explore(np.arange(300), k=10, share=0.3, seed=seed)
        assert sorted(mixed.tolist()) == list(range(300))
        places = np.flatnonzero(by_chance)
        assert (mixed[places] >= 10).all()
        kept = [place for place in range(10) if place not in places]
        assert mixed[kept].tolist() == kept
        # Whom chance displaced stands where the movie came from that took the place.
        assert mixed[mixed[places]].tolist() == places.tolist()
        filled.append(by_chance)
    share = np.mean(filled, axis=0)
    assert (share[0], share[10:].max()) == (0, 0)
    # 200 draws at 0.3: a standard error of 0.032 for each of nine places.
    np.testing.assert_allclose(share[1:10], 0.3, atol=0.11)


def test_exploring_is_the_same_under_the_same_seed_and_another_under_another():
    first, second, other = (order.explore(np.arange(300), 10, 0.5, seed)[0].tolist() for seed in (1, 1, 2))
    assert first == second
    assert first != other


@pytest.mark.parametrize("count", [0, 1, 5, 10])
def test_where_nothing_stands_behind_the_list_nothing_is_explored(count: int):
    mixed, by_chance = order.explore(np.arange(count), k=10, share=0.9, seed=1)
    assert mixed.tolist() == list(range(count))
    assert not by_chance.any()


def test_log_shares_of_nothing_are_nothing():
    assert order.log_shares(np.array([], np.float32)).tolist() == []
