"""What a row of ratings must be, checked batch by batch; where one fault is in many rows, its cause."""

import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from marquee.data.sources.files import rules
from marquee.data.sources.files.rows import TextTable
from marquee.data.sources.files.rules import (
    ADVICE,
    LARGEST_ID,
    WHOLE_NUMBER,
    BadRows,
    DataError,
    Rule,
    Scale,
    explain,
    quoted,
)
from marquee.data.sources.files.texts import decimal_numbers, is_in, moments, whole_numbers
from marquee.data.sources.layouts import Layout
from marquee.data.tables import schema
from marquee.pipeline.arrays import Bool, Int64

NEVER_DROPPED = (
    "Fix the file: these rows are never dropped, since what is in the future changes from day to day."
)
"""What to do about ratings that lie in the future by the clock."""

MILLISECONDS = 100_000_000_000
"""A later time must be in milliseconds: as seconds, this is the year 5138."""

USER, MOVIE, RATING, WHEN = range(4)
"""Places in `Layout.columns`."""

Columns = dict[str, npt.NDArray[Any]]


class TextUsersError(DataError):
    """The people of a file are known by texts."""


class People:
    """People known by texts, numbered as they come and in the end by the order of their texts."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def numbered(self, texts: pa.Array) -> tuple[Int64, Bool]:
        """(n,) numbers of people as they came, and which texts are empty."""
        found = pc.utf8_trim_whitespace(texts).dictionary_encode()
        numbers = [self._numbers.setdefault(one, len(self._numbers)) for one in found.dictionary.to_pylist()]
        values = np.array(numbers, dtype=np.int64)[found.indices.to_numpy(zero_copy_only=False)]
        return values, values == self._numbers.get("", -1)

    def in_order(self) -> npt.NDArray[np.int32]:
        """(people,) number as they came -> from 1, by the order of their texts."""
        rank = {text: at for at, text in enumerate(sorted(self._numbers), start=1)}
        return np.array([rank[text] for text in self._numbers], dtype=np.int32)


class Check:
    """The rules that ratings must follow, applied batch by batch.

    Args:
        table: the file.
        layout: how it is written.
        movie_ids: (m,) sorted; a rating of another movie is a bad row.
        newest: seconds since 1970 after which nothing can have been rated; None: the clock says.
        bad: what to do with bad rows; counts them.
        scale: of the ratings.
        people: numbers them where they are known by texts.
    """

    def __init__(
        self,
        table: TextTable,
        layout: Layout,
        movie_ids: npt.NDArray[np.int32],
        bad: BadRows,
        scale: Scale,
        people: People | None = None,
    ) -> None:
        self.table, self.layout, self.movie_ids = table, layout, movie_ids
        self.bad, self.scale, self.people = bad, scale, people
        self.first_faults: dict[tuple[str, int], str] = {}  # rule and column -> the first value that broke it
        self.faults: Counter[tuple[str, int]] = Counter()
        # The clock may refuse a row, never decide what is written: hence not droppable.
        self.by_clock = table.files.newest is None
        self.newest = int(time.time()) if table.files.newest is None else table.files.newest

    def batch(self, texts: pa.RecordBatch, first_row: int) -> Columns:
        """The good rows of a batch of texts as typed columns.

        Raises:
            DataError: the first bad row, where those are errors.
            TextUsersError: many users are no numbers.
        """
        user, no_user = self._users(texts)
        movie, no_movie = whole_numbers(self._column(texts, MOVIE))
        when, no_time = moments(self._column(texts, WHEN))
        rating, rating_rules = self._ratings(texts)
        a_user = WHOLE_NUMBER if self.people is None else "is no id"
        checked = [
            Rule("not_a_number", no_user | (user < 0) | (user > LARGEST_ID), USER, a_user),
            Rule("not_a_number", no_movie | (movie < 0) | (movie > LARGEST_ID), MOVIE, WHOLE_NUMBER),
            *rating_rules,
            Rule("not_a_number", no_time, WHEN, "is not a whole number of seconds since 1970"),
            *self._time_rules(when),
            Rule("unknown_movie", ~is_in(movie, self.movie_ids), MOVIE, f"is not in {self.layout.movies}"),
        ]
        first = rules.first_broken(checked, texts.num_rows)
        if first_row == 0:
            self._require_numbers(first)
        self._refuse(checked, first, texts, first_row)
        good = first < 0
        return {
            "user_id": user[good].astype(np.int32),
            "movie_id": movie[good].astype(np.int32),
            "half_stars": self.scale.half_stars(rating[good]),
            "timestamp": when[good],
        }

    def _column(self, texts: pa.RecordBatch, place: int) -> pa.Array:
        return texts.column(self.layout.columns[place])

    def _users(self, texts: pa.RecordBatch) -> tuple[Int64, Bool]:
        column = self._column(texts, USER)
        return whole_numbers(column) if self.people is None else self.people.numbered(column)

    def _ratings(self, texts: pa.RecordBatch) -> tuple[npt.NDArray[np.float64], list[Rule]]:
        if not self.scale.rated:
            return np.ones(texts.num_rows), []
        rating, no_rating = decimal_numbers(self._column(texts, RATING))
        a_number = Rule("not_a_number", no_rating, RATING, "is not a number")
        return rating, [a_number, *self.scale.rules(rating, RATING)]

    def _time_rules(self, when: Int64) -> list[Rule]:
        limit = datetime.fromtimestamp(self.newest, UTC).date()
        source = "today" if self.by_clock else "when the archive was made"
        return [
            Rule(
                "timestamp_in_milliseconds",
                when >= MILLISECONDS,
                WHEN,
                "is in milliseconds; divide it by 1000 to have seconds since 1970",
            ),
            Rule(
                "timestamp_too_early",
                when < schema.EARLIEST,
                WHEN,
                "is before 1995, when MovieLens opened; seconds since 1970 are expected",
            ),
            Rule(
                "timestamp_in_future",
                when > self.newest,
                WHEN,
                f"is later than {limit}, {source}",
                droppable=not self.by_clock,
            ),
        ]

    def _require_numbers(self, first: npt.NDArray[np.int16]) -> None:
        """Where most ids of people in the first batch are no numbers, all are: the file is read anew."""
        count, rows = int((first == 0).sum()), len(first)
        most = count * 2 > rows and rules.is_much(count, rows)
        if self.people is None and (most or 0 < count == rows):
            raise TextUsersError

    def _refuse(
        self, checked: list[Rule], first: npt.NDArray[np.int16], texts: pa.RecordBatch, first_row: int
    ) -> None:
        fatal = [not (self.bad.drops and rule.droppable) for rule in checked]
        at = np.flatnonzero((first >= 0) & np.array(fatal)[first])
        if len(at):
            place = int(at[0])
            rule = checked[first[place]]
            # Dropped rows of another width are not among those numbered: then the line is not known.
            dropped = self.bad.count_of(self.layout.file, "wrong_number_of_columns")
            line = None if dropped else self.table.line_of(first_row + place)
            advice = ADVICE if rule.droppable else NEVER_DROPPED
            if rules.is_much(count := int((first == first[place]).sum()), texts.num_rows):
                advice = rules.systematic(rule.name, rule.column, count, texts.num_rows)
            raise DataError(explain(self.layout.file, line, self._problem(rule, texts, place), advice))
        for position, rule in enumerate(checked):
            broken = np.flatnonzero(first == position)
            self.bad.count(self.layout.file, rule.name, len(broken))
            if len(broken):
                key = (rule.name, rule.column)
                self.faults[key] += len(broken)
                self.first_faults.setdefault(key, self._problem(rule, texts, int(broken[0])))

    def _problem(self, rule: Rule, texts: pa.RecordBatch, place: int) -> str:
        value = quoted(self._column(texts, rule.column)[place].as_py())
        return f"{self.layout.columns[rule.column]} {value} {rule.because}"

    def require_no_fault_in_many(self, rows: int) -> None:
        """Dropping is for single rows: one fault in many has a cause that can be mended.

        Raises:
            DataError: more than `MUCH` of the rows break one rule.
        """
        for (name, column), count in self.faults.most_common(1):
            if rules.is_much(count, rows):
                problem = self.first_faults[name, column]
                raise DataError(
                    f"{self.layout.file}: {problem}.\n{rules.systematic(name, column, count, rows)}"
                )
