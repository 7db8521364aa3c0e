"""Interactions: made from ratings, cut by period, seen as histories."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.data.tables import interactions, schema
from marquee.data.tables.interactions import TEST, TRAIN, Interactions, InteractionsError


def table(users: list[int], times: list[int], movies: list[int] | None = None) -> Interactions:
    n = len(users)
    return Interactions(
        user_index=np.array(users, np.int32),
        movie_index=np.array(movies if movies is not None else range(n), np.int32),
        half_stars=np.full(n, 7, np.uint8),
        timestamp=np.array(times, np.int64),
        period=np.zeros(n, np.uint8),
        num_users=max(users, default=-1) + 1,
        num_movies=max(n, 1),
    )


def ratings(user: list[int], movie: list[int], time: list[int]) -> pa.Table:
    """Half stars are 1, 2, 3, ... in the order given."""
    columns = {"user_id": user, "movie_id": movie, "half_stars": range(1, len(user) + 1), "timestamp": time}
    return pa.table(columns, schema=schema.INTERACTIONS)


def test_ids_become_row_numbers_sorted_by_user_then_time_then_movie():
    rated = ratings(user=[7, 3, 7, 7], movie=[10, 30, 40, 20], time=[50, 90, 40, 50])
    found = Interactions.from_ratings(rated, np.array([10, 20, 30, 40], np.int32))
    assert found.user_index.tolist() == [0, 1, 1, 1]
    assert found.movie_index.tolist() == [2, 3, 0, 1]
    assert found.timestamp.tolist() == [90, 40, 50, 50]
    assert found.half_stars.tolist() == [2, 3, 1, 4]
    assert (found.num_users, found.num_movies) == (2, 4)
    assert found.period.tolist() == [TRAIN] * 4


@pytest.mark.parametrize("catalogue", [[10, 20], [20, 30], []])
def test_ratings_of_movies_that_the_catalogue_lacks_are_an_error_that_names_one(catalogue):
    rated = ratings(user=[1, 1], movie=[15, 20], time=[5, 6])
    with pytest.raises(InteractionsError, match=r"movies that the movies table lacks, movie_id 15 for one"):
        Interactions.from_ratings(rated, np.array(catalogue, np.int32))


def test_no_ratings_are_an_error_that_says_what_to_do():
    with pytest.raises(InteractionsError, match="Run fetch_data again"):
        Interactions.from_ratings(ratings([], [], []), np.array([10], np.int32))


def test_movies_rated_in_a_period_are_those_with_a_row_there():
    found = table(users=[0, 0, 1], times=[5, 6, 1], movies=[0, 2, 0])
    found.period[:] = [TRAIN, TEST, TEST]
    assert found.rated_in(TRAIN).tolist() == [True, False, False]
    assert found.rated_in(TEST).tolist() == [True, False, True]


def test_packed_histories_stand_side_by_side_each_person_once():
    start, end = np.array([10, 3, 10, 7]), np.array([13, 5, 11, 7])
    rows, shift = interactions.packed(start, end)
    assert rows.tolist() == [3, 4, 10, 11, 12]
    assert (start - shift).tolist() == [2, 0, 2, 2]
    assert (end - shift).tolist() == [5, 2, 3, 2]


def test_history_is_strictly_earlier_so_ties_share_its_end():
    two_people = table(users=[0, 0, 0, 0, 1, 1], times=[10, 20, 20, 30, 20, 20])
    assert two_people.history_start.tolist() == [0, 0, 0, 0, 4, 4]
    assert two_people.history_end.tolist() == [0, 1, 1, 3, 4, 4]


def test_users_without_rows_own_an_empty_range():
    sparse = table(users=[0, 2], times=[1, 1])
    assert sparse.user_starts.tolist() == [0, 1, 1, 2]


def test_rating_is_in_stars():
    assert table([0], [1]).rating.tolist() == [3.5]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=30))
def test_history_end_counts_the_earlier_interactions_of_the_same_person(rows):
    rows = sorted(rows)
    found = table([user for user, _ in rows], [time for _, time in rows])
    for row, (user, time) in enumerate(rows):
        earlier = sum(other == user and before < time for other, before in rows)
        assert found.history_end[row] - found.history_start[row] == earlier


def test_a_written_table_reads_back_the_same(tmp_path):
    before = table([0, 0, 1], [5, 6, 1])
    interactions.write(before, tmp_path / "i.parquet")
    after = interactions.read(tmp_path / "i.parquet")
    assert after.num_users == 2
    assert after.num_movies == 3
    for name in interactions.COLUMNS:
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))


def test_in_periods_keeps_the_rows_of_those_periods_only():
    before = table([0, 0, 1], [5, 6, 1])
    before.period[:] = [TRAIN, TEST, TRAIN]
    assert before.in_periods(TRAIN).timestamp.tolist() == [5, 1]
