import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from marquee.data.tables.interactions import CONTEXT, Interactions
from marquee.evaluation.measures.events import Events
from marquee.models.retrieval import batches
from marquee.models.retrieval.batches import Histories

DAY = 86_400


def people(lengths: list[int]) -> Interactions:
    users = np.repeat(np.arange(len(lengths)), lengths).astype(np.int32)
    n = len(users)
    return Interactions(
        user_index=users,
        movie_index=np.arange(n, dtype=np.int32),
        half_stars=np.full(n, 8, np.uint8),
        timestamp=np.arange(n, dtype=np.int64),
        period=np.zeros(n, np.uint8),
        num_users=len(lengths),
        num_movies=max(1, n),
    )


@given(
    lengths=st.lists(st.integers(0, 40), min_size=1, max_size=8),
    length=st.integers(2, 12),
    at_least=st.integers(1, 5),
)
def test_windows_ask_for_every_interaction_once_and_stay_within_one_person(lengths, length, at_least):
    table = people(lengths)
    windows = batches.training_windows(table, length, at_least)
    asked = [row for a, e in zip(windows.asks_from, windows.end, strict=True) for row in range(a, e)]
    enough = [row for row in range(len(table)) if lengths[table.user_index[row]] >= at_least]
    assert sorted(asked) == enough
    for start, asks_from, end in zip(windows.start, windows.asks_from, windows.end, strict=True):
        assert start <= asks_from < end <= start + length
        assert len(set(table.user_index[start:end].tolist())) == 1
        is_first = start == table.user_starts[table.user_index[start]]
        assert is_first or asks_from - start >= length // 2 - 1


def test_targets_of_one_second_are_read_off_the_row_before_them(catalogue, make_table, make_params):
    table = make_table(users=[0] * 4, times=[1, 2, 2, 3], movies=[5, 6, 7, 8])
    params = make_params(batch_size=1)
    windows = batches.training_windows(table, params.history_length, 1)
    weights = np.ones(4, np.float32)
    histories = Histories(table, catalogue)
    (batch,) = batches.training_batches(histories, windows, weights, params, np.random.default_rng(0))
    assert batch["target"].tolist() == [5, 6, 7, 8]
    assert batch["read_at"].tolist() == [[0, 0], [0, 1], [0, 1], [0, 3]]
    assert batch["movie_index"].tolist() == [[5, 6, 7, 8, 0, 0]]


def test_a_second_that_fills_a_window_is_not_asked_as_if_nothing_came_before(
    catalogue, make_table, make_params
):
    table = make_table(users=[0] * 6, times=[1, 2, 2, 2, 2, 2], movies=[0, 1, 2, 3, 4, 5])
    params = make_params(history_length=2, batch_size=10)
    windows = batches.training_windows(table, 2, 1)
    found = batches.training_batches(
        Histories(table, catalogue), windows, np.ones(6, np.float32), params, np.random.default_rng(0)
    )
    targets = [movie for batch in found for movie in batch["target"].tolist()]
    # Movie 0 has no history, 1 sees movie 0; the windows of the others start inside their own second.
    assert sorted(targets) == [0, 1]


def test_targets_of_weight_zero_are_left_out(catalogue, make_table, make_params):
    table = make_table(users=[0] * 3, times=[1, 2, 3], movies=[5, 6, 7])
    params = make_params()
    windows = batches.training_windows(table, params.history_length, 1)
    weights = np.array([1, 0, 1], np.float32)
    (batch,) = batches.training_batches(
        Histories(table, catalogue), windows, weights, params, np.random.default_rng(0)
    )
    assert batch["target"].tolist() == [5, 7]


def test_an_epoch_takes_every_window_once_where_they_are_few():
    windows = batches.training_windows(people([9, 7, 3]), 4, 1)
    order = batches.epoch_order(
        windows, np.ones(19, np.float32), len(windows.start), np.random.default_rng(0)
    )
    assert sorted(order.tolist()) == list(range(len(windows.start)))


