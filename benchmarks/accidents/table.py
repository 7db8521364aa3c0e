"""What came of accidents, kind by kind, as numbers and as a table."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.accidents.accident import KINDS, Outcome

ALL = "all"
HEAD = {
    "accidents": "accidents",
    "struck": "while it ran",
    "failed": "ended with an error",
    "not_recovered": "run again, not through",
    "different_files": "files with other bytes",
    "repeated_trials": "finished trials repeated",
    "repeated_epochs": "finished epochs repeated",
    "leftovers": "files and processes left",
    "messages_without_path": "full disk, no path named",
    "seconds_median": "seconds longer, median",
}


def numbers(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """Kind -> what there was of each; the last kind is all of them."""
    of_kind = {kind: [one for one in outcomes if one.accident.kind == kind] for kind in KINDS}
    return {kind: _counts(some) for kind, some in {**of_kind, ALL: outcomes}.items() if some}


def _counts(some: Sequence[Outcome]) -> dict[str, float]:
    return {
        "accidents": len(some),
        "struck": sum(one.struck for one in some),
        "failed": sum(one.failed for one in some),
        "not_recovered": sum(not one.recovered for one in some),
        "different_files": sum(len(one.different) for one in some),
        "repeated_trials": sum(one.trials for one in some),
        "repeated_epochs": sum(one.epochs for one in some),
        "leftovers": sum(len(one.leftovers) for one in some),
        "messages_without_path": sum(one.unnamed for one in some),
        "seconds_median": round(float(np.median([one.seconds for one in some])), 1),
    }


def markdown(counted: Mapping[str, Mapping[str, Any]]) -> str:
    """The numbers as a table of Markdown."""
    lines = [f"| accident | {' | '.join(HEAD.values())} |", "|---" * (1 + len(HEAD)) + "|"]
    lines += [f"| {kind} | {' | '.join(f'{row[one]:g}' for one in HEAD)} |" for kind, row in counted.items()]
    return "\n".join(lines) + "\n"


def broken(outcomes: Sequence[Outcome]) -> list[str]:
    """What was not as it is promised, an accident a line."""
    return [told(one) for one in outcomes if not one.is_clean]


def told(outcome: Outcome) -> str:
    """One accident and what came of it."""
    accident = outcome.accident
    found = {
        "not through when run again": not outcome.recovered,
        "no path in the message": outcome.unnamed,
        "other bytes": outcome.different,
        "left": outcome.leftovers,
        "trials repeated": outcome.trials,
        "epochs repeated": outcome.epochs,
    }
    words = [name if value is True else f"{name}: {value}" for name, value in found.items() if value]
    return f"{accident.kind}, {accident.stage} at {accident.share:.3f}: {'; '.join(words) or 'clean'}"
