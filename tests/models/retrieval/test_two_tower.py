from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import Interactions
from marquee.evaluation.measures.events import Events
from marquee.models.retrieval import batches, fitting, two_tower
from marquee.models.retrieval.batches import Histories, event_batch
from marquee.models.training import weights
from marquee.models.training.checkpoint import Checkpoint
from marquee.models.training.runtime import start_tensorflow


@pytest.fixture
def table(make_table):
    rng = np.random.default_rng(3)
    users = np.repeat(np.arange(6), 8)
    movies = np.concatenate([rng.permutation(10)[:8] for _ in range(6)])  # 10 and 11 are never rated
    return make_table(users.tolist(), list(range(8)) * 6, movies.tolist())


@pytest.fixture
def untrained(table, catalogue, make_params, preprocessing):
    return fitting.build(table, catalogue, make_params(), preprocessing)


def events_at(rows, table) -> Events:
    rows = np.array(rows, np.int64)
    return Events(rows, table.history_start[rows], table.history_end[rows])


def changed(table: Interactions, rows, movies: bool = True, stars: bool = True) -> Interactions:
    """A new table, of which nothing is computed yet, with other movies or stars in some rows."""
    return replace(
        table,
        movie_index=np.where(rows & movies, (table.movie_index + 1) % 12, table.movie_index).astype(np.int32),
        half_stars=np.where(rows & stars, 1, table.half_stars).astype(np.uint8),
    )


def test_age_waves_of_a_difference_depend_on_the_difference_alone():
    def product(left: float, right: float) -> float:
        waves = two_tower.age_waves(tf.constant([left, right]))
        return float(tf.reduce_sum(waves[0] * waves[1]))

    assert product(2018.0, 2015.0) == pytest.approx(product(1998.0, 1995.0), abs=1e-3)


def test_the_curve_over_age_is_the_same_whatever_the_date(untrained):
    state = tf.random.normal([1, 16])
    context = tf.zeros([1, 3])
    waves = len(two_tower.AGE_PERIODS) * 2

    def age_score(now: float, release: float) -> float:
        query = untrained.model.query_tower.read(state, context, tf.constant([now]))
        return float(tf.reduce_sum(query[:, -waves:] * two_tower.age_waves(tf.constant([release]))))

    assert age_score(2018.5, 2016.0) == pytest.approx(age_score(1999.5, 1997.0), abs=1e-3)
    assert age_score(2018.5, 2016.0) != pytest.approx(age_score(2018.5, 2000.0), abs=1e-3)


def test_changing_the_future_changes_nothing_before_it(untrained, table):
    # Person 0 has rows 0 to 7; the event is row 4. Its own stars and movie are part of the future too.
    later = np.arange(len(table)) >= 4
    before = untrained.scorer(table)(events_at([4], table))
    after = untrained.scorer(other := changed(table, later))(events_at([4], other))
    assert (other.rating != table.rating)[later].all()
    np.testing.assert_array_equal(before, after)


def test_changing_the_past_changes_the_scores(untrained, table):
    before = untrained.scorer(table)(events_at([4], table))
    for movies, stars in ((True, False), (False, True)):
        other = changed(table, np.arange(len(table)) == 2, movies, stars)
        after = untrained.scorer(other)(events_at([4], other))
        assert np.abs(before - after).max() > 1e-6


def test_padding_changes_nothing(untrained, table, catalogue):
    batch = event_batch(Histories(table, catalogue), events_at([2], table), length=6)
    first = untrained.model.queries(batch).numpy()
    batch["movie_index"][:, 2:] = 7
    batch["features"][:, 2:] = 5.0
    np.testing.assert_array_equal(first, untrained.model.queries(batch).numpy())


def test_each_event_of_a_batch_is_scored_as_if_alone(untrained, table):
    score = untrained.scorer(table)
    together = score(events_at([1, 12, 30], table))
    alone = np.concatenate([score(events_at([row], table)) for row in (1, 12, 30)])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_events_in_another_order_have_the_same_scores_in_that_order(untrained, table):
    score = untrained.scorer(table)
    np.testing.assert_allclose(
        score(events_at([1, 12, 30], table))[::-1], score(events_at([30, 12, 1], table)), atol=1e-5
    )


