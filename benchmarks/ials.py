"""iALS of `implicit`, fitted in an environment of its own by `benchmarks/matrix_factorization.py`."""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.neighbours import histories_matrix, people_matrix
from marquee.data.tables.interactions import Interactions
from marquee.evaluation.measures.events import Events
from marquee.evaluation.measures.ranks import Scorer
from marquee.pipeline.arrays import Float32

PYTHON = Path(".venv-bench/bin/python")
SCRIPT = Path("benchmarks/matrix_factorization.py")


class IalsError(ValueError):
    """The other environment is missing or failed; the message says what to do."""


def fit_ials(fitted: Interactions, table: Interactions, asked: Events, knobs: Mapping[str, float]) -> Scorer:
    """Fit, fold the history of every event in, and score those events.

    Args:
        fitted: the interactions of the fitted periods, every rating counting one.
        table: the whole table, in which the events' histories lie.
        asked: all events that will be scored, sorted by row.
        knobs: factors, regularization, alpha, iterations, seed, threads.

    Raises:
        IalsError: there is no .venv-bench, or the library failed.
    """
    if not PYTHON.exists():
        raise IalsError(f"{PYTHON} is missing, which holds `implicit`: `make bench` installs it.")
    people, histories = people_matrix(fitted), histories_matrix(table, asked)
    question: dict[str, Any] = {
        **knobs,
        "num_movies": fitted.num_movies,
        "people_indices": people.indices,
        "people_indptr": people.indptr,
        "histories_indices": histories.indices,
        "histories_indptr": histories.indptr,
    }
    with tempfile.TemporaryDirectory() as scratch:
        answer = _run(question, Path(scratch))
    queries, candidates = answer["queries"], answer["candidates"].T.copy()

    def score(events: Events) -> Float32:
        scores: Float32 = queries[np.searchsorted(asked.rows, events.rows)] @ candidates
        return scores

    return score


def _run(question: Mapping[str, Any], scratch: Path) -> dict[str, Any]:
    asked, answered = scratch / "asked.npz", scratch / "answered.npz"
    np.savez(asked, **question)
    command = [str(PYTHON), str(SCRIPT), str(asked), str(answered)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise IalsError(f"{SCRIPT} failed:\n{done.stderr[-2000:]}")
    with np.load(answered) as arrays:
        return dict(arrays)
