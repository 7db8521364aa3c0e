import numpy as np
import pytest

from marquee.models.features import history

DAY = 86_400


def test_a_year_with_fraction_counts_from_1970():
    assert history.in_years(np.array([0])).tolist() == [1970.0]
    assert history.in_years(np.array([int(2.5 * 365.25 * DAY)])).tolist() == [1972.5]


def test_the_running_mean_starts_at_the_prior_and_includes_the_row():
    rating = np.array([5.0, 5.0, 1.0], np.float32)
    mean = history.running_mean(rating, first_row=np.array([0, 0, 2]))
    # (3.5 x 3 + 5) / 4, (3.5 x 3 + 10) / 5, and another person's (3.5 x 3 + 1) / 4
    np.testing.assert_allclose(mean, [3.875, 4.1, 2.875])


def test_history_features_worked_out_by_hand():
    found = history.history_features(
        movie_index=np.array([1, 0], np.int32),
        rating=np.array([5.0, 2.0], np.float32),
        timestamp=np.array([0, 3 * DAY]),
        first_row=np.array([0, 0]),
        release=np.array([1969.0, 1960.0], np.float32),
    )
    second_mean = (3.5 * 3 + 7) / 5
    age = 1970 + 3 / 365.25 - 1969
    np.testing.assert_allclose(
        found,
        [
            [(5 - 3.875) / 2, 0.75, 0.0, np.log1p(10) / 4],
            [(2 - second_mean) / 2, -0.75, np.log1p(3) / 4, np.log1p(age) / 4],
        ],
        rtol=1e-4,  # a year in float32 is exact to an hour
    )


def test_a_query_without_history_is_described_by_the_prior():
    none = np.array([], dtype=np.float32)
    found = history.query_features(
        none, none.astype(np.int64), none.astype(np.int64), np.array([0]), np.array([0]), np.array([9 * DAY])
    )
    assert found.tolist() == [[0.0, 0.0, 0.0]]


def test_query_features_count_the_history_and_the_days_since_it():
    found = history.query_features(
        rating=np.array([5.0, 5.0], np.float32),
        timestamp=np.array([0, DAY]),
        first_row=np.array([0, 0]),
        history_start=np.array([0]),
        history_end=np.array([2]),
        now=np.array([4 * DAY]),
    )
    np.testing.assert_allclose(found, [[np.log1p(2) / 4, np.log1p(3) / 4, (4.1 - 3.5) / 2]], rtol=1e-5)


def test_query_features_read_only_the_people_who_are_asked():
    first_row = np.array([0, 0, 2, 2, 2, 5])
    rating = np.array([5.0, 5.0, 1.0, np.nan, np.nan, np.nan], np.float32)  # NaN: not to be read
    found = history.query_features(
        rating,
        timestamp=np.arange(6),
        first_row=first_row,
        history_start=np.array([2, 5, 2]),
        history_end=np.array([3, 5, 3]),
        now=np.array([9, 9, 9]),
    )
    # (3.5 x 3 + 1) / 4 = 2.875 twice, and the prior for the person without a history
    np.testing.assert_allclose(found[:, 2], [(2.875 - 3.5) / 2, 0.0, (2.875 - 3.5) / 2])


def test_nothing_after_a_row_changes_its_features():
    rng = np.random.default_rng(0)
    rating = rng.integers(1, 11, 20).astype(np.float32) / 2
    time, first, movie = np.arange(20) * DAY, np.zeros(20, np.int64), np.arange(20, dtype=np.int32)
    release = np.linspace(1950, 1969, 20).astype(np.float32)
    whole = history.history_features(movie, rating, time, first, release)
    half = history.history_features(movie[:10], rating[:10], time[:10], first[:10], release)
    np.testing.assert_array_equal(whole[:10], half)


def test_a_person_has_the_same_features_whoever_stands_before():
    rng = np.random.default_rng(1)
    rating = rng.integers(1, 11, 30).astype(np.float32) / 2
    time, movie = np.arange(30) * 1000, np.arange(30, dtype=np.int32)
    release = np.full(30, 1960.0, np.float32)
    together = history.history_features(movie, rating, time, np.repeat([0, 17], [17, 13]), release)
    alone = history.history_features(movie[17:], rating[17:], time[17:], np.zeros(13, np.int64), release)
    np.testing.assert_array_equal(together[17:], alone)


def test_windows_are_left_aligned_and_padded_with_zeros():
    cut = history.windows(
        movie_index=np.array([7, 8, 9], np.int32),
        features=np.array([[1.0], [2.0], [3.0]], np.float32),
        start=np.array([1, 0]),
        end=np.array([3, 0]),
        length=3,
    )
    assert cut.movie_index.tolist() == [[8, 9, 0], [0, 0, 0]]
    assert cut.features[..., 0].tolist() == [[2.0, 3.0, 0.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("length", [1, 4])
def test_an_empty_table_gives_empty_windows(length):
    nothing = np.zeros(0, np.int32)
    cut = history.windows(nothing, np.zeros((0, 2), np.float32), np.array([0]), np.array([0]), length)
    assert cut.movie_index.tolist() == [[0] * length]
    assert not cut.features.any()


def test_a_window_holds_from_half_a_length_to_a_length_of_the_past():
    end = np.array([5, 5 + 99, 5 + 100, 5 + 149, 5 + 150])
    start = history.window_start(np.full(5, 5), end, length=100)
    assert (start - 5).tolist() == [0, 0, 50, 50, 100]
    assert (end - start).tolist() == [0, 99, 50, 99, 50]
