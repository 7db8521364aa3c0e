"""Benchmark `chaos`: whatever ends a run, another gives the same bytes, repeats nothing and leaves nothing.

Runs every stage of the small configuration in clones of what is committed, ends it at a random moment
(signals to DVC, to the stage, to both; a full disk; no more memory), runs it again and compares with an
undisturbed run. `KILLS=20` has that many accidents; what runs said in those that were not clean stays in
`logs/chaos`.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

from benchmarks import results
from benchmarks.accidents import accident, scene, table
from benchmarks.accidents.accident import Accident, Outcome
from benchmarks.accidents.disk import small_disk
from benchmarks.accidents.scene import Scene
from marquee.pipeline import paths
from marquee.pipeline.files import write_text
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage

NAME = "chaos"
KILLS = 200
SAID = paths.LOGS / NAME
SCENES = 2
"""Clones in which accidents happen at once."""


def chaos(scratch: Path, number: int, seed: int, log: Log) -> Iterator[Outcome]:
    """Build the scenes and let accidents happen in them, as soon as one is free."""
    said = scratch / "logs"
    said.mkdir()
    with ExitStack() as disks:
        first = disks.enter_context(small_disk(scratch / "disk-0"))
        log.info("a small disk in memory" if first.mounted else "no mounting here: files get a limit instead")
        scenes = [scene.build(Path(), first, said)]
        copy = scratch / "undisturbed"
        shutil.copytree(scenes[0].clone, copy, symlinks=True)
        for place in range(1, SCENES):
            other = disks.enter_context(small_disk(scratch / f"disk-{place}"))
            scenes.append(scene.copied(scenes[0], other))
        seconds = scenes[0].seconds
        log.info("undisturbed: %d stages, %.0f s", len(seconds), sum(seconds.values()))
        yield from _happening(scenes, list(accident.plan(list(seconds), number, seed)), copy)


def _happening(scenes: list[Scene], planned: list[Accident], copy: Path) -> Iterator[Outcome]:
    free: SimpleQueue[Scene] = SimpleQueue()
    for one in scenes:
        free.put(one)

    def happen(place: int) -> Outcome:
        here = free.get()
        said = here.logs / f"accident-{place + 1:03d}.log"
        outcome = accident.happen(here, planned[place], said)
        if not outcome.is_clean:
            SAID.mkdir(parents=True, exist_ok=True)
            shutil.copy(said, SAID)
            here.restore(copy)  # the next one must not be blamed for it
        free.put(here)
        return outcome

    with ThreadPoolExecutor(len(scenes)) as pool:
        yield from pool.map(happen, range(len(planned)))


def run(params: Params, log: Log) -> None:
    """Let them happen, write numbers and the table, then say what was not as promised."""
    number = int(os.environ.get("KILLS", KILLS))
    outcomes: list[Outcome] = []
    shutil.rmtree(SAID, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            for outcome in chaos(Path(scratch), number, params.seed, log):
                outcomes.append(outcome)
                log.info("%d of %d: %s", len(outcomes), number, table.told(outcome))
        except KeyboardInterrupt:
            log.warning("interrupted after %d of %d", len(outcomes), number)
    counted = table.numbers(outcomes)
    results.write(NAME, counted[table.ALL]["different_files"], results.rows(counted))
    write_text(results.REPORTS / f"{NAME}.md", table.markdown(counted))
    if not_kept := table.broken(outcomes):
        log.error("not kept:\n%s", "\n".join(not_kept))
        sys.exit(1)


if __name__ == "__main__":
    run_stage(run)
