"""Who is train, validation and test."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.data.preparation import splits
from marquee.data.preparation.splits import SplitError
from marquee.data.tables.interactions import CONTEXT, TEST, TRAIN, VALIDATION
from marquee.pipeline.params import PreprocessData


def choices(**changes) -> PreprocessData:
    values = {
        "split": "temporal",
        "validation_cutoff": 0.5,
        "test_cutoff": 0.75,
        "positive_rating": 4.0,
        "min_user_interactions": 1,
        "min_movie_interactions": 1,
        "min_word_count": 1,
        "text_dim": 4,
    }
    return PreprocessData(**(values | changes))


def arrays(users: list[int], times: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(users, np.int32), np.array(times, np.int64)


def test_a_share_names_the_timestamp_of_the_interaction_at_that_place():
    assert splits.time_cutoff(np.array([30, 10, 20, 40]), 0.5) == 30


def test_a_date_is_midnight_in_utc():
    assert splits.time_cutoff(np.array([1]), "1970-01-02") == 86_400


def test_text_that_is_no_date_is_an_error_that_shows_it():
    with pytest.raises(SplitError, match=r"'soon' is neither a share nor YYYY-MM-DD"):
        splits.time_cutoff(np.array([1]), "soon")


def test_interactions_of_one_second_stay_in_one_period():
    users, times = arrays([0, 1, 2, 3], [10, 20, 20, 30])
    period = splits.assign_periods(users, times, choices(test_cutoff=0.8), seed=1)
    assert period.tolist() == [TRAIN, VALIDATION, VALIDATION, TEST]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1000)), min_size=20, max_size=60, unique=True))
def test_under_the_temporal_split_nothing_of_a_period_is_older_than_the_one_before(rows):
    users, times = arrays(*map(list, zip(*sorted(rows), strict=True)))
    try:
        period = splits.assign_periods(users, times, choices(), seed=1)
    except SplitError:
        return  # every interaction in one second or two: said, not split
    assert times[period == TRAIN].max() < times[period == VALIDATION].min()
    assert times[period == VALIDATION].max() < times[period == TEST].min()


def test_leave_last_out_takes_the_last_two_of_everyone():
    users, times = arrays([0, 0, 0, 1, 1, 1, 1], [1, 2, 3, 1, 2, 3, 4])
    period = splits.assign_periods(users, times, choices(split="leave_last_out"), seed=1)
    assert period.tolist() == [TRAIN, VALIDATION, TEST, TRAIN, TRAIN, VALIDATION, TEST]


def test_the_user_split_holds_people_out_whole_and_asks_for_the_last_fifth():
    users = np.repeat(np.arange(8, dtype=np.int32), 10)
    times = np.tile(np.arange(10, dtype=np.int64), 8)
    period = splits.assign_periods(users, times, choices(split="user"), seed=3).reshape(8, 10)
    for person in period:
        held_out = set(person.tolist()) - {TRAIN}
        if held_out:
            assert person[:8].tolist() == [CONTEXT] * 8
            assert len(set(person[8:].tolist())) == 1
        else:
            assert (person == TRAIN).all()
    assert (period[:, -1] == TEST).sum() == 2
    assert (period[:, -1] == VALIDATION).sum() == 2


def test_the_random_split_gives_each_period_its_share_and_repeats_with_the_seed():
    users, times = np.zeros(100, np.int32), np.arange(100, dtype=np.int64)
    first, second = (splits.assign_periods(users, times, choices(split="random"), seed=5) for _ in range(2))
    assert np.bincount(first).tolist() == [50, 25, 25]
    np.testing.assert_array_equal(first, second)


def test_an_empty_period_is_an_error_that_names_it_and_the_cutoffs():
    users, times = arrays([0, 1, 2, 3], [10, 20, 30, 40])
    with pytest.raises(SplitError, match=r"The test period is empty.*2030-01-01"):
        splits.assign_periods(users, times, choices(test_cutoff="2030-01-01"), seed=1)


def test_cutoffs_in_the_wrong_order_are_an_error():
    users, times = arrays([0, 1, 2, 3], [10, 20, 30, 40])
    with pytest.raises(SplitError, match=r"test_cutoff \(10\) must come after validation_cutoff \(30\)"):
        splits.assign_periods(users, times, choices(validation_cutoff=0.5, test_cutoff=0.1), seed=1)


def test_dates_do_not_cut_a_split_by_user():
    users, times = arrays([0, 1], [10, 20])
    with pytest.raises(SplitError, match="takes shares"):
        splits.assign_periods(users, times, choices(split="user", test_cutoff="2020-01-01"), seed=1)


def test_ratings_of_one_moment_cannot_be_split_in_time_and_the_advice_splits_them():
    users, times = arrays([0, 1, 2, 3], [20, 20, 20, 20])
    with pytest.raises(
        SplitError,
        match=r"timestamp 20: .* set preprocess_data.split",
    ):
        splits.assign_periods(users, times, choices(), seed=1)
    assert set(splits.assign_periods(users, times, choices(split="random"), seed=1)) == {
        TRAIN,
        VALIDATION,
        TEST,
    }


def test_ratings_of_which_none_is_a_like_are_refused_with_the_knob():
    with pytest.raises(
        SplitError, match=r"at or above preprocess_data.positive_rating, 4: the highest is 3.5"
    ):
        splits.require_likes(np.array([1.0, 3.5], np.float32), 4.0)
    splits.require_likes(np.array([1.0, 4.0], np.float32), 4.0)