def test_training_reads_the_same_query_as_scoring(table, catalogue, make_params, preprocessing):
    """A window's query for a row is the event's query: one history, two ways to batch it."""
    from marquee.models.retrieval.batches import training_batches, training_windows

    params = make_params(history_length=8, batch_size=1)
    untrained = fitting.build(table, catalogue, params, preprocessing)
    windows = training_windows(table, 8, 1)
    histories = Histories(table, catalogue)
    weights = np.ones(len(table), np.float32)
    batch = next(training_batches(histories, windows, weights, params, np.random.default_rng(0)))
    in_training = untrained.model.queries(batch).numpy()
    user = int(np.random.default_rng(0).permutation(6)[0])
    rows = np.arange(user * 8, user * 8 + 8)
    scored = untrained.model.queries(event_batch(histories, events_at(rows, table), 8)).numpy()
    np.testing.assert_allclose(in_training, scored, atol=1e-5)


def test_hidden_ids_leave_the_content(table, catalogue, make_params, preprocessing):
    model = fitting.build(table, catalogue, make_params(id_dropout=0.999999), preprocessing).model
    alike = Catalogue(*(np.repeat(column[:1], 12, axis=0) for column in vars(catalogue).values()))
    twins = fitting.build(table, alike, make_params(id_dropout=0.999999), preprocessing).model
    hidden = model.encoder(tf.range(12), training=True).numpy()
    assert np.ptp(hidden, axis=0).max() > 1e-3
    assert np.ptp(twins.encoder(tf.range(12), training=True).numpy(), axis=0).max() == 0


def test_movies_never_rated_share_the_unknown_id_and_have_finite_scores(untrained, table):
    assert untrained.model.encoder.id_row.numpy()[[10, 11]].tolist() == [0, 0]
    scores = untrained.scorer(table)(events_at([5], table))
    assert np.isfinite(scores).all()
    assert scores[0, 10] != scores[0, 11]


def test_a_movie_is_embedded_from_its_rows_as_from_its_place_in_the_catalogue(untrained, table, catalogue):
    model, some = untrained.model, np.array([11, 3, 0, 3])
    id_rows = batches.known_movies(table, 1).id_rows(12)
    rows = model.embed(
        catalogue.content[some], catalogue.names[some], id_rows[some], catalogue.release[some]
    ).numpy()
    np.testing.assert_allclose(rows, model.candidates(tf.constant(some)).numpy(), atol=1e-6)


def test_a_movie_without_an_id_differs_from_its_twin_with_one_by_the_ids_alone(untrained, catalogue):
    ids = untrained.model.encoder.id_embedding.get_weights()[0]
    content, release = catalogue.content[[3, 3]], catalogue.release[[3, 3]]
    names, rows = catalogue.names[[3, 3]], np.array([4, 0], np.int32)
    known, unknown = untrained.model.embed(content, names, rows, release).numpy()
    np.testing.assert_allclose((known - unknown)[:9], ids[4] - ids[0], atol=1e-6)
    np.testing.assert_array_equal(known[9:], unknown[9:])


def test_names_add_up_by_the_root_of_their_number_and_0_is_nobody(untrained):
    encoder = untrained.model.encoder
    names = encoder.name_embedding.get_weights()[0]
    content, rows = np.zeros((3, 7), np.float32), np.zeros(3, np.int32)
    none, one, two = encoder.embed(content, np.array([[0, 0], [0, 2], [3, 2]], np.int32), rows).numpy()
    np.testing.assert_allclose(one - none, names[2] / np.sqrt(2), atol=1e-6)
    np.testing.assert_allclose(two - none, (names[2] + names[3]) / np.sqrt(3), atol=1e-6)


