"""dvc.lock survives a kill: DVC writes it in place, so a kill can leave it empty or cut off.

Each stage keeps a copy of the last whole one when it starts; `python -m marquee.pipeline.lock_file`, which
`make repro` runs first, puts it back where the file is not whole. What ended since then is run again.
"""

import logging
import shutil
import sys
from pathlib import Path

import yaml

from marquee.pipeline import logs, paths
from marquee.pipeline.files import write_whole

LOCK = Path("dvc.lock")
COPY = paths.LOGS / "dvc.lock"
CURE = "git checkout dvc.lock"
"""Where there is no copy either: the committed one, and what ran since then is run again."""


def is_whole(path: Path) -> bool:
    """Whether a file is a lock file of DVC to its end."""
    try:
        read = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    except (OSError, ValueError, yaml.YAMLError):
        return False
    # A file that is cut off between two lines is YAML still; its last stage then lacks what each stage has.
    stages = read.get("stages") if isinstance(read, dict) else None
    return isinstance(stages, dict) and all(
        isinstance(one, dict) and {"cmd", "outs"} <= set(one) for one in stages.values()
    )


def keep() -> None:
    """Copy dvc.lock aside if it is whole."""
    if is_whole(LOCK):
        write_whole(COPY, lambda temporary: shutil.copyfile(LOCK, temporary))


def recorded(output: Path) -> str | None:
    """MD5 of an output, as dvc.lock has it; None where it has none."""
    if not is_whole(LOCK):
        return None
    stages = yaml.load(LOCK.read_text(encoding="utf-8"), yaml.CSafeLoader)["stages"]
    outs = (out for stage in stages.values() for out in stage["outs"])
    return next((str(out["md5"]) for out in outs if out["path"] == output.as_posix()), None)


def written_after(other: Path) -> bool:
    """Whether dvc.lock was written later than another file, which is there."""
    return LOCK.exists() and LOCK.stat().st_mtime_ns > other.stat().st_mtime_ns


def restore(log: logging.Logger) -> bool:
    """Put the copy back where dvc.lock is there and not whole, and say so.

    Returns:
        Whether dvc.lock is whole, or absent, now.
    """
    if not LOCK.exists() or is_whole(LOCK):
        return True
    if not is_whole(COPY):
        log.error("dvc.lock is not whole, and %s has no copy of it. Run `%s`.", COPY, CURE)
        return False
    write_whole(LOCK, lambda temporary: shutil.copyfile(COPY, temporary))
    log.warning("dvc.lock was not whole (a kill while DVC wrote it?): %s is in its place now.", COPY)
    return True


if __name__ == "__main__":
    sys.exit(0 if restore(logs.get("dvc.lock")) else 1)
