"""`make doctor`: what keeps a clone from working, found before a run finds it.

Each check is a function of a folder that says what is wrong and what to do, or nothing.
"""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil

from marquee.pipeline import environment, lock_file, logs
from marquee.upkeep import machine

GIGABYTES_FREE, GIGABYTES_MEMORY = 4.0, 3.0
"""What the sample needs, with its environment: measured and doubled."""
PYTHONS = ((3, 11), (3, 13))
log = logs.get("doctor")


def python(_: Path) -> str | None:
    """DVC runs stages by the first `python` on PATH."""
    oldest, newest = PYTHONS
    if not oldest <= sys.version_info[:2] <= newest:
        return (
            f"Python {sys.version.split()[0]}: Marquee needs 3.11, 3.12 or 3.13 (`make PYTHONS=python3.12`)."
        )
    first = shutil.which("python")
    if first is None or Path(first).absolute().parent != Path(sys.executable).absolute().parent:
        return (
            f"`python` on PATH is {first}, not {sys.executable}: DVC would run stages by it. Activate the "
            "environment (`source .venv/bin/activate`), or use make."
        )
    return None


def packages(folder: Path) -> str | None:
    """The environment is the lock's."""
    other = machine.other_packages((folder / machine.LOCK).read_text(encoding="utf-8"))
    return f"not as {machine.LOCK} says: {', '.join(other)}. Run `make install`." if other else None


def variables(_: Path) -> str | None:
    """Variables that decide bits are set by Marquee."""
    said = ", ".join(environment.OVERRULED)
    return f"{said}: stages do not heed it, for it would change last bits. Unset it." if said else None


def lock(folder: Path) -> str | None:
    """dvc.lock is whole."""
    path = folder / lock_file.LOCK
    if not path.exists() or lock_file.is_whole(path):
        return None
    return "dvc.lock is empty or cut off: run `make repro`, which puts the last whole one back."


def history(folder: Path) -> str | None:
    """Experiments in a copy or a queue need the whole history: DVC loses them otherwise, and says Success."""
    if _git(folder, "rev-parse", "--is-shallow-repository") == "true":
        return (
            "this clone is shallow: `dvc exp run --temp` and `--queue` lose what they ran. "
            "Run `git fetch --unshallow`."
        )
    return None


def path(folder: Path) -> str | None:
    """DVC's queue fails in folders with letters beyond ASCII."""
    if str(folder.resolve()).isascii():
        return None
    return f"{folder.resolve()} has letters beyond ASCII: `dvc exp run --queue` fails there. Move the clone."


def disk(folder: Path) -> str | None:
    """Room for outputs and DVC's cache."""
    free = shutil.disk_usage(folder).free / 1e9
    if free >= GIGABYTES_FREE:
        return None
    return f"{free:.1f} GB are free; the sample wants {GIGABYTES_FREE:g}. Free some (`dvc gc --workspace`)."


def memory(_: Path) -> str | None:
    """Room for TensorFlow and the tables."""
    available = psutil.virtual_memory().available / 1e9
    if available >= GIGABYTES_MEMORY:
        return None
    return (
        f"{available:.1f} GB of memory are free; the sample wants {GIGABYTES_MEMORY:g}. End other programs."
    )


def writable(folder: Path) -> str | None:
    """Every folder that stages write."""
    closed = [
        name
        for name in (".", "data", "models", "metrics", "reports", ".dvc")
        if not _may_write(folder / name)
    ]
    return (
        f"{', '.join(closed)} cannot be written by this user: `chown` the clone, or clone anew."
        if closed
        else None
    )


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _may_write(folder: Path) -> bool:
    return not folder.exists() or os.access(folder, os.W_OK)


CHECKS = (python, packages, variables, lock, history, path, disk, memory, writable)


def main() -> int:
    """Run all checks; 1 where something is wrong."""
    found = {check.__name__: check(Path()) for check in CHECKS}
    for name, wrong in found.items():
        log.log(logging.WARNING if wrong else logging.INFO, "%-9s  %s", name, wrong or "well")
    for line in machine.described():
        log.info("%s", line)
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
