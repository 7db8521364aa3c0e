import dataclasses

import numpy as np
import pytest

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import Interactions
from marquee.models.features.movies import Movies
from marquee.models.features.person import History, history_states
from marquee.models.ranking import taste
from tests.models.ranking import tables

MOVIES = 40


def people_and_their_deviations(
    num_users: int, catalogue: Catalogue, own_level: float, likes_genre: float, noise: float
) -> tuple[Interactions, np.ndarray]:
    """Everybody rates every movie; deviations from the movies' levels are drawn as the model has them."""
    rng = np.random.default_rng(3)
    user, movie = np.repeat(np.arange(num_users), MOVIES), np.tile(np.arange(MOVIES), num_users)
    table = Interactions(
        user.astype(np.int32), movie.astype(np.int32), np.full(len(user), 6, np.uint8),
        np.tile(np.arange(MOVIES), num_users), np.zeros(len(user), np.uint8), num_users, MOVIES,
    )  # fmt: skip
    liking = rng.normal(0, likes_genre, (num_users, catalogue.genres.shape[1]))
    level = rng.normal(0, own_level, num_users)
    genres = np.sqrt(catalogue.genres.astype(np.float64))  # of length 1, or 0 without a genre
    deviation = level[user] + (liking[user] * genres[movie]).sum(axis=1) + rng.normal(0, noise, len(user))
    return table, deviation


def fit(own_level: float, likes_genre: float, noise: float) -> np.ndarray:
    """(MOVIES, q) z of movies that have genres only."""
    catalogue = tables.catalogue(MOVIES)
    table, deviation = people_and_their_deviations(500, catalogue, own_level, likes_genre, noise)
    return taste.fit(table, deviation, catalogue, np.zeros(MOVIES, np.float32), seed=0)[1]


def test_the_covariance_of_two_movies_is_what_people_show_in_units_of_the_noise():
    z = fit(own_level=0.5, likes_genre=0.6, noise=1.0)
    genres = np.sqrt(tables.catalogue(MOVIES).genres.astype(np.float64))
    # 0.25 for the level and 0.36 for shared genres; half a thousand people leave it unsure by a tenth.
    expected = 0.25 + 0.36 * genres @ genres.T
    assert z @ z.T == pytest.approx(expected, abs=0.12)


def test_twice_the_noise_halves_what_a_rating_says():
    quiet, loud = fit(0.5, 0.6, noise=1.0), fit(0.5, 0.6, noise=2.0)
    ratio = np.mean((loud**2).sum(axis=1)) / np.mean((quiet**2).sum(axis=1))
    assert ratio == pytest.approx(1 / 4, abs=0.08)


def test_deviations_without_any_pattern_carry_nothing_over():
    z = fit(own_level=0.0, likes_genre=0.0, noise=1.0)
    assert np.abs(z @ z.T).max() < 0.05


def test_people_with_a_single_rating_teach_nothing_and_break_nothing():
    catalogue = tables.catalogue(3)
    table = dataclasses.replace(
        tables.table(3, 3, 3),
        user_index=np.arange(3, dtype=np.int32),
        movie_index=np.arange(3, dtype=np.int32),
    )
    weights, z = taste.fit(table, np.array([1.0, -1.0, 0.5]), catalogue, np.zeros(3, np.float32), seed=0)
    assert not z.any()
    assert weights.shape == (taste.described(catalogue, np.zeros(3, np.float32)).shape[1], z.shape[1])


def test_a_movie_is_described_by_itself_and_nothing_else():
    catalogue, bias = tables.catalogue(MOVIES), np.linspace(-1, 1, MOVIES).astype(np.float32)
    some = np.arange(MOVIES) % 3 == 0
    alone = taste.described(catalogue.only(some), bias[some])
    assert alone == pytest.approx(taste.described(catalogue, bias)[some], abs=1e-12)


def test_years_apart_are_alike_as_the_exponential_says():
    catalogue = dataclasses.replace(tables.catalogue(3), release=np.array([1990, 2000, 1800], np.float32))
    own = slice(1 + 3, 1 + 3 + len(taste.DECADES))
    decades = taste.described(catalogue, np.zeros(3, np.float32))[:, own]
    assert decades[0] @ decades[1] == pytest.approx(np.exp(-1))
    assert decades[0] @ decades[0] == pytest.approx(1)
    assert decades[2] @ decades[2] == pytest.approx(1)  # older than the oldest decade: as old as that


def test_pairs_are_different_ratings_of_one_person():
    table = tables.table(20, 30, 60)
    first, second = taste._pairs(table, seed=0)
    assert len(first) == taste.PAIRS
    assert np.array_equal(table.user_index[first], table.user_index[second])
    assert (first != second).all()
    several = np.bincount(table.user_index, minlength=20)[table.user_index] > 1
    assert set(first) == set(second) == set(np.flatnonzero(several))


def test_a_belief_is_the_posterior_of_a_gaussian_process():
    movies, rng = tables.movies(12), np.random.default_rng(0)
    watched = rng.permutation(12)[:5].astype(np.int32)
    rating = rng.integers(1, 11, 5).astype(np.float32) / 2
    history = History(watched, rating, np.arange(5))
    states = history_states(history, np.array([0]), np.array([5]), movies)
    # The same by the other road, a kernel over the five ratings (eq. 2.25 there, noise 1).
    z = movies.statistics.taste.astype(np.float64)
    kernel, between = z[watched] @ z[watched].T + np.eye(5), z @ z[watched].T
    deviation = rating - movies.expected(watched)
    assert z @ states.taste[0] == pytest.approx(between @ np.linalg.solve(kernel, deviation), abs=1e-5)
    covariance = z @ z.T - between @ np.linalg.solve(kernel, between.T)
    assert z @ states.taste_covariance[0] @ z.T == pytest.approx(covariance, abs=1e-5)


def test_the_same_ratings_in_another_order_are_the_same_belief():
    movies: Movies = tables.movies(12)
    watched, rating = np.array([3, 7, 1], np.int32), np.array([5, 1, 3], np.float32)
    states = [
        history_states(
            History(watched[order], rating[order], np.arange(3)), np.array([0]), np.array([3]), movies
        )
        for order in ([0, 1, 2], [2, 0, 1])
    ]
    assert np.array_equal(states[0].taste, states[1].taste)
    assert np.array_equal(states[0].taste_covariance, states[1].taste_covariance)
