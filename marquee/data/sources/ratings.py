"""Ratings of any layout, streamed in bounded memory, checked by rule, sorted in time."""

import contextlib
import io
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv

from marquee.data.sources.archives import Files
from marquee.data.sources.rules import ADVICE, BadRows, DataError, Rule, explain, first_broken
from marquee.data.sources.texts import BLOCK, SingleSeparator, decimal_numbers, is_in, whole_numbers
from marquee.data.tables import schema

QUOTED = 300
"""Characters of a header that a message quotes."""

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


def read(files: Files, layout: Layout, movie_ids: npt.NDArray[np.int32], bad: BadRows) -> pa.Table:
    """Read ratings into `schema.INTERACTIONS`, sorted by (timestamp, user_id, movie_id).

    Args:
        files: the archive or folder.
        layout: how it writes ratings.
        movie_ids: (m,) sorted; a rating of another movie is a bad row.
        bad: what to do with bad rows; counts them.

    Raises:
        DataError: a bad row where those are errors, or nothing left.
    """
    check = _Check(files, layout, movie_ids, bad)
    parts: list[Columns] = []
    row = 0
    for batch in _batches(files, layout, bad):
        parts.append(check.batch(batch, row))
        row += batch.num_rows
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

    def __init__(self, files: Files, layout: Layout, movie_ids: npt.NDArray[np.int32], bad: BadRows) -> None:
        self.files, self.layout, self.movie_ids, self.bad = files, layout, movie_ids, bad
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
        when, no_time = whole_numbers(texts.column(3))
        an_id = f"is not a whole number from 0 to {LARGEST_ID}"
        rules = [
            Rule("not_a_number", no_user | (user < 0) | (user > LARGEST_ID), 0, an_id),
            Rule("not_a_number", no_movie | (movie < 0) | (movie > LARGEST_ID), 1, an_id),
            Rule("not_a_number", no_rating, 2, "is not a number"),
            Rule("rating_out_of_range", ~((rating >= 0.5) & (rating <= 5)), 2, "is outside 0.5 to 5.0"),
            Rule("not_half_stars", rating * 2 != np.rint(rating * 2), 2, "is not a multiple of 0.5"),
            Rule("not_a_number", no_time, 3, "is not a whole number of seconds since 1970"),
            *self._time_rules(when),
            Rule("unknown_movie", ~is_in(movie, self.movie_ids), 1, f"is not in {self.layout.movies}"),
        ]
        first = first_broken(rules, texts.num_rows)
        self._refuse(rules, first, texts, first_row)
        good = first < 0
        return {
            "user_id": user[good].astype(np.int32),
            "movie_id": movie[good].astype(np.int32),
            "half_stars": (rating[good] * 2).astype(np.uint8),
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
        self, rules: list[Rule], first: npt.NDArray[np.int16], texts: pa.RecordBatch, first_row: int
    ) -> None:
        fatal = [not (self.bad.drops and rule.droppable) for rule in rules]
        at = np.flatnonzero((first >= 0) & np.array(fatal)[first])
        if len(at):
            place = int(at[0])
            rule = rules[first[place]]
            value = texts.column(rule.column)[place].as_py() or "(empty)"
            problem = f"{self.layout.columns[rule.column]} {value} {rule.because}"
            line = _line_of_row(self.files, self.layout, first_row + place)
            raise DataError(
                explain(self.layout.file, line, problem, ADVICE if rule.droppable else NEVER_DROPPED)
            )
        for position, rule in enumerate(rules):
            self.bad.count(self.layout.file, rule.name, int((first == position).sum()))


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
        raise DataError(_unreadable(layout.file, str(error))) from error
    bad.count(layout.file, "wrong_number_of_columns", len(wrong))


def _header(files: Files, layout: Layout) -> list[str]:
    """The column names of the first line.

    Raises:
        DataError: the file is empty, is not UTF-8, or lacks a column.
    """
    with files.open(layout.file) as source:
        line = source.readline()
    return check_header(layout.file, line, layout.columns)


def check_header(file: str, line: bytes, needed: tuple[str, ...]) -> list[str]:
    """Read a CSV file's first line and check that it names the columns needed.

    Raises:
        DataError: the line is empty, is not UTF-8, or lacks a column.
    """
    if not line.strip():
        raise DataError(f"{file} is empty. Its first line must name the columns {', '.join(needed)}.")
    try:
        names = [name.strip().strip('"') for name in line.decode("utf-8-sig").rstrip("\r\n").split(",")]
    except UnicodeDecodeError as error:
        raise DataError(_unreadable(file, str(error))) from error
    missing = [name for name in needed if name not in names]
    if missing:
        raise DataError(
            f"{file}, line 1: column {', '.join(missing)} is missing; the columns are "
            f"{textwrap.shorten(', '.join(names), QUOTED, placeholder=' ...')}.\n{_separator_advice(names)}"
            f"Add or rename columns so that there are {', '.join(needed)}."
        )
    return names


def _separator_advice(names: list[str]) -> str:
    """What to do first where the whole header is one name that holds another separator."""
    other = {";": "semicolons", "\t": "tabs"}
    found = next((word for mark, word in other.items() if len(names) == 1 and mark in names[0]), None)
    return f"It is separated by {found}: write commas instead.\n" if found else ""


def _unreadable(file: str, reason: str) -> str:
    if "utf" in reason.lower():
        return f"{file} is not UTF-8 ({reason}).\nSave it as UTF-8."
    return f"{file} cannot be read as CSV: {reason}\nFix the file."


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
