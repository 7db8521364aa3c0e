"""The calculations behind `explore_data`, on columns small enough to count by hand."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.data.exploration import bins, chart, profile, wording
from marquee.data.tables.interactions import Interactions
from marquee.pipeline.arrays import Int64

HOUR, DAY = 3600, 86_400
JAN_2000 = 946_684_800  # Saturday, midnight UTC
counts_of_movies = st.lists(st.integers(1, 1000), min_size=1, max_size=50).map(np.array)


def interactions(user: list[int], movie: list[int], half_stars: list[int], time: list[int]) -> Interactions:
    return Interactions(
        np.array(user, np.int32),
        np.array(movie, np.int32),
        np.array(half_stars, np.uint8),
        np.array(time, np.int64),
        np.zeros(len(user), np.uint8),
        num_users=max(user) + 1,
        num_movies=max(movie) + 1,
    )


def test_calendar_counts_years_without_gaps_once_the_data_span_two_changes_of_year():
    time = np.array([JAN_2000, JAN_2000 + 366 * DAY, JAN_2000 + (366 + 365 + 365) * DAY])
    found = bins.calendar(time)
    assert found.labels == ["2000", "2001", "2002", "2003"]
    assert found.position.tolist() == [0, 1, 3]
    assert found.starts[:2].tolist() == [JAN_2000, JAN_2000 + 366 * DAY]
    assert found.unit == "year"


def test_calendar_counts_months_in_shorter_data():
    found = bins.calendar(np.array([JAN_2000 - 1, JAN_2000, JAN_2000 + 31 * DAY]))
    assert found.labels == ["1999-12", "2000-01", "2000-02"]
    assert found.position.tolist() == [0, 1, 2]
    assert found.unit == "month"


def test_hours_and_weekdays_are_those_of_utc_with_monday_first():
    time = np.array([JAN_2000, JAN_2000 + 5 * HOUR + 59, JAN_2000 + 2 * DAY + 23 * HOUR])
    hours, days = bins.by_hour(time), bins.by_weekday(time)
    assert (hours[0], hours[5], hours[23], hours.sum()) == (1, 1, 1, 3)
    assert days.tolist() == [1, 0, 0, 0, 0, 2, 0]


def test_doubling_classes_start_at_the_first_in_use():
    names, shares = bins.by_doubling(np.array([3, 4, 5, 8, 9, 16, 16, 33]))
    assert names == ["3–4", "5–8", "9–16", "17–32", "33–64"]
    assert shares.tolist() == [0.25, 0.25, 0.375, 0, 0.125]


def test_doubling_classes_beyond_ten_are_one_class():
    names, shares = bins.by_doubling(np.array([1, 257, 2048, 5000]))
    assert names[:3] == ["1", "2", "3–4"]
    assert names[-2:] == ["129–256", "over 256"]
    assert (len(names), shares[0], shares[-1]) == (10, 0.25, 0.75)


@given(counts_of_movies)
def test_doubling_shares_sum_to_one_with_a_name_each(counts: Int64):
    names, shares = bins.by_doubling(counts)
    assert len(names) == len(shares) <= bins.MOST_DOUBLINGS
    assert shares.sum() == pytest.approx(1)


def test_quartiles_along_few_values_take_one_class_per_value_and_leave_out_small_ones():
    middle, quartiles = bins.quartiles_along(
        np.array([1] * 5 + [2] * 5 + [7]), np.array([1, 2, 3, 4, 5, 2, 2, 2, 2, 2, 9.0])
    )
    assert middle.tolist() == [1, 2]
    assert quartiles.tolist() == [[2, 2], [3, 2], [4, 2]]


def test_quartiles_along_many_values_take_classes_of_equal_size():
    first = np.arange(120)
    middle, quartiles = bins.quartiles_along(first, first * 2.0)
    assert len(middle) == 12
    assert middle[0] == 4.5  # of 0 to 9
    assert quartiles[1].tolist() == pytest.approx(2 * middle)


def test_top_share_is_what_the_largest_tenth_holds():
    counts = np.array([1, 1, 1, 1, 1, 1, 1, 1, 2, 10])
    assert profile.top_share(counts, 0.1) == 0.5
    assert profile.top_share(counts, 0.2) == 0.6
    assert profile.top_share(counts, 0.01) == 0.5  # one movie at least


def test_cumulative_share_starts_at_nothing_and_takes_the_most_rated_first():
    movies, held = profile.cumulative_share(np.array([1, 6, 3]))
    assert movies.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert held.tolist() == pytest.approx([0, 0.6, 0.9, 1])


def test_gini_is_a_quarter_where_one_of_two_holds_three_quarters():
    assert profile.gini(np.array([3, 1])) == 0.25


def test_gini_is_nothing_where_all_hold_the_same():
    assert profile.gini(np.array([4, 4, 4])) == 0


@given(counts_of_movies)
def test_gini_lies_between_equality_and_one_holding_everything(counts: Int64):
    assert -1e-12 <= profile.gini(counts) < 1


def test_a_gap_over_an_hour_or_another_user_starts_a_session():
    user = np.array([0, 0, 0, 1, 1], np.int32)
    time = np.array([0, HOUR, 2 * HOUR + 1, 2 * HOUR + 2, 2 * HOUR + 3])
    starts = profile.session_starts(user, time)
    assert starts.tolist() == [True, False, True, True, False]
    assert profile.lengths(starts).tolist() == [2, 1, 2]


def test_tied_rows_are_all_that_share_their_second_with_the_same_user():
    user = np.array([0, 0, 0, 0, 1], np.int32)
    assert profile.tied_share(user, np.array([5, 5, 5, 6, 6])) == 0.6


def test_a_single_row_is_tied_with_nothing():
    assert profile.tied_share(np.array([0], np.int32), np.array([5])) == 0


def test_history_spans_run_from_the_first_rating_of_a_user_to_the_last():
    table = interactions([0, 0, 0, 1], [0, 1, 2, 0], [8, 8, 8, 8], [10, 20, 70, 500])
    assert profile.history_spans(table).tolist() == [60, 0]


def test_half_star_shares_count_odd_half_stars_of_each_user():
    table = interactions([0, 0, 0, 0, 1], [0, 1, 2, 3, 0], [7, 8, 10, 2, 4], [1, 2, 3, 4, 5])
    assert profile.half_star_shares(table).tolist() == [0.25, 0]


def test_newcomers_are_those_without_an_earlier_interaction():
    index = np.array([0, 1, 0, 2, 2, 2, 3], np.int32)
    time = np.array([10, 15, 20, 20, 25, 30, 40])
    found = profile.newcomers(index, time, start=20, end=31)  # 0 is known, 2 is new, 3 comes later
    assert (found.seen, found.new_share, found.interaction_share) == (2, 0.5, 0.75)


def test_newcomers_of_an_empty_period_are_not_a_number():
    found = profile.newcomers(np.array([0], np.int32), np.array([5]), start=10, end=20)
    assert found.seen == 0
    assert np.isnan([found.new_share, found.interaction_share]).all()


def test_movie_ages_are_calendar_years_and_leave_out_movies_without_a_year():
    time = np.array([JAN_2000, JAN_2000 - 1, JAN_2000])
    ages = profile.movie_ages(time, np.array([0, 0, 1], np.int32), np.array([1995, 0], np.int32))
    assert ages.tolist() == [5, 4]


def test_coverage_weighs_movies_alike_and_by_their_ratings():
    movies = pa.table({"movie_id": [3, 5, 8, 9], "year": [1999, 0, 2001, 0]})
    metadata = pa.table({"movie_id": [5, 8], "overview": ["", "A heist."]})
    year, overview = profile.coverage(movies, metadata, np.array([6, 2, 1, 1]))
    assert year == profile.Coverage("year", movies=0.5, ratings=0.7)
    assert overview == profile.Coverage("overview", movies=0.25, ratings=0.1)


def test_metadata_of_movies_outside_the_catalogue_covers_nothing():
    movies = pa.table({"movie_id": [3, 5]})
    metadata = pa.table({"movie_id": [4, 5, 99], "overview": ["other", "ours", "other"]})
    (overview,) = profile.coverage(movies, metadata, np.array([1, 3]))
    assert (overview.movies, overview.ratings) == (0.5, 0.75)


def test_spearman_depends_on_ranks_alone():
    first = np.arange(1, 13)
    assert profile.spearman(first, first**3).rho == pytest.approx(1)
    swapped = first.copy()
    swapped[[0, 1]] = swapped[[1, 0]]  # two ranks off by one: 1 - 6 * 2 / (12 * 143)
    found = profile.spearman(first, swapped)
    assert found.rho == pytest.approx(1 - 12 / 1716)
    assert found.low < found.rho < found.high < 1


def test_spearman_is_not_defined_for_a_constant_or_for_too_few():
    assert np.isnan(profile.spearman(np.arange(12), np.ones(12)).rho)
    assert np.isnan(profile.spearman(np.arange(9), np.arange(9)).rho)


def test_mean_ratings_are_stars_and_missing_where_nobody_rated():
    table = interactions([0, 0, 1], [0, 2, 0], [10, 3, 7], [1, 2, 3])
    assert profile.mean_ratings(table) == pytest.approx([4.25, np.nan, 1.5], nan_ok=True)


def test_genre_shares_count_a_movie_in_each_of_its_genres():
    genres = pa.array([["Drama"], ["Comedy", "Drama"], []])
    names, shares = profile.genre_shares(
        np.array([0, 1, 1, 2, 0], np.int32), np.array([0, 0, 0, 0, 2], np.int32), 3, genres, 3
    )
    assert names == ["Drama", "Comedy"]  # 4 and 2 ratings
    assert shares[[0, 2]].tolist() == [[0.75, 0.5], [1, 0]]
    assert np.isnan(shares[1]).all()  # nobody rated then


def test_largest_drift_compares_the_first_quarter_of_the_ratings_with_the_last():
    shares = np.array([[0.5, 0.1], [np.nan, np.nan], [0.7, 0.4]])
    assert profile.largest_drift(shares, np.array([50, 0, 50])) == pytest.approx(0.3)
    # The first quarter of 100 lies half in bin 0: 0.5 * (0.2 + 0.4) = 0.3, against 0.4 in the last.
    uneven = np.array([[0.2], [0.4]])
    assert profile.largest_drift(uneven, np.array([50, 350])) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.0002, "under 0.1 %"),
        (0.0734, "7.3 %"),
        (0.414, "41 %"),
        (0.983, "98.3 %"),
        (0.99999, "99.99 %"),
        (float("nan"), "–"),
    ],
)
def test_percentages_never_claim_none_or_all_when_it_is_not_so(share: float, text: str):
    assert wording.percent(share) == text


def test_counts_have_separators_and_correlations_a_sign():
    assert wording.thousands(1234567) == "1,234,567"
    assert wording.thousands(70.5) == "70.5"
    assert wording.signed(0.251) == "+0.25"
    assert wording.signed(-0.09) == "−0.09"


def test_labels_that_touch_are_pushed_apart_about_their_middle_and_others_stay():
    heights = np.array([10.0, 50.0, 11.0])
    assert chart.spread(heights, gap=4.0).tolist() == [8.5, 50, 12.5]


def test_a_group_of_labels_that_grows_takes_in_its_neighbour():
    # 10 and 11 would spread to 8.5 and 12.5, which touches 14; the three then lie about 35 / 3.
    spread = chart.spread(np.array([10.0, 11.0, 14.0]), gap=4.0)
    assert spread == pytest.approx([35 / 3 - 4, 35 / 3, 35 / 3 + 4])
