"""Ratings of any layout, streamed in bounded memory, checked by rule, sorted in time."""

import contextlib
import io
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv

from marquee.data.sources import rules
from marquee.data.sources.archives import Files
from marquee.data.sources.rules import ADVICE, STARS, BadRows, DataError, Rule, Scale, explain
from marquee.data.sources.texts import (
    BLOCK,
    SingleSeparator,
    check_header,
    decimal_numbers,
    is_in,
    moments,
    unreadable,
    whole_numbers,
)
from marquee.data.tables import schema

LARGEST_ID = np.iinfo(np.int32).max

NEVER_DROPPED = (
    "Fix the file: these rows are never dropped, since what is in the future changes from day to day."
)
"""What to do about ratings that lie in the future by the clock."""

MILLISECONDS = 100_000_000_000
"""A later time must be in milliseconds: as seconds, this is the year 5138."""

Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Layout:
    """How one generation of archives writes its ratings.

    Attributes:
        file: the ratings' file.
        movies: the file that its movies are listed in.
        separator: one or two characters.
        header: whether the first line names the columns; else they come in this order.
        columns: the names of user, movie, rating and timestamp.
    """

    file: str
    movies: str
    separator: str
    header: bool
    columns: tuple[str, str, str, str] = ("userId", "movieId", "rating", "timestamp")


def read(
    files: Files, layout: Layout, movie_ids: npt.NDArray[np.int32], bad: BadRows, scale: Scale = STARS
) -> pa.Table:
    """Read ratings into `schema.INTERACTIONS`, sorted by (timestamp, user_id, movie_id).

    Args:
        files: the archive or folder.
        layout: how it writes ratings.
        movie_ids: (m,) sorted; a rating of another movie is a bad row.
        bad: what to do with bad rows; counts them.
        scale: of the ratings.

    Raises:
        DataError: a bad row where those are errors, one fault in many rows, or nothing left.
    """
    check = _Check(files, layout, movie_ids, bad, scale)
    parts: list[Columns] = []
    row = 0
    for batch in _batches(files, layout, bad):
        parts.append(check.batch(batch, row))
        row += batch.num_rows
    check.require_no_fault_in_many(row)
    if not parts or not sum(len(part["user_id"]) for part in parts):
        left = f"; all {row:,} were dropped: {bad.as_dict()}" if row else ""
        raise DataError(f"{layout.file} holds no ratings{left}. Give it rows, or choose another data.source.")
    columns = {name: np.concatenate([part.pop(name) for part in parts]) for name in schema.INTERACTIONS.names}
    return pa.table(_sorted(columns, files, layout, bad), schema=schema.INTERACTIONS)


def _sorted(columns: Columns, files: Files, layout: Layout, bad: BadRows) -> Columns:
    """Sort in time; of rows with equal user, movie and time only the first in the file is kept."""
    keys = [columns["movie_id"], columns["user_id"], columns["timestamp"]]
    order = np.lexsort(keys)
    repeated = np.zeros(len(order), dtype=bool)
    repeated[1:] = np.logical_and.reduce([key[order[1:]] == key[order[:-1]] for key in keys])
    if repeated.any() and not bad.drops:
        row = int(order[repeated].min())
        user, movie, when = (int(columns[name][row]) for name in ("user_id", "movie_id", "timestamp"))
        problem = f"user {user} rates movie {movie} at {when} a second time"
        raise DataError(explain(layout.file, _line_of_row(files, layout, row), problem))
    bad.count(layout.file, "duplicate", int(repeated.sum()))
    order = order[~repeated]
    return {name: values[order] for name, values in columns.items()}


