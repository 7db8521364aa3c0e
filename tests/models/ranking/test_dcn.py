import dataclasses
from pathlib import Path

import numpy as np
import pytest

from marquee.models.features.movies import content_of
from marquee.models.features.pair import FEATURES
from marquee.models.ranking.rows import Rows
from marquee.models.training import weights
from tests.models.ranking import tables

pytestmark = pytest.mark.usefixtures("tensorflow")
KNOWN = np.arange(6) % 2 == 0


def rows(size: int, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(size, len(FEATURES))).astype(np.float32)
    features[:, 0] = rng.uniform(2, 4, size)
    movie_index = rng.integers(0, 6, size).astype(np.int32)
    return Rows(features, movie_index, rng.integers(1, 11, size).astype(np.float32) / 2)


def fit(given: Rows, losses: list[float] | None = None, **changed):
    from marquee.models.ranking import fitting

    params = tables.PARAMS.model_copy(update=changed)
    sink = [] if losses is None else losses
    return fitting.fit(given, tables.catalogue(6), KNOWN, params, 7, lambda _, loss, __: sink.append(loss))


def test_a_training_that_was_killed_goes_on_and_gives_the_same_weights_to_the_bit(tmp_path: Path):
    from marquee.models.ranking import fitting
    from marquee.models.training.checkpoint import Checkpoint

    # 40 steps per epoch: a call of 32 of them and one of 8, which TensorFlow traces apart.
    given, lived = rows(160), []
    params = tables.PARAMS.model_copy(
        update={"epochs": 4, "dropout": 0.3, "id_dropout": 0.5, "batch_size": 4}
    )

    def trained(path: Path | None, dies_in: int = 99) -> list[np.ndarray]:
        def after_epoch(epoch: int, *_: object) -> None:
            if epoch == dies_in:
                raise KeyboardInterrupt
            lived.append(epoch)

        kept = Checkpoint(path)
        kept.begin("a")
        return fitting.fit(given, tables.catalogue(6), KNOWN, params, 7, after_epoch, kept).get_weights()

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


def test_an_untrained_network_predicts_the_base():
    from marquee.models.ranking.dcn import Dcn

    given = rows(5)
    model = Dcn(tables.catalogue(6), KNOWN, tables.PARAMS)
    predicted = model.predict_stars(given.features, given.movie_index).numpy()
    assert predicted == pytest.approx(given.features[:, 0])


def test_movies_known_by_id_are_numbered_from_one_and_the_others_are_zero():
    from marquee.models.ranking.dcn import Dcn

    assert Dcn.id_rows(np.array([False, True, False, True])).tolist() == [0, 1, 0, 2]


def test_a_row_given_its_content_and_id_is_the_movie_of_the_catalogue():
    from marquee.models.ranking.dcn import Dcn

    model, given, catalogue = fit(rows(64), epochs=5), rows(9, seed=2), tables.catalogue(6)
    content, id_row = content_of(catalogue, given.movie_index), Dcn.id_rows(KNOWN)[given.movie_index]
    expected = model.predict_stars(given.features, given.movie_index).numpy()
    assert np.array_equal(model.predict_rows(given.features, content, id_row).numpy(), expected)
    as_new = model.predict_rows(given.features, content, np.zeros_like(id_row)).numpy()
    assert (as_new == expected).tolist() == (id_row == 0).tolist()


def test_it_learns_eight_ratings_by_heart():
    from marquee.models.ranking import fitting

    given, losses = rows(8), []
    model = fit(given, losses, batch_size=8, epochs=200, deep_layers=[64], learning_rate=5e-3)
    assert losses[0] > 0.5
    assert fitting.predict(model, given) == pytest.approx(given.rating, abs=0.1)


def test_the_order_of_a_batch_changes_no_prediction():
    model, given = fit(rows(32)), rows(20, seed=1)
    order = np.random.default_rng(0).permutation(20)
    predicted = model.predict_stars(given.features, given.movie_index).numpy()
    shuffled = model.predict_stars(given.features[order], given.movie_index[order]).numpy()
    assert shuffled == pytest.approx(predicted[order], abs=1e-6)