def test_where_windows_are_many_an_epoch_draws_some_once_in_proportion_to_their_weight():
    windows = batches.training_windows(people([2] * 40), 4, 1)
    weights = np.repeat(np.array([1.0, 3.0, 0.0, 0.0], np.float32), 20)  # 10 windows each
    drawn = np.zeros(40)
    rng = np.random.default_rng(0)
    for _ in range(2000):
        order = batches.epoch_order(windows, weights, 2, rng)
        assert len(set(order.tolist())) == 2
        drawn[order] += 1
    heavy, light, none = drawn[10:20].sum(), drawn[:10].sum(), drawn[20:].sum()
    # First draws are 3 to 1; the second, without what is gone, 30 or 27 to 10 or 9: together 2.97 to 1.
    assert 2.7 < heavy / light < 3.25
    assert none == 0


def test_target_weights_halve_with_age_and_fall_below_the_positive_rating(make_table, make_params):
    table = make_table(users=[0, 0], times=[0, 731], movies=[1, 2])
    table.half_stars[:] = [9, 7]
    weights = batches.target_weights(table, make_params(half_life_years=1.0), positive_rating=4.0)
    two_years = 731 / 365.25
    np.testing.assert_allclose(weights, [0.5**two_years, 0.5], rtol=1e-5)


def test_events_of_one_person_are_read_off_shared_windows(catalogue, make_table):
    table = make_table(users=[0] * 6, times=[1, 2, 3, 4, 5, 5], movies=[3, 4, 5, 6, 7, 8])
    rows = np.array([5, 0, 3, 4])
    events = Events(rows, table.history_start[rows], table.history_end[rows])
    batch = batches.event_batch(Histories(table, catalogue), events, length=4)
    # Histories of 4, 0, 3 and 4 rows: with 4, a full length, the window has moved on by half a length.
    assert batch["movie_index"].tolist() == [[3, 4, 5, 0], [5, 6, 0, 0]]
    assert batch["read_at"].tolist() == [[1, 2], [0, 0], [0, 3], [1, 2]]


def test_an_event_reads_the_window_it_is_trained_in(catalogue, make_table, make_params):
    table = make_table(users=[0] * 11, times=list(range(11)), movies=[*range(11)])
    rows = np.arange(11)
    events = Events(rows, table.history_start[rows], table.history_end[rows])
    asked = batches.event_batch(Histories(table, catalogue), events, length=4)
    windows = batches.training_windows(table, 4, 1)
    trained = {
        row: start
        for start, first, end in zip(*vars(windows).values(), strict=True)
        for row in range(first, end)
    }
    starts = rows - asked["read_at"][:, 1]
    assert starts.tolist() == [trained[row] for row in rows]


def test_known_movies_have_enough_interactions(make_table):
    table = make_table(users=[0, 0, 1], times=[1, 2, 1], movies=[3, 4, 4])
    known = batches.known_movies(table, min_interactions=2)
    assert known.movies.tolist() == [4]
    np.testing.assert_allclose(known.frequency[[3, 4, 5]], [1 / 3, 2 / 3, 0])


def test_an_id_row_is_the_place_among_the_known_movies_and_0_is_nobodys(make_table):
    known = batches.known_movies(make_table(users=[0, 0, 1], times=[1, 2, 1], movies=[3, 1, 3]), 1)
    assert known.id_rows(6).tolist() == [0, 1, 0, 2, 0, 0]
    assert known.id_rows(6).dtype == np.int32


def test_context_is_history_and_neither_target_nor_knowledge(make_table, make_params):
    table = make_table(users=[0, 0], times=[0, 1], movies=[1, 2])
    table.period[0] = CONTEXT
    assert batches.target_weights(table, make_params(), positive_rating=4.0).tolist() == [0.0, 1.0]
    assert batches.known_movies(table, 1).movies.tolist() == [2]
