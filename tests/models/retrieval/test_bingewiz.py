import numpy as np
import pytest

from marquee.evaluation.measures.events import Events
from marquee.models.retrieval import fitting
from marquee.models.retrieval.batches import Histories, event_batch
from marquee.models.retrieval.bingewiz import BingeWiz
from marquee.models.training.runtime import tf
from marquee.serving.export import conversion
from marquee.serving.variants.runtimes import open_model
from marquee.serving.variants.variants import VARIANTS

LENGTH, DIM = 6, 8


@pytest.fixture
def table(make_table):
    """Two people with five movies each."""
    return make_table([0] * 5 + [1] * 5, [0, 1, 2, 3, 4] * 2, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])


@pytest.fixture
def untrained(table, catalogue, make_params, preprocessing):
    two_tower = fitting.build(table, catalogue, make_params(tower="bingewiz"), preprocessing)
    two_tower.candidate_embeddings()
    return two_tower


@pytest.fixture
def history() -> tuple[np.ndarray, np.ndarray]:
    """One history: vectors (1, LENGTH, DIM) and features (1, LENGTH, 4)."""
    rng = np.random.default_rng(3)
    return rng.normal(size=(1, LENGTH, DIM)).astype(np.float32), rng.normal(size=(1, LENGTH, 4)).astype(
        np.float32
    )


def test_the_tower_is_chosen_by_its_name(untrained, table, catalogue, make_params, preprocessing):
    assert isinstance(untrained.model, BingeWiz)
    ours = fitting.build(table, catalogue, make_params(tower="history"), preprocessing)
    assert not isinstance(ours.model, BingeWiz)


def test_a_state_is_the_mean_of_the_attended_rows_before_it(untrained, history):
    tower, (vectors, features) = untrained.model.query_tower, history
    states = tower.encode(vectors, features).numpy()
    rows = np.concatenate([vectors, features[..., :1]], axis=-1)  # the rating minus the person's mean
    attended = tower.attention(rows, rows, use_causal_mask=True).numpy()
    assert states[0, 0].tolist() == [0] * (DIM + 1)
    assert states[0, 3] == pytest.approx(attended[0, :3].mean(axis=0), abs=1e-6)
    assert states[0, 6] == pytest.approx(attended[0].mean(axis=0), abs=1e-6)


def test_of_a_row_the_centred_rating_alone_is_read_beside_the_vector(untrained, history):
    tower, (vectors, features) = untrained.model.query_tower, history
    others, rating = features.copy(), features.copy()
    others[..., 1:] += 5
    rating[:, 2, 0] += 5
    states = tower.encode(vectors, features).numpy()
    assert (tower.encode(vectors, others).numpy() == states).all()
    changed = tower.encode(vectors, rating).numpy()
    assert (changed[:, :3] == states[:, :3]).all()  # nothing before the row looks at it
    assert (changed[:, 3:] != states[:, 3:]).any()


def test_neither_ids_nor_dates_change_a_score(untrained, table, catalogue):
    model = untrained.model
    content, names = catalogue.content[:4], catalogue.names[:4]
    twins = [
        model.embed(
            content, names * (row > 0), np.full(4, row, np.int32), np.full(4, release, np.float32)
        ).numpy()
        for row, release in ((0, 1950.0), (3, 2001.5))
    ]
    batch = event_batch(
        Histories(table, catalogue), Events(np.array([4]), np.array([0]), np.array([3])), LENGTH
    )
    now = model.queries(batch).numpy()
    later = model.queries(batch | {"now": batch["now"] + 9, "context": batch["context"] + 1}).numpy()
    assert now.tolist() == later.tolist()
    assert now[0, :DIM].any()
    assert now @ twins[0].T == pytest.approx(now @ twins[1].T)
    assert not any("embedding" in variable.name for variable in model.trainable_variables)


def test_it_learns_which_movies_go_together(catalogue, make_table, make_params, preprocessing):
    # Whoever saw movie 0 then saw 5, whoever saw 1 then saw 6.
    table = make_table([0, 0, 1, 1, 2, 2, 3, 3], [0, 1] * 4, [0, 5, 1, 6, 0, 5, 1, 6])
    params = make_params(tower="bingewiz", epochs=60, learning_rate=0.02)
    two_tower = fitting.fit(table, catalogue, params, preprocessing, 1, lambda *_: None)
    asked = Events(np.array([1, 3]), np.array([0, 2]), np.array([1, 3]))
    scores = two_tower.scorer(table)(asked)
    assert scores[0, 5] > scores[0, 6]
    assert scores[1, 6] > scores[1, 5]


def test_the_exported_towers_answer_as_the_model_does(untrained, catalogue, history, tmp_path):
    model, (vectors, features) = untrained.model, history
    conversion.require_history_vectors(model, len(catalogue), DIM)
    query = conversion.query_function(model.query_tower, LENGTH, DIM)
    exported = conversion.paths.Exported(tmp_path)
    conversion.write_variants("query_tower", query, model.query_tower.variables, exported)
    asked = {
        "vectors": vectors,
        "features": features,
        "read_at": np.array([4], np.int32),
        "context": np.zeros((1, 3), np.float32),
        "now": np.array([2001.5], np.float32),
    }
    expected = model.query_tower.read(model.query_tower.encode(vectors, features)[:, 4], None, None).numpy()
    for name in ("saved_model", "onnx", "float32"):
        answer = open_model(VARIANTS[name].query_tower(exported.variant(name)))(**asked)
        np.testing.assert_allclose(answer, expected, atol=1e-5)

    tower = conversion.candidate_function(model, catalogue.content.shape[1], catalogue.names.shape[1])
    candidate = conversion.to_bytes(tower, model.encoder.variables)
    (tmp_path / "candidate.tflite").write_bytes(candidate)
    embedded = open_model(tmp_path / "candidate.tflite")(
        content=catalogue.content,
        names=catalogue.names,
        id_row=np.zeros(12, np.int32),
        release=catalogue.release,
    )
    np.testing.assert_allclose(embedded, model.candidates(tf.range(12)).numpy(), atol=1e-5)
