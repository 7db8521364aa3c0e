"""Events walk forward and see only what is strictly earlier."""

import numpy as np
import pytest

from marquee.data.tables.interactions import TEST, TRAIN
from marquee.evaluation.measures.events import of_period


@pytest.fixture(scope="module")
def interactions(table):
    return table(
        (0, 0, 4.0, 10, TRAIN),
        (0, 1, 4.0, 20, TEST),
        (0, 2, 4.0, 20, TEST),
        (0, 3, 4.0, 30, TEST),
        (2, 0, 4.0, 20, TEST),
        (2, 1, 4.0, 40, TEST),
        num_movies=4,
    )


def test_history_is_strictly_earlier_and_includes_the_period_itself(interactions):
    events = of_period(interactions, TEST, max_users=9, seed=0)
    histories = [
        interactions.movie_index[start:end].tolist()
        for start, end in zip(events.history_start, events.history_end, strict=True)
    ]
    # Movies 1 and 2 share a timestamp: neither knows of the other; user 2 begins without a history.
    assert histories == [[0], [0], [0, 1, 2], [], [0]]
    assert events.has_history.tolist() == [True, True, True, False, True]


def test_people_are_drawn_whole_and_by_the_seed(interactions):
    drawn = [of_period(interactions, TEST, max_users=1, seed=seed).rows.tolist() for seed in range(20)]
    assert {tuple(rows) for rows in drawn} == {(1, 2, 3), (4, 5)}
    assert drawn == [
        of_period(interactions, TEST, max_users=1, seed=seed).rows.tolist() for seed in range(20)
    ]


def test_only_keeps_rows_and_histories_together(interactions):
    events = of_period(interactions, TEST, max_users=9, seed=0)
    kept = events.only(np.array([False, False, True, False, False]))
    assert (kept.rows.tolist(), kept.history_start.tolist(), kept.history_end.tolist()) == ([3], [0], [3])
