"""Where accidents happen: a clone on the small configuration that ran once, undisturbed."""

import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from benchmarks.accidents.disk import Disk
from marquee.pipeline.guard import PIPELINE
from marquee.pipeline.lock_file import LOCK

SMALL: Mapping[str, Mapping[str, Any]] = {
    "sample": {"num_users": 200, "num_interactions": 8000},
    "retrieval": {"epochs": 3},
    "ranking": {"epochs": 3},
    "tune_retrieval": {"n_trials": 2},
    "tune_ranking": {"n_trials": 2},
    "tune_neighbours": {"n_trials": 2},
    "tune_recommender": {"n_trials": 3, "max_users": 60},
    # Opened: quality is not the question here.
    "requirements": {"retrieval_above_popularity": -1.0, "rmse_at_most": 5.0},
}
"""Knobs of params.yaml, so that a stage takes seconds; two trials and three epochs have something to lose."""
BESIDE = ("tmp", "bentoml")
"""Folders that runs use beside the clone: for temporary files, and BentoML's store."""
PACKAGING = "package_service"
"""Only this stage makes a Bento."""
OF_LIBRARIES = {"tmp/.ses"}
"""ONNX Runtime keeps the number of its session in the system's temporary folder, killed or not."""
NOT_COMPARED = re.compile(r"clone/(\.git|\.dvc/cache|\.dvc/tmp)/|(.*/)?__pycache__/")
LOGGED = re.compile(r"clone/logs/")
DATED = re.compile(r"clone/logs/|bentoml/bentos/[^/]+/(latest|[^/]+/bento.yaml)$")
"""Compared by name alone: journals and a Bento's description have times in them."""


class SceneError(ValueError):
    """The undisturbed run failed; the message holds the end of its log."""


@dataclass(frozen=True)
class Scene:
    """A clone that has run, and folders beside it that only its runs use.

    Attributes:
        disk: holds all of them.
        logs: where runs write what they say; on another disk, so that they can say that this one is full.
        seconds: stage -> how long `dvc repro <stage>` took, undisturbed, in the order the data flows.
        undisturbed: file -> hash of its content, after that; the Bento's too.
    """

    disk: Disk
    logs: Path
    seconds: Mapping[str, float]
    undisturbed: Mapping[str, str]

    @property
    def clone(self) -> Path:
        return clone_of(self.disk.folder)

    def unsettle(self, stage: str) -> None:
        """Make DVC run a stage, its inputs in place: its outputs go, and dvc.lock has others."""
        shutil.rmtree(self.clone / "logs", ignore_errors=True)
        lay_out(self.disk.folder)
        for out in outs(stages_of(self.clone)[stage]):
            path = self.clone / out
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        lock = self.clone / LOCK
        before, mark, after = lock.read_text(encoding="utf-8").partition(f"\n  {stage}:\n")
        changed = re.sub(r"(?s)(\n    outs:.*?md5: )\w{8}", r"\g<1>00000000", after, count=1)
        lock.write_text(before + mark + changed, encoding="utf-8")

    def restore(self, copy: Path) -> None:
        """Put everything back as it was after the undisturbed run."""
        shutil.rmtree(self.disk.folder / "clone")
        shutil.copytree(copy, self.clone, symlinks=True)

    def start(self, stage: str, log: Path) -> "subprocess.Popen[bytes]":
        """`dvc repro <stage>` in a process group of its own."""
        return start(self.disk.folder, stage, log)

    def repair(self) -> None:
        """What `make repro` does first."""
        command = ["python", "-m", "marquee.pipeline.lock_file"]
        subprocess.run(command, cwd=self.clone, env=variables(self.disk.folder), check=True)

    def leftovers(self) -> list[str]:
        """Files that an undisturbed run does not leave, the Bento store and the temporary folder included."""
        folder = self.disk.folder
        extra = [name for name in content(folder) if name not in self.undisturbed]
        beside = [path for part in ("tmp", "bentoml/tmp") for path in sorted((folder / part).rglob("*"))]
        names = [path.relative_to(folder).as_posix() for path in beside if not path.is_dir()]
        return extra + [name for name in names if name not in OF_LIBRARIES]

    def different(self, stage: str) -> list[str]:
        """Files whose bytes are not those of the undisturbed run, or that are missing."""
        now, packaged = content(self.disk.folder), stage == PACKAGING
        return sorted(
            name
            for name, one in self.undisturbed.items()
            if now.get(name) != one
            and not LOGGED.match(name)
            and (packaged or not name.startswith("bentoml"))
        )


