"""Exported models as functions, in runtimes that the service does without.

LiteRT is the service's (`marquee/serving/recommender/litert.py`). TensorFlow and ONNX Runtime are here to
measure the files that go to other places: TensorFlow Serving reads a SavedModel, TensorRT starts from ONNX.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from marquee.models.training.runtime import tf
from marquee.pipeline.arrays import Float32
from marquee.serving.recommender.litert import SIGNATURE, LiteRtModel

Model = Callable[..., Float32]
"""Inputs by name -> the one output; shapes and types as they were exported."""


class OnnxModel:
    """Runs an ONNX file with a single output, on one thread."""

    def __init__(self, content: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def __call__(self, **inputs: Any) -> Float32:
        """The output for inputs given by name."""
        (output,) = self._session.run(None, inputs)
        result: Float32 = output
        return result


class SavedModel:
    """Runs a SavedModel's one signature with a single output, on the threads TensorFlow was started with."""

    def __init__(self, folder: Path) -> None:
        self._loaded = tf.saved_model.load(str(folder))  # a signature does not keep what it reads alive
        self._run = self._loaded.signatures[SIGNATURE]

    def __call__(self, **inputs: Any) -> Float32:
        """The output for inputs given by name."""
        (output,) = self._run(**{name: tf.constant(value) for name, value in inputs.items()}).values()
        return np.asarray(output)


def open_model(path: Path) -> Model:
    """A model by what it was exported as: a `.tflite` or `.onnx` file, or a SavedModel's folder."""
    if path.suffix == ".tflite":
        return LiteRtModel(path.read_bytes())
    if path.suffix == ".onnx":
        return OnnxModel(path.read_bytes())
    return SavedModel(path)
