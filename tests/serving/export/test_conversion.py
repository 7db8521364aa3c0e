from pathlib import Path

import numpy as np
import pytest

from marquee.models.training.runtime import start_tensorflow, tf
from marquee.pipeline import paths
from marquee.serving.export import conversion
from marquee.serving.export.conversion import ConversionError
from marquee.serving.recommender.litert import LiteRtModel
from marquee.serving.variants.runtimes import open_model
from marquee.serving.variants.variants import VARIANTS

WEIGHTS = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
TENTH = np.full((3, 64), 0.1, np.float32)


@pytest.fixture(scope="module")
def scaled():
    """A function of any number of rows: x @ WEIGHTS, each row times its factor; and its variable."""
    start_tensorflow(seed=1, threads=1)
    weights = tf.Variable(WEIGHTS)
    rows = [
        tf.TensorSpec((None, 64), tf.float32, name="x"),
        tf.TensorSpec((None,), tf.float32, name="factor"),
    ]
    function = tf.function(
        lambda x, factor: {"product": tf.linalg.matmul(x, weights) * factor[:, None]}, input_signature=rows
    )
    return function, [weights]


@pytest.fixture(scope="module")
def exported(scaled, tmp_path_factory: pytest.TempPathFactory) -> paths.Exported:
    folder = paths.Exported(tmp_path_factory.mktemp("exported"))
    conversion.write_variants("scaled", *scaled, folder)
    return folder


def file(exported: paths.Exported, name: str) -> Path:
    return exported.variant(name) / f"scaled{VARIANTS[name].suffix}"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_answers_any_number_of_rows(exported: paths.Exported, name: str):
    model = open_model(file(exported, name))
    factor = np.array([1, -2, 3], np.float32)
    # A tenth of each column's sum, at most 2.1, times the factor of the row.
    expected = 0.1 * WEIGHTS.sum(axis=0) * factor[:, None]
    tolerance = 1e-5 if VARIANTS[name].exact else 0.1
    np.testing.assert_allclose(model(x=TENTH, factor=factor), expected, atol=tolerance)
    np.testing.assert_allclose(model(x=TENTH[:1], factor=factor[:1]), expected[:1], atol=tolerance)


def test_half_and_quarter_precision_take_half_and_a_quarter_of_the_bytes(exported: paths.Exported):
    size = {name: file(exported, name).stat().st_size for name in ("float32", "float16", "int8", "onnx")}
    bytes_of_weights = 4 * 64 * 64
    assert size["float32"] - size["float16"] == pytest.approx(bytes_of_weights / 2, abs=600)
    assert size["float32"] - size["int8"] == pytest.approx(bytes_of_weights * 3 / 4, abs=1000)
    assert size["onnx"] == pytest.approx(bytes_of_weights, abs=600)


def test_a_model_written_again_is_the_same_bytes(exported: paths.Exported, scaled, tmp_path: Path):
    again = paths.Exported(tmp_path)
    conversion.write_variants("scaled", *scaled, again)
    assert set(contents(exported.folder)) == {
        "float32/scaled.tflite",
        "float16/scaled.tflite",
        "int8/scaled.tflite",
        "onnx/scaled.onnx",
        "saved_model/scaled/saved_model.pb",
        "saved_model/scaled/variables/variables.index",
        "saved_model/scaled/variables/variables.data-00000-of-00001",
    }
    # TensorFlow numbers the functions of a process: test_export_models.py compares two processes.
    numbered = "saved_model/scaled/saved_model.pb"
    written = [contents(folder.folder) | {numbered: b""} for folder in (again, exported)]
    assert written[0] == written[1]


def test_a_model_as_bytes_is_its_float32_file(exported: paths.Exported, scaled):
    assert conversion.to_bytes(*scaled) == file(exported, "float32").read_bytes()


def test_onnx_bears_the_names_of_the_function(exported: paths.Exported):
    import onnx

    graph = onnx.load(file(exported, "onnx")).graph
    assert [value.name for value in graph.input] == ["x", "factor"]
    assert [value.name for value in graph.output] == ["product"]


class TwoTowerOfTwo:
    """Content times an id's factor; a history is made of the leading two columns, or of others."""

    def __init__(self, shift: float = 0.0) -> None:
        self.factor = tf.Variable([1.0, 10.0])
        self.shift = shift

    def embed(self, content, names, id_row, release):
        vectors = content * tf.gather(self.factor, id_row)[:, None] + tf.cast(names, tf.float32)
        return tf.concat([vectors, release[:, None]], axis=1)

    def candidates(self, movie_index):
        content = tf.ones((len(movie_index), 2))
        none = tf.zeros_like(movie_index)
        return self.embed(content, none[:, None], none, tf.zeros(len(movie_index)))

    def history_vectors(self, movie_index):
        return self.candidates(movie_index)[:, :2] + self.shift


def test_the_candidate_tower_embeds_movies_that_are_in_no_catalogue():
    model = TwoTowerOfTwo()
    tower = LiteRtModel(conversion.to_bytes(conversion.candidate_function(model, 2, 1), [model.factor]))
    content, release = (
        np.array([[1, 2], [3, 4], [5, 6]], np.float32),
        np.array([1990, 2000, 2031], np.float32),
    )
    names, id_row = np.array([[0], [0], [1]], np.int32), np.array([0, 1, 0], np.int32)
    embedded = tower(content=content, names=names, id_row=id_row, release=release)
    assert embedded.tolist() == [[1, 2, 1990], [30, 40, 2000], [6, 7, 2031]]
    first = {"content": content[:1], "names": names[:1], "id_row": id_row[1:2], "release": release[:1]}
    assert tower(**first).tolist() == [[10, 20, 1990]]


def test_a_history_of_other_vectors_than_the_candidates_begin_with_is_refused():
    conversion.require_history_vectors(TwoTowerOfTwo(), num_movies=3, dim=2)
    with pytest.raises(ConversionError, match="not the vectors a history is made of"):
        conversion.require_history_vectors(TwoTowerOfTwo(shift=1.0), num_movies=3, dim=2)