def test_equal_seeds_give_equal_weights_and_others_do_not():
    first, again, other = (fit(rows(40, seed)).get_weights() for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_movies_without_an_id_share_one_and_only_content_tells_them_apart():
    given = rows(64)
    model = fit(given, epochs=20)
    same = tables.catalogue(6)
    model.content = model.content * 0  # two movies of equal content
    unknown, known = np.array([1, 3], np.int32), np.array([0, 2], np.int32)
    features = np.repeat(given.features[:1], 2, axis=0)
    assert len(same) == 6
    assert np.ptp(model.predict_stars(features, unknown).numpy()) == 0
    assert np.ptp(model.predict_stars(features, known).numpy()) > 0


def test_filled_up_batches_learn_what_exact_ones_do():
    from marquee.models.ranking.dcn import Dcn

    model = Dcn(tables.catalogue(6), KNOWN, tables.PARAMS)
    given = rows(3)
    exact = {"features": given.features, "movie_index": given.movie_index, "rating": given.rating}
    padded = {name: np.concatenate([values, values[:2]]) for name, values in exact.items()}
    padded["rating"][3:] = 99  # must not matter
    loss = model.compute_loss({**exact, "weight": np.ones(3, np.float32)})
    filled = model.compute_loss({**padded, "weight": np.array([1, 1, 1, 0, 0], np.float32)})
    by_hand = np.mean((given.rating - given.features[:, 0]) ** 2)
    assert float(loss) == pytest.approx(by_hand, rel=1e-5)
    assert float(filled) == pytest.approx(by_hand, rel=1e-5)


def test_how_many_steps_a_call_takes_changes_nothing(monkeypatch):
    from marquee.models.ranking import fitting

    together = fit(rows(80)).get_weights()
    monkeypatch.setattr(fitting, "STEPS_PER_CALL", 1)
    single = fit(rows(80)).get_weights()
    assert all(a == pytest.approx(b, abs=1e-6) for a, b in zip(together, single, strict=True))


def test_an_epoch_holds_every_row_once_in_batches_of_one_size(monkeypatch):
    from marquee.models.ranking import fitting

    given = dataclasses.replace(rows(10), rating=np.arange(10, dtype=np.float32))
    monkeypatch.setattr(fitting, "STEPS_PER_CALL", 2)
    epoch = list(fitting.batches(given, 4, np.random.default_rng(0)))
    weight = np.concatenate([several["weight"] for several in epoch])
    seen = np.concatenate([several["rating"] for several in epoch])[weight > 0]
    assert [several["rating"].shape for several in epoch] == [(2, 4), (1, 4)]
    assert sorted(seen) == list(range(10))
    assert list(seen) != list(range(10))


def test_features_beyond_what_training_saw_stay_within_the_scale_of_ratings():
    model = fit(rows(64))
    wild = np.full((2, len(FEATURES)), 1e6, dtype=np.float32) * [[1], [-1]]
    predicted = model.predict_stars(wild.astype(np.float32), np.zeros(2, np.int32)).numpy()
    assert predicted.tolist() == [5.0, 0.5]


def test_saved_weights_predict_the_same_in_a_model_built_anew(tmp_path):
    from marquee.models.ranking.dcn import Dcn

    model, given = fit(rows(40), epochs=2), rows(9, seed=2)
    weights.write(model, tmp_path / "w.npz")
    again = Dcn(tables.catalogue(6), KNOWN, tables.PARAMS)
    weights.read(again, tmp_path / "w.npz")
    expected = model.predict_stars(given.features, given.movie_index).numpy()
    assert np.array_equal(again.predict_stars(given.features, given.movie_index).numpy(), expected)


@pytest.mark.parametrize("projection_dim", [0, 4])
def test_the_exported_network_predicts_what_the_trained_one_does(tmp_path, projection_dim):
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    from marquee.models.ranking.dcn import Dcn, ExportedDcn

    model, given = fit(rows(40), projection_dim=projection_dim), rows(9, seed=2)
    content, id_row = (
        content_of(tables.catalogue(6), given.movie_index),
        Dcn.id_rows(KNOWN)[given.movie_index],
    )
    exported = ExportedDcn(model)
    tf.saved_model.save(exported, tmp_path, signatures={"rank": exported.predict})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path), signature_keys=["rank"])
    rank = Interpreter(model_content=converter.convert()).get_signature_runner("rank")
    for size in (1, 9):  # any number of movies
        result = rank(features=given.features[:size], content=content[:size], id_row=id_row[:size])["rating"]
        expected = model.predict_stars(given.features[:size], given.movie_index[:size]).numpy()
        assert result == pytest.approx(expected, abs=1e-4)
    assert np.ptp(expected) > 0.1
