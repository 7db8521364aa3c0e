"""How long a sweep's journal is kept: until DVC has recorded what the sweep found.

A kill between the two, or a larger `n_trials`, then costs no finished trial; a forced run of a recorded sweep
(`dvc repro --force`) starts from its first trial all the same.
"""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

from marquee.pipeline import files, lock_file


@dataclass(frozen=True)
class Finished:
    """What a sweep with a journal came to.

    Attributes:
        n_trials: it had.
        best_params: MD5 of the winner's file, by which DVC records it.
    """

    n_trials: int
    best_params: str


def mark_finished(journal: Path, best_params: Path, n_trials: int) -> None:
    """Note that a sweep has written its winner; nothing where it had no journal, so no trials."""
    if journal.exists():
        digest = hashlib.md5(best_params.read_bytes(), usedforsecurity=False).hexdigest()
        files.write_json(_mark(journal), asdict(Finished(n_trials, digest)))


def drop_recorded(journal: Path, best_params: Path, n_trials: int) -> None:
    """Remove the journal of a sweep that DVC has recorded, unless it is to have more trials now."""
    mark = _mark(journal)
    try:
        finished = Finished(**files.read_json(mark))
    except (OSError, ValueError, TypeError):  # it never came to an end
        return
    recorded = lock_file.written_after(mark) and lock_file.recorded(best_params) == finished.best_params
    if recorded and n_trials <= finished.n_trials:
        journal.unlink(missing_ok=True)
    mark.unlink()


def _mark(journal: Path) -> Path:
    return journal.with_name(f"{journal.name}.finished")
