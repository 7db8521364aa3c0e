import numpy as np

from benchmarks.large_catalogue import spread_over
from benchmarks.workload import few_people
from marquee.data.tables.interactions import Interactions


def test_whole_histories_are_kept_within_the_bound(table: Interactions):
    for seed in range(8):
        few = few_people(table, most=4, seed=seed)
        assert 0 < len(few) <= 4
        for user in np.unique(few.user_index):
            assert np.count_nonzero(few.user_index == user) == np.count_nonzero(table.user_index == user)


def test_a_table_within_the_bound_stays_whole(table: Interactions):
    assert few_people(table, most=6, seed=0) is table


def test_a_larger_catalogue_keeps_people_times_and_the_order_of_rows(table: Interactions):
    spread = spread_over(table, num_movies=1000, seed=3)
    assert spread.user_index.tolist() == table.user_index.tolist()
    assert spread.timestamp.tolist() == table.timestamp.tolist()
    assert spread.num_movies == 1000
    assert spread.movie_index.max() >= 5
    rows = list(zip(spread.user_index, spread.timestamp, spread.movie_index, strict=True))
    assert rows == sorted(rows)
