"""From trained TensorFlow models to SavedModel, LiteRT and ONNX; equal weights give equal bytes."""

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from marquee.models.features.history import HISTORY_FEATURES, QUERY_FEATURES
from marquee.models.retrieval.two_tower import QueryTower, TwoTower
from marquee.models.training.runtime import silent_unless_it_fails, tf
from marquee.pipeline import paths
from marquee.pipeline.files import write_whole
from marquee.serving.export.onnx_graph import normalised
from marquee.serving.recommender.litert import SIGNATURE

Precision = Literal["float32", "float16", "int8"]
OPSET = 18
"""Version of ONNX' operators that TensorRT 10 and every runtime since 2023 read."""


class ConversionError(ValueError):
    """An exported model would not answer as the trained one does."""


def query_function(tower: QueryTower, length: int, dim: int) -> Any:
    """The query tower as a function of one padded history.

    The movies' vectors come in from outside, so that a movie added to the catalogue needs no new tower.
    """

    def query(vectors: Any, features: Any, read_at: Any, context: Any, now: Any) -> dict[str, Any]:
        state = tf.gather(tower.encode(vectors, features)[0], read_at)
        return {"query": tower.read(state, context, now)}

    return tf.function(
        query,
        input_signature=[
            tf.TensorSpec((1, length, dim), tf.float32, name="vectors"),
            tf.TensorSpec((1, length, len(HISTORY_FEATURES)), tf.float32, name="features"),
            tf.TensorSpec((1,), tf.int32, name="read_at"),
            tf.TensorSpec((1, len(QUERY_FEATURES)), tf.float32, name="context"),
            tf.TensorSpec((1,), tf.float32, name="now"),
        ],
    )


def candidate_function(model: TwoTower, content_dim: int, num_names: int) -> Any:
    """The candidate tower as a function of any number of movies, in the catalogue or not."""

    def candidate(content: Any, names: Any, id_row: Any, release: Any) -> dict[str, Any]:
        return {"embedding": model.embed(content, names, id_row, release)}

    return tf.function(
        candidate,
        input_signature=[
            tf.TensorSpec((None, content_dim), tf.float32, name="content"),
            tf.TensorSpec((None, num_names), tf.int32, name="names"),
            tf.TensorSpec((None,), tf.int32, name="id_row"),
            tf.TensorSpec((None,), tf.float32, name="release"),
        ],
    )


def write_variants(name: str, function: Any, variables: Sequence[Any], exported: paths.Exported) -> None:
    """Write one model in every variant (`marquee/serving/variants/variants.py`), whole files or none.

    Args:
        name: of the model, in each variant's folder.
        function: with a signature and a single output, named.
        variables: those it reads.
        exported: where the variants' folders are.
    """
    with tempfile.TemporaryDirectory(prefix="marquee-export-") as folder:
        saved = Path(folder)
        save(function, variables, saved)
        for file in (path for path in saved.rglob("*") if path.is_file()):
            _write(file.read_bytes(), exported.variant("saved_model") / name / file.relative_to(saved))
        litert = {precision: to_litert(saved, precision) for precision in get_args(Precision)}
    for precision, content in litert.items():
        _write(content, exported.variant(precision) / f"{name}.tflite")
    _write(to_onnx(litert["float32"], function), exported.variant("onnx") / f"{name}.onnx")


def to_bytes(function: Any, variables: Sequence[Any]) -> bytes:
    """A function with a signature, and the variables it reads, as a LiteRT file in float32."""
    # A folder of its own outside the repository: DVC's and Git's folders see nothing that is half-made.
    with tempfile.TemporaryDirectory(prefix="marquee-export-") as folder:
        save(function, variables, Path(folder))
        return to_litert(Path(folder), "float32")


def save(function: Any, variables: Sequence[Any], folder: Path) -> None:
    """Write a function with a signature, and the variables it reads, as a SavedModel."""
    # Bare variables: a Keras model would be saved with its configuration, which ours do not have.
    module = tf.Module()
    module.held = list(variables)
    tf.saved_model.save(module, str(folder), signatures={SIGNATURE: function})
    (folder / "fingerprint.pb").unlink()  # another one at every writing; loading does without


def to_litert(saved_model: Path, precision: Precision) -> bytes:
    """A SavedModel as a LiteRT file.

    float16 stores the weights in half; int8 those of the large layers in a quarter, and quantises what goes
    into them when it runs ("dynamic range").
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=[SIGNATURE])
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    with silent_unless_it_fails():
        return bytes(converter.convert())


def to_onnx(litert: bytes, function: Any) -> bytes:
    """A float32 LiteRT file as ONNX.

    By way of LiteRT and not from TensorFlow itself: its converter has folded the shape arithmetic of the
    attention's einsums into constants, which leaves a graph of two thirds the nodes.

    Args:
        litert: the file.
        function: what it was made of, with a signature: inputs and output get its names, in its order.
    """
    with silent_unless_it_fails(), warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # of tf2onnx' import, and of the interpreter that it asks for shapes
        from tf2onnx import convert  # greets as TensorFlow does

        path = Path(folder) / "model.tflite"
        path.write_bytes(litert)
        converted, _ = convert.from_tflite(str(path), opset=OPSET)
    inputs = {f"{SIGNATURE}_{spec.name}:0": spec.name for spec in function.input_signature}
    (output,) = function.get_concrete_function().structured_outputs
    return bytes(normalised(converted, inputs, output).SerializeToString(deterministic=True))


def require_history_vectors(model: TwoTower, num_movies: int, dim: int) -> None:
    """Refuse a two-tower whose histories are made of other vectors than its candidates begin with.

    Raises:
        ConversionError: the index would have to hold both.
    """
    every = tf.range(num_movies)
    leading, vectors = np.asarray(model.candidates(every))[:, :dim], np.asarray(model.history_vectors(every))
    if not np.array_equal(leading, vectors):
        raise ConversionError(
            "The first columns of the candidate embeddings are not the vectors a history is made of. "
            "Write both in stages/index_catalogue.py and read them in marquee/serving/recommender/."
        )


def _write(content: bytes, path: Path) -> None:
    write_whole(path, lambda temporary: temporary.write_bytes(content))
