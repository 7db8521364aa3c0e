import numpy as np
import pytest

from marquee.data.tables.interactions import TEST, TRAIN, Interactions
from marquee.evaluation.measures import dislikes, events

COMEDY, HORROR = 0, 1
GENRES = np.array([[True, False]] * 4 + [[False, True]] * 4 + [[True, True], [False, False]])
"""Movies 0 to 3 are comedies, 4 to 7 horror, 8 is both, 9 neither."""


def person(ratings: dict[int, float]) -> tuple[Interactions, events.Events]:
    """Somebody who rated these movies one after another, asked in a test period about movie 9."""
    movies = np.array([*ratings, 9], dtype=np.int32)
    half_stars = np.array([*(round(rating * 2) for rating in ratings.values()), 8], dtype=np.uint8)
    period = np.array([TRAIN] * len(ratings) + [TEST], dtype=np.uint8)
    n = len(movies)
    table = Interactions(
        np.zeros(n, np.int32), movies, half_stars, np.arange(n, dtype=np.int64), period, 1, len(GENRES)
    )
    return table, events.of_period(table, TEST, 10, seed=1)


LOW_COMEDIES = {0: 1.0, 1: 1.0, 2: 1.5, 4: 4.0, 5: 5.0}


def test_a_genre_that_is_rated_low_is_disliked():
    assert dislikes.disliked_genres(*person(LOW_COMEDIES), GENRES).tolist() == [[True, False]]


def test_two_ratings_are_no_dislike_nor_is_the_persons_own_mean():
    assert not dislikes.disliked_genres(*person({0: 1.0, 1: 1.0, 4: 5.0, 5: 5.0}), GENRES).any()
    assert not dislikes.disliked_genres(*person({0: 1.0, 1: 1.0, 2: 1.0}), GENRES).any()


def test_half_a_star_below_the_own_mean_is_a_dislike_and_less_is_none():
    half = {0: 3.0, 1: 3.0, 2: 3.0, 4: 4.0, 5: 4.0, 6: 4.0}
    assert dislikes.disliked_genres(*person(half), GENRES).tolist() == [[True, False]]
    assert not dislikes.disliked_genres(*person({**half, 6: 3.5}), GENRES).any()


def test_what_is_rated_at_the_moment_of_asking_or_later_says_nothing():
    table, asked = person({9: 5.0, 4: 4.0, 5: 5.0, 0: 1.0, 1: 1.0, 2: 1.0})
    earlier = events.Events(np.array([3]), np.array([0]), np.array([3]))
    assert dislikes.disliked_genres(table, asked, GENRES).any()
    assert not dislikes.disliked_genres(table, earlier, GENRES).any()


def test_the_share_counts_movies_with_any_disliked_genre_in_lists_as_long_as_they_are():
    shown = np.array([[0, 8, 4, 9], [4, 0, -1, -1], [0, 1, 2, 3]], dtype=np.int32)
    disliked = np.array([[True, False], [True, False], [False, False]])
    np.testing.assert_array_equal(dislikes.shares(shown, disliked, GENRES), [0.5, 0.5, np.nan])


def test_people_without_a_dislike_are_left_out_of_the_score():
    table, asked = person(LOW_COMEDIES)
    lists = {"one": np.array([[0, 4]], np.int32), "other": np.array([[5, 4]], np.int32)}
    found = dislikes.scores(lists, table, asked, GENRES)
    assert [(score.metric, score.model, score.value) for score in found] == [
        ("disliked_genre_share", "one", 0.5),
        ("disliked_genre_share", "other", 0.0),
    ]
    assert dislikes.scores(lists, *person({4: 5.0}), GENRES) == []


@pytest.mark.parametrize("shorter", [True, False])
def test_an_empty_list_has_no_share(shorter: bool):
    shown = np.full((1, 4), -1, np.int32)
    assert np.isnan(dislikes.shares(shown, np.array([[shorter, False]]), GENRES)).all()
