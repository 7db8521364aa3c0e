"""Benchmark `variant_speed`: milliseconds of the exported models in every variant, in process, on one thread.

The models alone: what a recommendation does beside them is in `serving_speed`. Inputs are drawn, since how
long a model takes does not depend on what it reads.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks import pictures, results
from benchmarks.clock import percentiles
from marquee.data.tables.catalogue import Catalogue
from marquee.models.training.runtime import start_tensorflow
from marquee.pipeline import paths
from marquee.pipeline.arrays import Float32
from marquee.pipeline.files import read_json
from marquee.pipeline.params import Params
from marquee.pipeline.scores import Score
from marquee.pipeline.stage import Log, run_stage
from marquee.serving.recommender.bundle import Settings
from marquee.serving.variants.runtimes import open_model
from marquee.serving.variants.variant_pictures import NAMES
from marquee.serving.variants.variants import VARIANTS

NAME = "variant_speed"
RANKED = 300
"""Movies the ranker is asked about at once, about as many as the recommender gathers."""
CALLS, TURNS, WARM_UP = 100, 10, 20

Inputs = dict[str, Any]
Call = Callable[[], object]


def of_query_tower(settings: Settings, rng: np.random.Generator) -> Inputs:
    """A full history."""
    length = settings.history_length
    return {
        "vectors": _drawn(rng, 1, length, settings.embedding_dim),
        "features": _drawn(rng, 1, length, len(settings.history_features)),
        "read_at": np.array([length], np.int32),
        "context": _drawn(rng, 1, len(settings.query_features)),
        "now": np.array([2020.0], np.float32),
    }


def of_dcn(settings: Settings, content_columns: int, rng: np.random.Generator) -> Inputs:
    """RANKED movies."""
    return {
        "features": _drawn(rng, RANKED, len(settings.ranking_features)),
        "content": _drawn(rng, RANKED, content_columns),
        "id_row": np.zeros(RANKED, np.int32),
    }


def _drawn(rng: np.random.Generator, *shape: int) -> Float32:
    return rng.normal(size=shape).astype(np.float32)


def in_turns(
    calls: Mapping[str, Call], clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Milliseconds of every call, CALLS at a time in turn, so that what else the machine does falls on all.

    Args:
        calls: name -> what to time.
        clock: seconds.
    """
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(TURNS + 1):
        for name, call in calls.items():
            for _ in range(CALLS if turn else WARM_UP):
                start = clock()
                call()
                if turn:
                    taken[name].append((clock() - start) * 1e3)
    return taken


def summed(query_tower: Sequence[float], dcn: Sequence[float]) -> dict[str, dict[str, float]]:
    """Percentiles of each model and of both one after the other."""
    both = [one + other for one, other in zip(query_tower, dcn, strict=True)]
    return {
        "query_tower": percentiles(query_tower),
        f"dcn_{RANKED}_movies": percentiles(dcn),
        "both": percentiles(both),
    }


def measure(seed: int, log: Log) -> dict[str, Any]:
    """Time every variant."""
    start_tensorflow(seed, threads=1)
    settings = Settings.model_validate_json(paths.EXPORTED.settings.read_text(encoding="utf-8"))
    catalogue = Catalogue.read(paths.PROCESSED.movie_features)
    rng = np.random.default_rng(seed)
    history = of_query_tower(settings, rng)
    movies = of_dcn(settings, catalogue.genres.shape[1] + catalogue.language.shape[1], rng)
    numbers = {}
    for model, inputs in (("query_tower", history), ("dcn", movies)):
        calls = {name: _call(name, model, inputs) for name in VARIANTS}
        numbers[model] = in_turns(calls)
    timed = {name: summed(numbers["query_tower"][name], numbers["dcn"][name]) for name in VARIANTS}
    for name, one in timed.items():
        log.info("%s: %s", name, one["both"])
    return timed


def _call(name: str, model: str, inputs: Inputs) -> Call:
    opened = open_model(paths.EXPORTED.variant(name) / f"{model}{VARIANTS[name].suffix}")
    return lambda: opened(**inputs)


def draw(timed: Mapping[str, Any], winner: str) -> None:
    """Median and tail of both models together, the served variant first."""
    order = sorted(timed, key=lambda name: name != winner)
    panels = [
        (f"Query tower, then {RANKED} movies ranked: {title}", key)
        for title, key in (("median", "p50_ms"), ("99th percentile", "p99_ms"))
    ]
    pictures.draw(
        [
            (title, "milliseconds", {NAMES[name]: timed[name]["both"][key] for name in order})
            for title, key in panels
        ],
        results.REPORTS / f"{NAME}.png",
    )


def run(params: Params, log: Log) -> None:
    """Time every variant, then write numbers and the picture."""
    timed = measure(params.seed, log)
    winner = str(read_json(paths.EXPORTED.winner)["variant"])
    rows = [*results.rows({"variants": timed}), Score("served", 1, group=f"variants, {winner}")]
    results.write(NAME, timed[winner]["both"]["p50_ms"], rows)
    draw(timed, winner)


if __name__ == "__main__":
    run_stage(run)
