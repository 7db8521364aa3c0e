"""What is said of rarely rated movies: shares of places and of choices, worked out by hand."""

import numpy as np
import pytest

from benchmarks.simulation import fairness, table
from benchmarks.simulation.living import Lived
from marquee.models.features.person import History
from marquee.monitoring.evidence.rehearsal import Moment
from marquee.serving.recommender.recommender import Recommendation

NO_HISTORY = History(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.int64))


def lived(day: int, shown: list[int], chosen: list[int]) -> Lived:
    best = [Recommendation(movie, 0.0, 0.0, 3.0, "popular", -1, 1.0) for movie in shown]
    stars = np.full(len(chosen), 3.0, np.float32)
    return Lived(0, Moment("somebody", 0.0, 0, None), day, NO_HISTORY, best, np.array(chosen), stars, stars)


def test_the_less_rated_half_is_rare_and_ties_go_by_row():
    rare = fairness.rare_movies(np.array([5, 0, 2, 2], np.float32))
    assert rare.tolist() == [False, True, True, False]


def test_shares_are_of_places_and_of_choices_on_the_days_asked_for():
    rare = np.array([False, False, True, True])
    lives = [lived(0, [0, 2], [3]), lived(1, [0, 1], [0]), lived(2, [3, 3], [3])]
    told = fairness.of_days(lives, rare, 0, 2)
    assert told.rare_shown == pytest.approx(1 / 4)  # movie 2, of four places
    assert told.rare_watched == pytest.approx(1 / 2)  # movie 3, of two choices
    assert told.coverage == pytest.approx(3 / 4)  # movie 3 was shown on day 2 alone


def test_the_thirds_are_the_first_and_the_last_ten_of_thirty_days():
    rare = np.array([False, True])
    lives = [lived(9, [1], [1]), lived(10, [0], [0]), lived(19, [0], [0]), lived(20, [0], [0])]
    told = fairness.thirds(lives, rare)
    assert (told["first"].rare_shown, told["last"].rare_shown) == (1, 0)


def test_days_on_which_nobody_asks_are_refused():
    with pytest.raises(ValueError, match="nobody asked from day 3 to day 4"):
        fairness.of_days([lived(0, [0], [0])], np.array([True]), 3, 4)


def test_the_table_tells_both_loops_from_first_to_last_days():
    first = {"rare_shown": 0.2, "rare_watched": 0.3, "coverage": 0.5, "gini": 0.7}
    last = first | {"rare_shown": 0.1}
    numbers = {"run_length": {}, "found": {}, "estimates": {}, "off_policy": {}}
    numbers |= {"fairness": {"with exploration": {"first": first, "last": last}}}
    line = table.table(numbers, 2000).splitlines()[-1]
    assert "with exploration" in line
    assert "places 20.0% to 10.0%, choices 30.0% to 30.0%, catalogue shown 50.0% to 50.0%" in line
