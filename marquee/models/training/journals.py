"""How long a sweep's journal, or a training's checkpoint, is kept: until DVC has recorded what came of it.

A kill between the two, or a larger `n_trials`, then costs no finished trial and no epoch; a forced run of
what is recorded (`dvc repro --force`) starts from its beginning all the same.
"""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

from marquee.pipeline import files, lock_file


@dataclass(frozen=True)
class Finished:
    """What a sweep with a journal, or a training with a checkpoint, came to.

    Attributes:
        n_trials: it had; 0 of a training.
        output: MD5 of the winner's file or of the weights, by which DVC records it.
    """

    n_trials: int
    output: str


def mark_finished(journal: Path, output: Path, n_trials: int = 0) -> None:
    """Note that it has written its output; nothing where it had no journal, so no trials."""
    if journal.exists():
        digest = hashlib.md5(output.read_bytes(), usedforsecurity=False).hexdigest()
        files.write_json(_mark(journal), asdict(Finished(n_trials, digest)))


def drop_recorded(journal: Path, output: Path, n_trials: int = 0) -> None:
    """Remove the journal of what DVC has recorded, unless a sweep is to have more trials now."""
    mark = _mark(journal)
    try:
        finished = Finished(**files.read_json(mark))
    except (OSError, ValueError, TypeError):  # it never came to an end
        return
    recorded = lock_file.written_after(mark) and lock_file.recorded(output) == finished.output
    if recorded and n_trials <= finished.n_trials:
        journal.unlink(missing_ok=True)
    mark.unlink()


def _mark(journal: Path) -> Path:
    return journal.with_name(f"{journal.name}.finished")
