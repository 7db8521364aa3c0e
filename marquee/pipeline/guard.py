"""What must hold while a stage runs: nobody else runs it, what it was started with stays as it is, no litter.

DVC locks neither. When it is stopped by SIGTERM its stage runs on and a second `dvc repro` is let in; and
dvc.lock records the parameters and sources that are there when a stage ends, not those it ran with.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from marquee.pipeline import paths

PIPELINE = Path("dvc.yaml")
Given = Mapping[str, str]
"""What a stage was started with, by name: a parameter's value as JSON, a source file's content hash."""


class BusyError(ValueError):
    """Another process runs the stage; the message names it."""


class MovedError(ValueError):
    """Parameters or sources changed while the stage ran; the message names them and what to do."""


@contextmanager
def alone(stage: str) -> Iterator[None]:
    """Run a stage in this process only; the kernel frees it whenever the process ends.

    Raises:
        BusyError: another process has it.
    """
    paths.LOGS.mkdir(parents=True, exist_ok=True)
    path = paths.LOGS / f"{stage}.lock"
    with path.open("a+", encoding="utf-8") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.seek(0)
            process = held.read().strip() or "unknown"
            raise BusyError(
                f"{stage} runs already, in process {process}; both would write the same files. Wait until it "
                f"has ended, or stop it (`kill {process}`), and run again."
            ) from None
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
        yield


@contextmanager
def temporary_folder(stage: str) -> Iterator[None]:
    """Have temporary files made in a folder of the stage: what a killed run leaves, the next one removes."""
    folder = (paths.LOGS / f"{stage}.tmp").resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    before, variable = tempfile.tempdir, os.environ.get("TMPDIR")
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        os.environ.pop("TMPDIR")
        if variable is not None:
            os.environ["TMPDIR"] = variable
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def unmoved(stage: str) -> Iterator[None]:
    """Compare at the end what `dvc.yaml` says a stage depends on with what it was at the start.

    Outputs of other stages are left out, for DVC looks after them; so are scripts that are no stage.

    Raises:
        MovedError: something changed.
    """
    before = given(stage)
    yield
    after = given(stage)
    if moved := sorted(name for name in before | after if before.get(name) != after.get(name)):
        raise MovedError(
            f"{', '.join(moved)} changed while {stage} ran: dvc.lock would say that it ran with what is "
            "there now. Nothing is recorded. Run `dvc repro` again and leave them alone meanwhile, or try "
            "changes on a copy (`dvc exp run --temp`)."
        )


def given(stage: str) -> dict[str, str]:
    """What a stage of dvc.yaml is started with; nothing for what is no stage or where dvc.yaml is missing."""
    try:
        stages = yaml.load(PIPELINE.read_text(encoding="utf-8"), yaml.CSafeLoader)["stages"]
    except OSError:
        return {}
    if stage not in stages:
        return {}
    made = [Path(_path(out)) for one in stages.values() for out in one.get("outs", [])]
    sources = [Path(dep) for dep in stages[stage].get("deps", []) if not _is_within(Path(dep), made)]
    params = yaml.load(paths.PARAMS.read_text(encoding="utf-8"), yaml.CSafeLoader)
    values = {name: json.dumps(_value(params, name)) for name in stages[stage].get("params", [])}
    return values | {path.as_posix(): _hash(path) for source in sources for path in _files(source)}


def _path(out: str | Mapping[str, Any]) -> str:
    return out if isinstance(out, str) else next(iter(out))


def _is_within(path: Path, folders: list[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _value(params: Any, name: str) -> Any:
    for key in name.split("."):
        params = params.get(key) if isinstance(params, Mapping) else None
    return params


def _files(source: Path) -> list[Path]:
    found = [path for path in source.rglob("*") if path.is_file()] if source.is_dir() else [source]
    return [path for path in found if "__pycache__" not in path.parts]


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:  # renamed or removed meanwhile
        return ""
