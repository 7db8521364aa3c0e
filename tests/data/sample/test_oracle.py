"""The oracle of the simulated people."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from marquee.data.sample import oracle
from marquee.data.sample.oracle import expected_stars, foresee, positive_share
from marquee.data.sample.sample import SimulatedData
from marquee.data.sample.taste import Films, People
from marquee.data.sample.visits import Visits


def test_the_oracle_beats_popularity_by_far(ratings: pd.DataFrame, data: SimulatedData) -> None:
    cut = ratings["timestamp"].quantile(0.9)
    fitted = ratings[(ratings["timestamp"] < cut) & (ratings["stars"] >= 4)]
    score = np.bincount(fitted["movie_id"], minlength=len(data.movies) + 1)[1:].astype(float)
    asked = ratings[(ratings["timestamp"] >= cut) & (ratings["stars"] >= 4)]
    hits = list(_popularity_hits(ratings, asked, score))
    assert (asked["rank"] <= 100).mean() > np.mean(hits) + 0.25
    assert 0.2 < np.mean(hits) < 0.5


def _popularity_hits(ratings: pd.DataFrame, asked: pd.DataFrame, score: np.ndarray) -> Iterator[bool]:
    histories = dict(list(ratings.groupby("user_id")[["movie_id", "timestamp"]]))
    for user, movie, time in asked[["user_id", "movie_id", "timestamp"]].itertuples(index=False):
        history = histories[user]
        left = score.copy()
        left[history["movie_id"][history["timestamp"] < time] - 1] = -1
        yield bool((left >= left[movie - 1]).sum() <= 100)


def test_the_oracle_expects_ratings_without_bias_and_better_than_the_movie_mean(
    ratings: pd.DataFrame,
) -> None:
    error = ratings["stars"] - ratings["expected"]
    movie_mean = ratings.groupby("movie_id")["stars"].transform("mean")  # even knowing the answers
    assert abs(error.mean()) < 0.02
    assert np.sqrt((error**2).mean()) < 0.92 * np.sqrt(((ratings["stars"] - movie_mean) ** 2).mean())
    assert abs(np.corrcoef(error, ratings["expected"])[0, 1]) < 0.02


def _two_kinds() -> tuple[Films, People, Visits]:
    """Four films of equal taste: 0 and 1 of one kind, 2 and 3 (a little more famous) of another.

    A mood lasts for the whole visit in all but a twentieth of cases and makes its kind 100 times as likely.
    """
    lift = np.log(100.0) * np.array([[1.0, 1, 0, 0], [0, 0, 1, 1]])
    films = Films(
        taste=np.zeros((4, 2)),
        quality=np.zeros(4),
        fame=np.array([0.0, 0.0, 0.1, 0.1]),
        released=np.zeros(4, dtype=np.int64),
        fame_drift=np.zeros((4, 3)),
        mood_lift=lift,
    )
    people = People(
        taste=np.zeros((1, 2)),
        drift=np.zeros((1, 2)),
        bias=np.zeros(1),
        spread=np.ones(1),
        whole_stars=np.ones(1),
        mainstream=np.ones(1),
        mood_prior=np.array([[0.5, 0.5]]),
        joined=np.array([1_300_000_000]),
    )
    zeros = np.zeros(2, dtype=np.int64)
    time = 1_300_000_000 + np.array([0, 5])
    return films, people, Visits(zeros, time, zeros, zeros[:1], time[:1], zeros, zeros)


def test_the_oracle_infers_the_mood_from_what_was_chosen_before() -> None:
    films, people, visits = _two_kinds()
    rank, _ = foresee(films, people, visits, np.array([0, 1]), first_year=2010)
    # First 0: it ties with 1, and 2 and 3 are more famous. Then 1: film 0 showed the mood.
    assert rank.tolist() == [4, 1]


def test_the_oracle_learns_nothing_from_the_same_second() -> None:
    films, people, visits = _two_kinds()
    tied = replace(visits, timestamp=visits.timestamp[[0, 0]])
    rank, _ = foresee(films, people, tied, np.array([0, 1]), first_year=2010)
    assert rank.tolist() == [4, 4]


def test_the_oracle_tells_people_apart_where_the_next_begins_a_second_before_the_last_ended() -> None:
    films, people, visits = _two_kinds()
    two = People(**{name: np.repeat(values, 2, axis=0) for name, values in vars(people).items()})
    user = np.array([0, 0, 1])
    time = visits.timestamp[0] + np.array([0, 5, 4])
    both = Visits(user, time, user, np.array([0, 1]), time[[0, 2]], np.zeros(3, np.int64), user)
    rank, _ = foresee(films, two, both, np.array([0, 1, 0]), first_year=2010)
    # The mood that the first showed says nothing of the second, who is asked as the first was at first.
    assert rank.tolist() == [4, 1, 4]


def test_the_oracle_ranks_an_unreleased_film_last() -> None:
    films, people, visits = _two_kinds()
    released = np.array([0, 0, 0, 2_000_000_000])
    rank, _ = foresee(replace(films, released=released), people, visits, np.array([0, 1]), first_year=2010)
    assert rank.tolist() == [3, 1]


def test_expected_stars_of_a_person_without_noise_are_the_rounded_mean() -> None:
    mean = np.array([3.3, 3.3, 9.0, -2.0, -2.0])
    whole = np.array([1.0, 0.0, 0.5, 1.0, 0.0])
    # 3.3 rounds to 3 in whole stars and to 3.5 in half stars; the scales begin at 1 and at 0.5.
    stars = expected_stars(mean, np.full(5, 1e-9), whole)
    np.testing.assert_allclose(stars, [3.0, 3.5, 5.0, 1.0, 0.5])


def test_half_of_the_ratings_are_positive_at_the_threshold() -> None:
    # Whole-star raters give a 4 from 3.5 on, half-star raters from 3.75 on.
    assert positive_share(np.array([3.5]), np.ones(1), np.ones(1)) == pytest.approx(0.5)
    assert positive_share(np.array([3.75]), np.ones(1), np.zeros(1)) == pytest.approx(0.5)
    assert oracle.POSITIVE_STARS == 4.0
