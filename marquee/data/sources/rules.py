"""What makes a row bad, how that is said, and how many bad rows were dropped."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from marquee.pipeline.arrays import Bool

ADVICE = 'Fix the file or set data.on_bad_rows to "drop" (dropped rows are counted in the manifest).'
"""What to do about a bad row that may be dropped."""


class DataError(ValueError):
    """The data break a rule; the message names the file, the rule, what was received and what to do."""


@dataclass(frozen=True)
class Rule:
    """A rule, the rows of a batch that break it, and how to say so.

    Attributes:
        name: under which dropped rows are counted.
        broken: (n,) true where the row breaks the rule.
        column: position of the column whose value is at fault.
        because: what follows the value in the message.
        droppable: False where dropping would let the clock decide what is written.
    """

    name: str
    broken: Bool
    column: int
    because: str
    droppable: bool = True


@dataclass
class BadRows:
    """The choice of `data.on_bad_rows`, and the count of rows dropped by file and rule."""

    action: Literal["error", "drop"]
    dropped: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def drops(self) -> bool:
        """Whether a bad row is dropped and counted, or an error."""
        return self.action == "drop"

    def refuse(self, file: str, line: int, rule: str, problem: str) -> None:
        """One bad row, found while reading line by line: count it, or raise.

        Raises:
            DataError: where bad rows are errors.
        """
        if not self.drops:
            raise DataError(explain(file, line, problem))
        self.count(file, rule, 1)

    def count(self, file: str, rule: str, rows: int) -> None:
        """Add to the rows dropped by a rule."""
        if rows:
            self.dropped.setdefault(file, Counter())[rule] += rows

    def as_dict(self) -> dict[str, dict[str, int]]:
        """The counts for the manifest, by file and rule."""
        return {file: dict(counts) for file, counts in self.dropped.items()}


def explain(file: str, line: int, problem: str, advice: str = ADVICE) -> str:
    """The message of a bad row."""
    return f"{file}, line {line}: {problem}.\n{advice}"


def first_broken(rules: Sequence[Rule], length: int) -> npt.NDArray[np.int16]:
    """(length,) position of the first rule that each row breaks, -1 where it breaks none."""
    first = np.full(length, -1, dtype=np.int16)
    for position in reversed(range(len(rules))):
        first[rules[position].broken] = position
    return first