def test_the_cold_bonus_goes_to_movies_without_an_id_and_to_their_bias_alone(
    table, catalogue, make_params, preprocessing
):
    model = fitting.build(table, catalogue, make_params(cold_bonus=0.5), preprocessing).model
    plain = model.encoder(tf.range(12)).numpy()
    with_bonus = model.candidates(tf.range(12)).numpy()[:, :9]
    expected = np.zeros((12, 9), np.float32)
    expected[[10, 11], 8] = 0.5
    np.testing.assert_allclose(with_bonus - plain, expected, atol=1e-6)


def test_an_empty_history_has_a_query(untrained, table):
    scores = untrained.scorer(table)(events_at([0], table))
    assert np.isfinite(scores).all()
    assert np.ptp(scores) > 0


@pytest.mark.parametrize("negatives", [100, 3])
def test_it_overfits_eight_interactions(catalogue, make_table, make_params, preprocessing, negatives):
    table = make_table(users=[0] * 8, times=list(range(8)), movies=[3, 1, 4, 0, 5, 9, 2, 6])
    params = make_params(epochs=60, learning_rate=0.03, history_length=8, uniform_negatives=negatives)
    losses: list[float] = []
    fitted = fitting.fit(
        table, catalogue, params, preprocessing, seed=1, after_epoch=lambda _, loss, __: losses.append(loss)
    )
    assert len(losses) == 60
    assert losses[-1] < 0.1 < losses[0]
    # Movies never rated, and those seen before, do not compete in training and may score anything.
    rated = np.eye(12, dtype=bool)[table.movie_index]
    competes = rated.any(axis=0) & ~(np.tri(8, k=-1, dtype=bool) @ rated)
    scores = np.where(competes, fitted.scorer(table)(events_at(range(8), table)), -np.inf)
    assert scores.argmax(axis=1).tolist() == [3, 1, 4, 0, 5, 9, 2, 6]


def test_the_same_seed_gives_the_same_weights_to_the_bit(table, catalogue, make_params, preprocessing):
    def trained() -> list[np.ndarray]:
        start_tensorflow(seed=5, threads=1)
        params = make_params(epochs=2, dropout=0.2, id_dropout=0.3, uniform_negatives=4)
        return fitting.fit(table, catalogue, params, preprocessing, 5, lambda *_: None).model.get_weights()

    for first, second in zip(trained(), trained(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_training_that_was_killed_goes_on_and_gives_the_same_weights_to_the_bit(
    tmp_path, table, catalogue, make_params, preprocessing
):
    params = make_params(epochs=4, dropout=0.2, id_dropout=0.3, uniform_negatives=4, batch_size=2)
    lived: list[int] = []

    def trained(path: Path | None, dies_in: int = 99) -> list[np.ndarray]:
        def after_epoch(epoch: int, *_: object) -> None:
            if epoch == dies_in:
                raise KeyboardInterrupt
            lived.append(epoch)

        start_tensorflow(seed=5, threads=1)
        kept = Checkpoint(path)
        kept.begin("a")
        return fitting.fit(table, catalogue, params, preprocessing, 5, after_epoch, kept).model.get_weights()

    whole, path = trained(None), tmp_path / "epoch.npz"
    lived.clear()
    for dies_in in (2, 4):
        with pytest.raises(KeyboardInterrupt):
            trained(path, dies_in)
    resumed = trained(path)
    assert lived == [1, 2, 3, 4]
    for one in (resumed, trained(path)):  # nothing is left to do the second time
        for first, second in zip(whole, one, strict=True):
            np.testing.assert_array_equal(first, second)


def test_saved_weights_load_into_a_new_model(
    tmp_path, untrained, table, catalogue, make_params, preprocessing
):
    path = tmp_path / "weights.npz"
    weights.write(untrained.model, path)
    other = fitting.build(table, catalogue, make_params(), preprocessing)
    events = events_at([5], table)
    assert np.abs(other.scorer(table)(events) - untrained.scorer(table)(events)).max() > 1e-6
    weights.read(other.model, path)
    np.testing.assert_array_equal(other.scorer(table)(events), untrained.scorer(table)(events))
