"""One accident: a stage runs, something happens to it, it is run again; what is left then?"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from benchmarks.accidents import work
from benchmarks.accidents.scene import Scene

PATIENCE_SECONDS = 300.0
"""A run that takes longer hangs: it is killed and counted as one that did not come to its end."""
TICK_SECONDS = 0.01
FREE_BYTES = (0, 1 << 16, 1 << 20, 1 << 22)
"""What a full disk has left."""
FREE_MEMORY = (0, 1 << 20, 1 << 24, 1 << 26)
"""Bytes that a stage can still have when memory ends."""
TARGETS = ("DVC", "the stage", "both")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
DISK_FULL, OUT_OF_MEMORY = "disk full", "out of memory"
KINDS = (*(f"{one.name} to {target}" for one in SIGNALS for target in TARGETS), DISK_FULL, OUT_OF_MEMORY)
REFUSED = "runs already, in process"
NO_SPACE = re.compile(r"No space left on device|File too large|could not be written")
WITH_PATH = re.compile(
    r"(No space left on device|File too large)[^\n]*['\"][^'\"\n]*/|\S*/\S+ could not be written"
)


@dataclass(frozen=True)
class Accident:
    """What happens to which stage, and when.

    Attributes:
        kind: one of KINDS.
        stage: which is run.
        share: of the stage's undisturbed time that has passed then.
        left: bytes that are left, where disk or memory end.
    """

    kind: str
    stage: str
    share: float
    left: int = 0


@dataclass
class Outcome:
    """What came of an accident.

    Attributes:
        accident: it.
        struck: whether the run was under way still.
        failed: whether the run ended with an error.
        recovered: whether running again came to its end.
        refused: whether running again was refused at first, for the stage ran on.
        unnamed: whether a full disk was reported without a path.
        different: files with other bytes than the undisturbed run's.
        leftovers: files that should not be there, and processes.
        trials, epochs: finished ones that were done again.
        seconds: of both runs, beyond those of an undisturbed one.
    """

    accident: Accident
    struck: bool = False
    failed: bool = False
    recovered: bool = False
    refused: bool = False
    unnamed: bool = False
    different: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    trials: int = 0
    epochs: int = 0
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        """Whether nothing came of it."""
        bad = self.different or self.leftovers or self.trials or self.epochs or self.unnamed
        return self.recovered and not bad


def plan(stages: list[str], number: int, seed: int) -> Iterator[Accident]:
    """Accidents of every kind to every stage, in a random order, at random moments, as often as it takes."""
    rng = np.random.default_rng(seed)
    pairs = [(kind, stage) for kind in KINDS for stage in stages]
    for begun in range(0, number, len(pairs)):
        for place in rng.permutation(len(pairs))[: number - begun]:
            kind, stage = pairs[place]
            left = FREE_BYTES if kind == DISK_FULL else FREE_MEMORY
            yield Accident(kind, stage, float(rng.uniform()), int(rng.choice(left)))


def happen(scene: Scene, accident: Accident, log: Path) -> Outcome:
    """Run a stage into an accident, run it again until it is through, and look at what there is then."""
    stage, outcome = accident.stage, Outcome(accident)
    scene.unsettle(stage)
    begun = time.monotonic()
    run = scene.start(stage, log)
    outcome.struck = _strike(scene, accident, run, begun)
    outcome.failed = _ended(run) != 0
    _say(log, f"--- {accident}: exit code {run.returncode}")
    if accident.kind == DISK_FULL:
        _wait_for_stage(scene, stage)
        scene.disk.free()
        said = log.read_text(encoding="utf-8", errors="replace")
        outcome.unnamed = bool(NO_SPACE.search(said)) and not WITH_PATH.search(said)
    outcome.recovered, outcome.refused = _run_again(scene, stage, log)
    outcome.seconds = time.monotonic() - begun - scene.seconds[stage]
    outcome.leftovers = [*scene.leftovers(), *_processes(scene)]
    outcome.different = scene.different(stage)
    said = log.read_text(encoding="utf-8", errors="replace")
    outcome.trials = work.repeated_trials(said)
    outcome.epochs = work.repeated_epochs(said, scene.clone / f"logs/{stage}.journal")
    return outcome


def _strike(scene: Scene, accident: Accident, run: "subprocess.Popen[bytes]", begun: float) -> bool:
    """Wait for the moment and let it happen; False where the run had ended."""
    moment = begun + accident.share * scene.seconds[accident.stage]
    needs_stage = accident.kind.endswith("the stage") or accident.kind == OUT_OF_MEMORY
    while run.poll() is None:
        if time.monotonic() >= moment:
            hit = _stage_process(run.pid, accident.stage)
            if hit or not needs_stage:
                with suppress(psutil.NoSuchProcess, ProcessLookupError):
                    _of_kind(accident)(scene, run.pid, hit)
                    return True
        time.sleep(TICK_SECONDS)
    return False


def _of_kind(accident: Accident) -> "Callable[[Scene, int, psutil.Process | None], None]":
    """What to do to DVC's process and to the stage's."""

    def full_disk(scene: Scene, dvc: int, stage: psutil.Process | None) -> None:
        scene.disk.fill(accident.left, [psutil.Process(dvc), *([stage] if stage else [])])

    def no_memory(scene: Scene, dvc: int, stage: psutil.Process | None) -> None:
        assert stage is not None  # it was waited for
        most = stage.memory_info().vms + accident.left
        stage.rlimit(psutil.RLIMIT_AS, (most, most))

    def signalled(scene: Scene, dvc: int, stage: psutil.Process | None) -> None:
        name, _, target = accident.kind.partition(" to ")
        struck = {"DVC": [dvc], "the stage": [stage.pid] if stage else []}
        if target == "both":
            _signal_group(dvc, signal.Signals[name])
        for pid in struck.get(target, []):
            psutil.Process(pid).send_signal(signal.Signals[name])

    return {DISK_FULL: full_disk, OUT_OF_MEMORY: no_memory}.get(accident.kind, signalled)


def _signal_group(leader: int, number: signal.Signals) -> None:
    os.killpg(leader, number)


def _stage_process(dvc: int, stage: str) -> psutil.Process | None:
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(dvc).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if f"stages.{stage}" in process.cmdline():
                    return process
    return None


def _ended(run: "subprocess.Popen[bytes]") -> int:
    """Its exit code, killed where it hangs."""
    try:
        return run.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        _signal_group(run.pid, signal.SIGKILL)
        return run.wait()


def _run_again(scene: Scene, stage: str, log: Path) -> tuple[bool, bool]:
    """As somebody would: `make repro`, and once more where it says that the stage runs on.

    Returns:
        Whether it came to its end, and whether it was refused at first.
    """
    scene.repair()
    code, said = _once(scene, stage, log)
    refused = bool(code) and REFUSED in said
    if refused:
        _wait_for_stage(scene, stage)
        code, _ = _once(scene, stage, log)
    return code == 0, refused


def _once(scene: Scene, stage: str, log: Path) -> tuple[int, str]:
    before = log.stat().st_size
    code = _ended(scene.start(stage, log))
    return code, log.read_bytes()[before:].decode(errors="replace")


def _wait_for_stage(scene: Scene, stage: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and any(f"stages.{stage}" in one for one in _processes(scene)):
        time.sleep(10 * TICK_SECONDS)


def _processes(scene: Scene) -> list[str]:
    """Command lines of the processes that run in the clone."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(scene.clone):
                found.append(" ".join(process.cmdline()))
    return found


def _say(log: Path, line: str) -> None:
    with log.open("a", encoding="utf-8") as said:
        said.write(f"{line}\n")