class _Check:
    """The rules that ratings must follow, applied batch by batch."""

    def __init__(
        self,
        files: Files,
        layout: Layout,
        movie_ids: npt.NDArray[np.int32],
        bad: BadRows,
        scale: Scale,
    ) -> None:
        self.files, self.layout, self.movie_ids, self.bad, self.scale = files, layout, movie_ids, bad, scale
        self.first_faults: dict[tuple[str, int], str] = {}  # rule and column -> the first value that broke it
        self.faults: Counter[tuple[str, int]] = Counter()
        # The clock may refuse a row, never decide what is written: hence not droppable.
        self.by_clock = files.newest is None
        self.newest = int(time.time()) if files.newest is None else files.newest

    def batch(self, texts: pa.RecordBatch, first_row: int) -> Columns:
        """The good rows of a batch of texts as typed columns.

        Raises:
            DataError: the first bad row, where those are errors.
        """
        user, no_user = whole_numbers(texts.column(0))
        movie, no_movie = whole_numbers(texts.column(1))
        rating, no_rating = decimal_numbers(texts.column(2))
        when, no_time = moments(texts.column(3))
        an_id = f"is not a whole number from 0 to {LARGEST_ID}"
        checked = [
            Rule("not_a_number", no_user | (user < 0) | (user > LARGEST_ID), 0, an_id),
            Rule("not_a_number", no_movie | (movie < 0) | (movie > LARGEST_ID), 1, an_id),
            Rule("not_a_number", no_rating, 2, "is not a number"),
            *self.scale.rules(rating, 2),
            Rule("not_a_number", no_time, 3, "is not a whole number of seconds since 1970"),
            *self._time_rules(when),
            Rule("unknown_movie", ~is_in(movie, self.movie_ids), 1, f"is not in {self.layout.movies}"),
        ]
        first = rules.first_broken(checked, texts.num_rows)
        self._refuse(checked, first, texts, first_row)
        good = first < 0
        return {
            "user_id": user[good].astype(np.int32),
            "movie_id": movie[good].astype(np.int32),
            "half_stars": self.scale.half_stars(rating[good]),
            "timestamp": when[good],
        }

    def _time_rules(self, when: npt.NDArray[np.int64]) -> list[Rule]:
        limit = datetime.fromtimestamp(self.newest, UTC).date()
        source = "today" if self.by_clock else "when the archive was made"
        return [
            Rule(
                "timestamp_in_milliseconds",
                when >= MILLISECONDS,
                3,
                "is in milliseconds; divide it by 1000 to have seconds since 1970",
            ),
            Rule(
                "timestamp_too_early",
                when < schema.EARLIEST,
                3,
                "is before 1995, when MovieLens opened; seconds since 1970 are expected",
            ),
            Rule(
                "timestamp_in_future",
                when > self.newest,
                3,
                f"is later than {limit}, {source}",
                droppable=not self.by_clock,
            ),
        ]

    def _refuse(
        self, checked: list[Rule], first: npt.NDArray[np.int16], texts: pa.RecordBatch, first_row: int
    ) -> None:
        fatal = [not (self.bad.drops and rule.droppable) for rule in checked]
        at = np.flatnonzero((first >= 0) & np.array(fatal)[first])
        if len(at):
            place = int(at[0])
            rule = checked[first[place]]
            value = texts.column(rule.column)[place].as_py() or "(empty)"
            problem = f"{self.layout.columns[rule.column]} {value} {rule.because}"
            line = _line_of_row(self.files, self.layout, first_row + place)
            advice = ADVICE if rule.droppable else NEVER_DROPPED
            if rules.is_much(count := int((first == first[place]).sum()), texts.num_rows):
                advice = rules.systematic(rule.name, rule.column, count, texts.num_rows)
            raise DataError(explain(self.layout.file, line, problem, advice))
        for position, rule in enumerate(checked):
            broken = np.flatnonzero(first == position)
            self.bad.count(self.layout.file, rule.name, len(broken))
            if len(broken):
                key = (rule.name, rule.column)
                self.faults[key] += len(broken)
                value = texts.column(rule.column)[int(broken[0])].as_py() or "(empty)"
                self.first_faults.setdefault(
                    key, f"{self.layout.columns[rule.column]} {value} {rule.because}"
                )

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


@contextlib.contextmanager
def _open(files: Files, layout: Layout) -> Iterator[IO[bytes]]:
    with files.open(layout.file) as source:
        yield io.BufferedReader(SingleSeparator(source), BLOCK) if layout.separator == "::" else source


def _batches(files: Files, layout: Layout, bad: BadRows) -> Iterator[pa.RecordBatch]:
    """Batches of four columns of text: user, movie, rating, timestamp."""
    names = _header(files, layout) if layout.header else list(layout.columns)
    wrong: list[Any] = []

    def on_wrong_width(row: Any) -> str:
        wrong.append(row)
        return "skip" if bad.drops else "error"

    try:
        with _open(files, layout) as source:
            reader = pacsv.open_csv(
                source,
                read_options=pacsv.ReadOptions(
                    block_size=BLOCK, column_names=names, skip_rows=int(layout.header)
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter="\t" if layout.separator == "::" else layout.separator,
                    quote_char='"' if layout.header else False,
                    invalid_row_handler=on_wrong_width,
                ),
                convert_options=pacsv.ConvertOptions(
                    include_columns=list(layout.columns),
                    column_types=dict.fromkeys(layout.columns, pa.string()),
                ),
            )
            yield from reader
    except pa.ArrowInvalid as error:
        if "Empty CSV file" in str(error):
            return
        if wrong:
            raise DataError(_wrong_width(files, layout, wrong[0])) from error
        raise DataError(unreadable(layout.file, str(error))) from error
    bad.count(layout.file, "wrong_number_of_columns", len(wrong))


def _header(files: Files, layout: Layout) -> list[str]:
    """The column names of the first line.

    Raises:
        DataError: the file is empty, is not UTF-8, or lacks a column.
    """
    with files.open(layout.file) as source:
        line = source.readline()
    return check_header(layout.file, line, layout.columns)


def _wrong_width(files: Files, layout: Layout, row: Any) -> str:
    """The message of a row that has too few or too many values."""
    text = row.text.encode()
    with _open(files, layout) as source:
        line = next((at for at, found in enumerate(source, start=1) if found.rstrip(b"\r\n") == text), 1)
    problem = f"{row.actual_columns} values, {row.expected_columns} are expected"
    return explain(layout.file, line, problem)


def _line_of_row(files: Files, layout: Layout, row: int) -> int:
    """The line, counted from 1, of the row counted from 0: the reader passes over blank lines."""
    left = row + int(layout.header)
    with files.open(layout.file) as source:
        for line, text in enumerate(source, start=1):
            if text.strip(b"\r\n"):
                if not left:
                    return line
                left -= 1
    raise IndexError(row)
