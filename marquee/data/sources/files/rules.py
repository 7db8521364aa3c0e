"""What makes a row bad, how that is said, and how many bad rows were dropped."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from marquee.pipeline.arrays import Bool, Float64, Uint8

LARGEST_ID = int(np.iinfo(np.int32).max)

ADVICE = 'Fix the file or set data.on_bad_rows to "drop" (dropped rows are counted in the manifest).'
"""What to do about a bad row that may be dropped."""


QUOTED = 300
"""Characters of a file that a message quotes."""


class DataError(ValueError):
    """The data break a rule; the message names the file, the rule, what was received and what to do."""


def quoted(text: str) -> str:
    """A text of a file as a message shows it: the first of it where it is long, all on one line."""
    shown = " ".join("".join(one if one.isprintable() else " " for one in text[: QUOTED + 1]).split())
    return f"{shown[:QUOTED]} ..." if len(text) > QUOTED else shown or "(empty)"


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


@dataclass(frozen=True)
class Scale:
    """What a rating may be.

    Attributes:
        least, most: the ends, as the file has them.
        step: between one rating and the next.
        to_half_stars: (n,) float64 ratings of the scale -> half stars, 1 to 10.
        rated: whether the file has ratings at all; else it says only who watched what.
    """

    least: float
    most: float
    step: float
    to_half_stars: Callable[[Float64], Float64]
    rated: bool = True

    def rules(self, rating: Float64, column: int) -> list[Rule]:
        """What makes a rating bad; `column` is where it stands."""
        steps = rating / self.step
        within = (rating >= self.least) & (rating <= self.most)
        return [
            Rule("rating_out_of_range", ~within, column, f"is outside {self.least} to {self.most}"),
            Rule("not_half_stars", steps != np.rint(steps), column, f"is not a multiple of {self.step}"),
        ]

    def half_stars(self, rating: Float64) -> Uint8:
        """(n,) uint8, 1 to 10, of ratings that follow the rules."""
        return self.to_half_stars(rating).astype(np.uint8)


STARS = Scale(0.5, 5.0, 0.5, lambda rating: rating * 2)
"""MovieLens': half a star to five."""
SCALES = {
    "stars": STARS,
    "ten": Scale(1, 10, 1, lambda rating: rating),
    "binary": Scale(0, 1, 1, lambda rating: np.where(rating > 0, 10.0, 1.0)),
    "unary": Scale(1, 1, 1, lambda rating: rating * 10.0, rated=False),
}
"""By the value of `data.rating_scale`; liked and not liked are the ends of the stars, watched is liked."""


@dataclass
class BadRows:
    """The choice of `data.on_bad_rows`, and the count of rows dropped by file and rule."""

    action: Literal["error", "drop"]
    dropped: dict[str, Counter[str]] = field(default_factory=dict)
    first: dict[tuple[str, str], str] = field(default_factory=dict)
    """(file, rule) -> what was wrong with the first row that was refused by it."""

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
        self.first.setdefault((file, rule), f"{file}, line {line}: {problem}")
        self.count(file, rule, 1)

    def require_no_fault_in_many(self, file: str, rows: int) -> None:
        """Dropping is for single rows: one fault in many has a cause that can be mended.

        Args:
            file: that was read line by line.
            rows: of the right width.

        Raises:
            DataError: more than `MUCH` of the rows were refused by one rule.
        """
        rows += self.count_of(file, "wrong_number_of_columns")
        for rule, count in self.dropped.get(file, Counter()).most_common(1):
            if (file, rule) in self.first and is_much(count, rows):
                raise DataError(f"{self.first[file, rule]}.\n{one_fault(count, rows, 'Mend the file.')}")

    def count(self, file: str, rule: str, rows: int) -> None:
        """Add to the rows dropped by a rule."""
        if rows:
            self.dropped.setdefault(file, Counter())[rule] += rows

    def count_of(self, file: str, rule: str) -> int:
        """Rows of a file dropped by a rule so far."""
        return self.dropped.get(file, Counter())[rule]

    def as_dict(self) -> dict[str, dict[str, int]]:
        """The counts for the manifest, by file and rule."""
        return {file: dict(counts) for file, counts in self.dropped.items()}


WHOLE_NUMBER = f"is not a whole number from 0 to {LARGEST_ID}"
"""What follows the value of an id that is none."""


def explain(file: str, line: int | None, problem: str, advice: str = ADVICE) -> str:
    """The message of a bad row; None: its line is not known."""
    place = file if line is None else f"{file}, line {line}"
    return f"{place}: {problem}.\n{advice}"


def first_broken(rules: Sequence[Rule], length: int) -> npt.NDArray[np.int16]:
    """(length,) position of the first rule that each row breaks, -1 where it breaks none."""
    first = np.full(length, -1, dtype=np.int16)
    for position in reversed(range(len(rules))):
        first[rules[position].broken] = position
    return first


CAUSES = {
    ("rating_out_of_range", 2): (
        "If they are 1 to 10, set data.rating_scale to ten; if 0 and 1, to binary. Leave rows out where 0 "
        "means unrated."
    ),
    ("not_half_stars", 2): "Round them to half stars, or set data.rating_scale to the one they are on.",
    ("not_a_number", 0): (
        "User ids are whole numbers below 2,147,483,648, or texts throughout: put a letter before each."
    ),
    ("not_a_number", 1): "Movies are known by whole numbers, the same in both files: number them.",
    ("not_a_number", 2): "The column must hold numbers, with a point for the fraction; likes are 1 and 0.",
    ("not_a_number", 3): "Write seconds since 1970, or times such as 2005-04-02 23:53:47 (UTC).",
    ("timestamp_in_milliseconds", 3): (
        "Divide the whole column by 1000, or by 1000000 if it holds microseconds."
    ),
    ("timestamp_in_future", 3): "If the dates of the zip itself are wrong, unpack it and name the folder.",
    ("timestamp_too_early", 3): "Write seconds since 1970; days or years are too coarse to split in time.",
    ("unknown_movie", 1): "The movies' file is incomplete or of another data set: list every movie there.",
}
"""(rule, position of the column) -> what to do where it is no accident of single rows."""


MUCH, FEWEST = 0.05, 50
"""Rows that break one rule, as a share and at least, from which on it is no accident of single rows."""
FEW = 10
"""So few rows of a small file may be most of it by accident."""


def is_much(count: int, rows: int) -> bool:
    """Whether that many of the rows have one cause: more than a twentieth, and not one or two by chance."""
    return count > MUCH * rows and (count >= FEWEST or (count * 2 > rows and count > FEW))


def systematic(name: str, column: int, count: int, rows: int) -> str:
    """What to do where many rows break one rule: dropping them would leave something else than was meant."""
    return one_fault(count, rows, CAUSES.get((name, column), "Mend the column."))


def one_fault(count: int, rows: int, advice: str) -> str:
    """What follows the first of many rows that break one rule."""
    return f"{count:,} of {rows:,} rows break this rule: that is one fault, not many. {advice}"
