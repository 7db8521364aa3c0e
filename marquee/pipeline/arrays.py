"""The number types of all rooms, and named arrays as one .npz: whole, and the same bytes under every Python.

`np.savez` forces 64-bit sizes into its zip headers, and Python 3.11.4 began to spell those differently: the
same arrays, written by 3.11.2 and by 3.11.7, had other hashes.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from marquee.pipeline.files import write_whole

Array = npt.NDArray[Any]
Bool = npt.NDArray[np.bool_]
Uint8 = npt.NDArray[np.uint8]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.floating[Any]]


def write(arrays: Mapping[str, Array], path: Path) -> None:
    """Write arrays in the mapping's order; `read` and `np.load` read them. Python objects are refused."""
    write_whole(path, lambda temporary: _write_zip(arrays, temporary))


def _write_zip(arrays: Mapping[str, Array], path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")  # dated 1980, whatever the clock says
            member.file_size = array.nbytes  # so that only what is over 2 GiB gets 64-bit sizes
            with archive.open(member, "w") as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)


def read(path: Path) -> dict[str, Array]:
    """Read what `write` wrote."""
    with path.open("rb") as stream, np.load(stream) as archive:  # numpy leaves a broken file open
        return {name: archive[name] for name in archive.files}


def as_float16(values: Array) -> npt.NDArray[np.float32]:
    """The values as float32 numbers that float16 holds exactly.

    Models are trained on what the bundle will hold: it stores such numbers in half the bytes and reads back
    exactly the same ones.
    """
    return values.astype(np.float16).astype(np.float32)