def build(source: Path, disk: Disk, logs: Path) -> Scene:
    """Clone what is committed, make it small and run it, stage by stage.

    Raises:
        SceneError: a stage failed.
    """
    folder = disk.folder
    lay_out(folder)
    clone = clone_of(folder)
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(source), str(clone)], check=True)
    make_small(clone / "params.yaml")
    seconds = {}
    for stage in order(clone):
        begun, log = time.monotonic(), logs / f"undisturbed-{stage}.log"
        if start(folder, stage, log).wait():
            raise SceneError(f"{stage} failed undisturbed:\n{log.read_text(encoding='utf-8')[-2000:]}")
        seconds[stage] = time.monotonic() - begun
    return Scene(disk, logs, seconds, content(folder))


def copied(scene: Scene, disk: Disk) -> Scene:
    """The same on another disk."""
    lay_out(disk.folder)
    shutil.copytree(scene.clone, clone_of(disk.folder), symlinks=True)
    return Scene(disk, scene.logs, scene.seconds, scene.undisturbed)


def clone_of(folder: Path) -> Path:
    return folder / "clone"


def lay_out(folder: Path) -> None:
    """Make the folders that runs use beside the clone, or empty them."""
    for name in BESIDE:
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir()


def start(folder: Path, stage: str, log: Path) -> "subprocess.Popen[bytes]":
    """`dvc repro <stage>` in the scene of a folder; never from DVC's run cache."""
    command = ["dvc", "repro", "--no-run-cache", stage]
    with log.open("ab") as said:
        return subprocess.Popen(
            command,
            cwd=clone_of(folder),
            env=variables(folder),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )


def variables(folder: Path) -> dict[str, str]:
    """The environment of a scene's runs: nothing of theirs lies elsewhere."""
    return os.environ | {
        "TMPDIR": str(folder / "tmp"),
        "BENTOML_HOME": str(folder / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        "DVC_NO_ANALYTICS": "1",
    }


def make_small(params: Path) -> None:
    """Set the knobs of SMALL; only such as are there."""
    values = yaml.safe_load(params.read_text(encoding="utf-8"))
    for section, knobs in SMALL.items():
        if unknown := sorted(set(knobs) - set(values[section])):
            raise SceneError(f"{params}: {section} has no {', '.join(unknown)}. Mend benchmarks/accidents.")
        values[section] |= knobs
    params.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def stages_of(clone: Path) -> dict[str, Any]:
    """`stages` of dvc.yaml."""
    return dict(yaml.load((clone / PIPELINE).read_text(encoding="utf-8"), yaml.CSafeLoader)["stages"])


def outs(stage: Mapping[str, Any]) -> list[str]:
    """Paths of a stage's outputs and metrics."""
    written = [*stage.get("outs", []), *stage.get("metrics", [])]
    return [one if isinstance(one, str) else next(iter(one)) for one in written]


def order(clone: Path) -> list[str]:
    """Names of the stages, each after those it reads."""
    stages = stages_of(clone)
    made = {name: outs(stage) for name, stage in stages.items()}
    needs = {
        name: {
            other
            for other, paths in made.items()
            for out in paths
            for dep in stage.get("deps", [])
            if dep == out or dep.startswith(f"{out}/")
        }
        for name, stage in stages.items()
    }
    return list(TopologicalSorter(needs).static_order())


def content(folder: Path) -> dict[str, str]:
    """Path -> hash of each file of a clone and of the Bentos beside it, without what tools keep."""
    clone, bentos = clone_of(folder), folder / "bentoml/bentos"
    found = {
        path.relative_to(folder).as_posix(): path
        for path in sorted([*clone.rglob("*"), *bentos.rglob("*")])
        if path.is_file()
    }
    return {
        name: "" if DATED.match(name) else hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in found.items()
        if not NOT_COMPARED.match(name)
    }
