"""Benchmark `worlds`: does monitoring find what changes, and keep quiet where nothing does?

People whom no model has met live against the committed bundle, in this process and without HTTP: the same
recommender, exploration and records as the service's. `WORLDS=new_tastes,new_movies SEEDS=3` runs a part.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import results
from benchmarks.simulation import jobs, judging, off_policy, pictures, table
from benchmarks.simulation.judging import Judged
from benchmarks.simulation.off_policy import Policy
from benchmarks.simulation.recording import Kept
from benchmarks.simulation.worlds import STATIONARY, WORLDS, World
from marquee.monitoring.evidence.reference import Reference
from marquee.pipeline.files import write_text
from marquee.pipeline.monitoring_params import Monitoring
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage

NAME = "worlds"
PROCESSES = 2
STATIONARY_SEEDS = 5
RUNS = 10
"""Of each world that changes."""
WINDOWS = (1000, 500, 250)
"""Requests judged together, each with a run length of 50 windows asked for."""
RUN_WINDOWS = 50
NULL_WINDOWS = 6000
"""Simulated for thresholds, which are set for 185 pairs of lives: fewer than for one service."""
LOGS, VISITORS = 200, 400
"""Logs of the off-policy runs, and whose lists each holds."""
POLICIES = {"all places by chance": Policy(1.0, 1.0), "a tenth of the places by chance": Policy(0.1, 1.0)}
DIGITS = 6


def chosen() -> tuple[list[World], int]:
    """Worlds that change and runs of each: all, unless the environment says less."""
    names = os.environ.get("WORLDS", "").split(",")
    picked = [world for world in WORLDS if world != STATIONARY and (names == [""] or world.name in names)]
    return picked, int(os.environ.get("SEEDS", RUNS))


def found(runs: Sequence[Judged], window: int) -> dict[str, float]:
    """How many runs alarmed, and after how many requests."""
    first = [one.first for one in runs]
    delays = [(one + 1) * window for one in first if one is not None]
    numbers = {"runs": float(len(runs)), "found": float(len(delays))}
    return numbers | ({"delay_requests_median": float(np.median(delays))} if delays else {})


def quiet(lives: Sequence[Kept], knobs: Monitoring, seed: int) -> dict[str, Any]:
    """Run lengths without drift, by the size of the window."""
    numbers: dict[str, Any] = {}
    for window in WINDOWS:
        asked = window * RUN_WINDOWS
        sized = knobs.model_copy(update={"window_requests": window, "expected_run_time": asked})
        length, windows, alarms = judging.run_length([life.requests for life in lives], sized, seed)
        numbers[f"windows of {window}"] = {
            "asked": asked,
            "run_length": round(length),
            "windows": windows,
            "alarms": alarms,
        }
    return numbers


def estimates(reference: Reference, of_world: Mapping[str, Sequence[Kept]], seed: int) -> dict[str, Any]:
    """The largest distance of an estimate from the truth, world by world."""
    numbers: dict[str, Any] = {}
    for name, lives in of_world.items():
        made = [judging.estimate(reference, life, seed) for life in lives]
        numbers[name] = {
            "rmse_off_most": max(abs(one.rmse) for one in made),
            "rmse_off_mean": float(np.mean([one.rmse for one in made])),
            "hit_rate_off_most": max(abs(one.hit_rate) for one in made),
            "hit_rate_off_mean": float(np.mean([one.hit_rate for one in made])),
        }
    return numbers


def covered(asked: off_policy.Contexts, samples: int, seed: int) -> dict[str, Any]:
    """How often off-policy intervals hold the truth."""
    numbers: dict[str, Any] = {}
    for name, policy in POLICIES.items():
        made = off_policy.cover(asked, policy, LOGS, VISITORS, samples, seed)
        numbers[name] = {
            "clicks_per_list_true": made.truth,
            "effective_lists": made.effective_lists,
            "runs": LOGS,
            "refused": made.refused,
        }
        if made.refused < LOGS:
            numbers[name] |= {
                **{f"covered_{one}": made.covered(one) for one in off_policy.ESTIMATORS},
                **{f"bias_{one}": made.bias(one) for one in off_policy.ESTIMATORS},
                **{f"width_{one}": made.width(one) for one in off_policy.ESTIMATORS},
            }
    return numbers


def junk(lives: Sequence[Kept]) -> dict[str, float]:
    """What a broken client did to the tables."""
    counts: Counter[str] = Counter()
    for life in lives:
        counts.update({name: getattr(life.manifest, name) for name in ("bad", "later", "duplicates")})
        counts["others_ratings_lost_or_changed"] += life.others_ratings_lost
        counts["own_ratings"] += life.broken_ratings
    return {name: value / len(lives) for name, value in counts.items()}


def run(params: Params, log: Log) -> None:
    """Let them live, judge, and write numbers, windows and the picture."""
    worlds, number = chosen()
    knobs, seed = params.monitoring.model_copy(update={"null_windows": NULL_WINDOWS}), params.seed
    with ProcessPoolExecutor(PROCESSES) as pool:
        built = pool.submit(jobs.reference_of_bundle)
        still = [pool.submit(jobs.stationary, run) for run in range(STATIONARY_SEEDS)]
        moving = {world: [pool.submit(jobs.changed, world, run) for run in range(number)] for world in worlds}
        reference = built.result()
        calm = [one.result() for one in still]
        log.info("%d stationary requests", sum(len(one.kept.requests) for one in calm))
        of_world = {STATIONARY.name: [one.kept for one in calm]}
        for world, futures in moving.items():
            of_world[world.name] = [one.result() for one in futures]
            log.info("%s: %d runs", world.name, number)
    judged = {
        name: [judging.judge(reference.requests, life.requests, knobs, seed) for life in lives]
        for name, lives in of_world.items()
    }
    numbers: dict[str, Any] = {
        "run_length": quiet(of_world[STATIONARY.name], knobs, seed),
        "estimates": estimates(reference, of_world, seed),
        "off_policy": covered(calm[0].contexts, params.evaluation.bootstrap_samples, seed),
        "found": {name: found(runs, knobs.window_requests) for name, runs in judged.items()},
    }
    if "junk_client" in of_world:
        numbers["junk"] = junk(of_world["junk_client"])
    _write(numbers, judged, knobs.window_requests, log)


def _write(numbers: dict[str, Any], judged: Mapping[str, Sequence[Judged]], window: int, log: Log) -> None:
    log.info("%s", numbers)
    length = numbers["run_length"][f"windows of {WINDOWS[0]}"]
    results.write(NAME, length["run_length"] / length["asked"], results.rows(_rounded(numbers)))
    rows = [
        (name, run, at + 1, one.signal[at], float(one.over[at]))
        for name, runs in judged.items()
        for run, one in enumerate(runs)
        for at in range(len(one.over))
    ]
    write_text(results.REPORTS / f"{NAME}.md", table.table(numbers, jobs.VOLUME))
    windows = pd.DataFrame(rows, columns=["world", "run", "window", "farthest_signal", "over_threshold"])
    write_text(results.REPORTS / f"{NAME}.csv", windows.to_csv(index=False, float_format="%.4f"))
    shown = [world for world in WORLDS if world.name in judged]
    pictures.draw(shown, judged, window, results.REPORTS / f"{NAME}.png")


def _rounded(numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _rounded(one) if isinstance(one, Mapping) else round(one, DIGITS)
        for name, one in numbers.items()
    }


if __name__ == "__main__":
    run_stage(run, blas_threads=1)
