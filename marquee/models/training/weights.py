"""A Keras model's weights as one .npz: the same bytes on every run, whole or not at all.

Keras' own HDF5 writer dies with a segmentation fault where the disk is full.
"""

from pathlib import Path
from typing import Any

from marquee.pipeline import arrays


class WeightsError(ValueError):
    """The weights are of another model."""


def write(model: Any, path: Path) -> None:
    """Write every weight of a built model, in the model's own order."""
    arrays.write({f"{place:03d}": array for place, array in enumerate(model.get_weights())}, path)


def read(model: Any, path: Path) -> None:
    """Load weights into a built model.

    Raises:
        WeightsError: their number or shapes are not the model's.
    """
    stored = arrays.read(path)
    loaded = [stored[name] for name in sorted(stored)]
    expected = [tuple(array.shape) for array in model.get_weights()]
    found = [array.shape for array in loaded]
    if found != expected:
        raise WeightsError(
            f"{path} holds weights of another model ({len(found)} arrays, {len(expected)} expected, or other "
            "shapes): the parameters or the data changed since it was trained. Run `dvc repro`."
        )
    model.set_weights(loaded)
