from dataclasses import dataclass, field

import numpy as np
import pytest

from marquee.models.training import weights
from marquee.models.training.weights import WeightsError


@dataclass
class Model:
    """What of a Keras model is used."""

    arrays: list[np.ndarray] = field(default_factory=list)

    def get_weights(self) -> list[np.ndarray]:
        return self.arrays

    def set_weights(self, arrays: list[np.ndarray]) -> None:
        self.arrays = arrays


def test_weights_come_back_in_the_models_order(tmp_path):
    many = [np.full((2, place + 1), place, np.float32) for place in range(12)]
    weights.write(Model(many), tmp_path / "w.npz")
    other = Model([np.zeros_like(array) for array in many])
    weights.read(other, tmp_path / "w.npz")
    for expected, found in zip(many, other.arrays, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_same_weights_are_the_same_bytes(tmp_path):
    for name in ("a.npz", "b.npz"):
        weights.write(Model([np.arange(3.0)]), tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_weights_of_another_shape_are_refused(tmp_path):
    weights.write(Model([np.zeros(3)]), tmp_path / "w.npz")
    with pytest.raises(WeightsError, match="weights of another model"):
        weights.read(Model([np.zeros(4)]), tmp_path / "w.npz")
