"""Ranking events over the catalogue in batches."""

import numpy as np
import pytest

from marquee.data.tables.interactions import TEST, TRAIN
from marquee.evaluation.measures import ranks
from marquee.evaluation.measures.events import Events, of_period
from marquee.evaluation.measures.rank_metrics import REMOVED


@pytest.fixture(scope="module")
def interactions(table):
    return table(
        (0, 0, 4.0, 10, TRAIN),
        (0, 1, 4.0, 20, TEST),
        (0, 2, 4.0, 20, TEST),
        (0, 3, 4.0, 30, TEST),
        (1, 3, 4.0, 15, TEST),
        (1, 3, 4.0, 25, TEST),
        num_movies=5,
    )


@pytest.fixture(scope="module")
def events(interactions):
    return of_period(interactions, TEST, max_users=10, seed=0)


def by_index(events):
    """The higher the index, the better, for everyone."""
    return np.tile(np.arange(5, dtype=np.float32), (len(events), 1))


@pytest.mark.parametrize("batch_size", [1, 2, 4, 100])
def test_ranks_walk_forward_whatever_the_batch(interactions, events, batch_size):
    found = ranks.rank_events(by_index, interactions, events, batch_size, progress=False)
    # Tied in time, movies 1 and 2 do not see each other: behind 2, 3, 4 and behind 3, 4. Then 3 behind 4.
    # User 1: behind 4 without a history; the second time it has been seen.
    assert found.tolist() == [4, 3, 2, 2, REMOVED]
    assert found.dtype == np.int32


def test_no_event_gives_no_rank(interactions, events):
    none = events.only(np.zeros(len(events), dtype=bool))
    assert ranks.rank_events(by_index, interactions, none, 8, progress=False).shape == (0,)


def test_a_scorer_of_part_of_the_catalogue_is_refused(interactions, events):
    with pytest.raises(ranks.ScoresError, match=r"shape \(5, 5\); it returned \(5, 4\)"):
        ranks.rank_events(lambda batch: by_index(batch)[:, :4], interactions, events, 8, progress=False)


def test_lists_hold_unseen_movies_best_first(interactions, events):
    lists = ranks.list_events(by_index, interactions, events, 3, batch_size=2, progress=False)
    assert lists[0].tolist() == [4, 3, 2]
    assert lists[2].tolist() == [4, 3, -1]
    assert lists[4].tolist() == [4, 2, 1]


def test_equal_scores_are_listed_in_order_of_index(interactions, events):
    flat = ranks.list_events(
        lambda batch: np.zeros((len(batch), 5), np.float32), interactions, events, 2, progress=False
    )
    assert flat[0].tolist() == [1, 2]
    assert flat[3].tolist() == [0, 1]


def test_a_list_longer_than_the_catalogue_ends_in_blanks(interactions, events):
    lists = ranks.list_events(by_index, interactions, events, 6, progress=False)
    assert lists[3].tolist() == [4, 3, 2, 1, 0, -1]


def test_history_rows_are_the_slices_one_after_the_other():
    position, rows = ranks.history_rows(Events(np.array([3, 4, 9]), np.array([0, 4, 7]), np.array([3, 4, 9])))
    assert position.tolist() == [0, 0, 0, 2, 2]
    assert rows.tolist() == [0, 1, 2, 7, 8]


def test_the_last_event_of_each_user_is_kept(interactions, events):
    assert ranks.last_of_each_user(interactions, events).rows.tolist() == [3, 5]
