"""Finished work, as logs and journals have it, and how much of it was done twice."""

import json
import re
from collections import Counter
from pathlib import Path

TRIAL = re.compile(r"^tune_\w+: trial (\d+): ", re.MULTILINE)
EPOCH = re.compile(r"^train_\w+: epoch (\d+) of ", re.MULTILINE)
GOES_ON = re.compile(r"goes on after epoch (\d+)")
REPORTED = 7
"""In Optuna's journal: the operation of a line that holds a value reported after an epoch."""
FAILED = 3
"""In Optuna's journal: the state of a trial that was given up, for another is to take its place."""


def repeated_trials(said: str) -> int:
    """Trials that were said to be finished more than once, in what all runs of a stage said."""
    return _repeated(TRIAL.findall(said))


def repeated_epochs(said: str, journal: Path) -> int:
    """Epochs that were done more than once: of a training by what it said, of a sweep by its journal.

    A trial that was given up is followed by one of the same knobs, which repeats its epochs, or goes on after
    those that were kept.
    """
    kept = sum(int(epoch) for epoch in GOES_ON.findall(said)) if journal.exists() else 0
    return _repeated(EPOCH.findall(said)) + max(0, _given_up(journal) - kept)


def _repeated(numbers: list[str]) -> int:
    return sum(count - 1 for count in Counter(numbers).values())


def _given_up(journal: Path) -> int:
    if not journal.exists():
        return 0
    operations = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    failed = {one["trial_id"] for one in operations if one.get("state") == FAILED}
    return sum(one["op_code"] == REPORTED and one["trial_id"] in failed for one in operations)
