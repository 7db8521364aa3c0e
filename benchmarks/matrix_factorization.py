"""iALS of the `implicit` library, run by the Python of .venv-bench; neither is part of the product.

    .venv-bench/bin/python benchmarks/matrix_factorization.py asked.npz answered.npz

asked.npz holds the fitted people's movies (CSR), the histories of the events to answer (CSR), and knobs;
answered.npz gets `queries` (e, factors) and `candidates` (num_movies, factors), float32. Paper: Hu, Koren and
Volinsky 2008, "Collaborative Filtering for Implicit Feedback Datasets". numpy, scipy and implicit are enough.
"""

import os
import sys

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # implicit has threads of its own

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse
from implicit.als import AlternatingLeastSquares


def main(asked: str, answered: str) -> None:
    """Fit on the people, fold the histories in."""
    with np.load(asked) as file:
        arrays = dict(file)
    model = AlternatingLeastSquares(
        factors=int(arrays["factors"]),
        regularization=float(arrays["regularization"]),
        alpha=float(arrays["alpha"]),
        iterations=int(arrays["iterations"]),
        random_state=int(arrays["seed"]),
        num_threads=int(arrays["threads"]),
    )
    model.fit(watched(arrays, "people"), show_progress=False)
    histories = watched(arrays, "histories")
    queries = model.recalculate_user(np.arange(histories.shape[0]), histories)
    np.savez(answered, queries=queries.astype(np.float32), candidates=model.item_factors.astype(np.float32))


def watched(arrays: Mapping[str, Any], name: str) -> scipy.sparse.csr_matrix:
    """(rows, num_movies) float32, 1 where the movie was watched."""
    indices, indptr = arrays[f"{name}_indices"], arrays[f"{name}_indptr"]
    ones = np.ones(len(indices), dtype=np.float32)
    return scipy.sparse.csr_matrix((ones, indices, indptr), (len(indptr) - 1, int(arrays["num_movies"])))


if __name__ == "__main__":
    main(*sys.argv[1:])
