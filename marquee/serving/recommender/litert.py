"""An exported model as a function: LiteRT on one thread."""

import threading
from typing import Any

from ai_edge_litert.interpreter import Interpreter

from marquee.pipeline.arrays import Float32

SIGNATURE = "serving_default"
"""What TensorFlow calls the one function of a SavedModel that is served."""


class LiteRtModel:
    """Runs one exported signature with a single output.

    An interpreter owns its tensors and serves one caller at a time: calls wait for each other.
    """

    def __init__(self, content: bytes) -> None:
        # The runner lives in the interpreter and does not keep it alive.
        self._interpreter = Interpreter(model_content=content, num_threads=1)
        self._run = self._interpreter.get_signature_runner(SIGNATURE)
        self._lock = threading.Lock()

    def __call__(self, **inputs: Any) -> Float32:
        """The output for inputs given by name; shapes and types as they were exported."""
        with self._lock:
            (output,) = self._run(**inputs).values()
        result: Float32 = output
        return result
