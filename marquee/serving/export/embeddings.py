"""Candidate embeddings of movies, in the catalogue or not, by the exported candidate tower."""

from typing import Any

import numpy as np
import numpy.typing as npt

from marquee.data.tables.catalogue import Catalogue
from marquee.pipeline.arrays import Float32, Int32
from marquee.serving.recommender.litert import LiteRtModel

CHUNK = 1024
"""Movies embedded at once, never fewer: equal movies get equal embeddings, whatever stands beside them."""


def embed(tower: LiteRtModel, catalogue: Catalogue, id_row: Int32, half: bool) -> Float32:
    """(num_movies, D) candidate embeddings, rounded to what float16 holds where `half`."""
    inputs = {
        "content": catalogue.content,
        "names": catalogue.names,
        "id_row": id_row,
        "release": catalogue.release,
    }
    parts = []
    for start in range(0, max(1, len(catalogue)), CHUNK):  # a chunk of nothing still says how wide a row is
        chunk = {name: values[start : start + CHUNK] for name, values in inputs.items()}
        parts.append(tower(**{name: _padded(values) for name, values in chunk.items()}))
    embeddings = np.concatenate(parts)[: len(catalogue)]
    return embeddings.astype(np.float16).astype(np.float32) if half else embeddings


def _padded(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The values and zeros behind them, CHUNK in all."""
    filled = np.zeros((CHUNK, *values.shape[1:]), dtype=values.dtype)
    filled[: len(values)] = values
    return filled
