"""Where a training stands after an epoch, on disk: a kill costs no finished epoch, and changes no weight."""

import hashlib
import json
import logging
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from marquee.pipeline import arrays, guard
from marquee.pipeline.arrays import Array

LOG = logging.getLogger(__name__)
NONE = np.empty(0)
UNREADABLE = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile)
"""What reading raises for a file that is not there, or not one of ours."""


class Checkpoint:
    """What one training came to so far: its epochs, and all that decides the next one.

    Attributes:
        path: the file; None: nothing is kept, for a kill would cost seconds.
        losses: mean loss of each finished epoch.
        values: what a sweep was told after each of them.
        steps: of the first epoch.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.losses: list[float] = []
        self.values: list[float] = []
        self.steps = 0
        self._key = np.empty(0, dtype=np.uint8)
        self._state: dict[str, Array] = {}

    def begin(self, key: str) -> None:
        """Take up the training of this key where it was kept, or start another one.

        Args:
            key: of all that decides the training.
        """
        self._key = np.frombuffer(key.encode(), dtype=np.uint8)
        self._state = self._read()
        self.losses, self.values = (
            self._state.get("losses", NONE).tolist(),
            self._state.get("values", NONE).tolist(),
        )
        self.steps = int(self._state.get("steps", 0))
        if self.losses:
            LOG.info("goes on after epoch %d, which %s holds", len(self.losses), self.path)

    def restore(self, model: Any) -> int:
        """Give a compiled Keras model, with its `draws`, what it had after the last epoch kept.

        Returns:
            How many epochs it has finished.
        """
        model.draws.start(self._state.get("draws"))
        model.optimizer.build(model.trainable_variables)
        if self.losses:
            model.set_weights(self._of("weight"))
            for variable, value in zip(model.optimizer.variables, self._of("optimizer"), strict=True):
                variable.assign(value)
        return len(self.losses)

    def keep(self, loss: float, model: Any, steps: int) -> None:
        """Take down an epoch of so many steps, whole or not at all.

        Raises:
            WriteError: the disk is full or refuses.
        """
        self.losses.append(loss)
        self.steps = self.steps or steps
        if self.path is None:
            return
        state = {
            "key": self._key,
            "losses": np.array(self.losses, dtype=np.float64),
            "values": np.array(self.values, dtype=np.float64),
            "draws": model.draws.counts(),
            "steps": np.array(self.steps),
        }
        parts = {"weight": model.get_weights(), "optimizer": model.optimizer.variables}
        for part, variables in parts.items():
            state |= {f"{part}_{place:03d}": np.asarray(value) for place, value in enumerate(variables)}
        arrays.write(state, self.path)

    def drop(self) -> None:
        """Forget it: the training is over."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _of(self, part: str) -> list[Array]:
        return [self._state[name] for name in sorted(self._state) if name.startswith(part)]

    def _read(self) -> dict[str, Array]:
        """What the file holds, if it is of this training."""
        if self.path is None:
            return {}
        try:
            state = arrays.read(self.path)
            return state if np.array_equal(state.pop("key"), self._key) else {}
        except UNREADABLE:
            return {}


def key_of_stage(stage: str, read: Sequence[Path]) -> str:
    """What decides a stage's training: its parameters and sources, as dvc.yaml has them, and its inputs."""
    inputs = {path.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in read}
    return hashlib.sha256(json.dumps([guard.given(stage), inputs], sort_keys=True).encode()).hexdigest()
