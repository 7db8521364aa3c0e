"""Small CSV files row by row, strictly: a row is one line, and a quote that is lost is an error."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from marquee.data.sources.files.archives import LARGEST_TEXT, Files
from marquee.data.sources.files.rules import BadRows, DataError, explain
from marquee.data.sources.files.texts import Header, first_line, header_of, require_text

if TYPE_CHECKING:
    import _csv


@dataclass(frozen=True)
class CsvText:
    """A CSV file, whole.

    Attributes:
        file: its name.
        text: all of it.
        header: its first line.
    """

    file: str
    text: str
    header: Header

    @classmethod
    def read(cls, files: Files, file: str, columns: tuple[str, ...]) -> "CsvText":
        """Read a file that must have these columns.

        Raises:
            DataError: it is no UTF-8, or lacks a column.
        """
        data = files.read(file)
        require_text(file, data)
        line = first_line(file, io.BytesIO(data))
        return cls(file, decoded(file, data), header_of(file, line, columns))

    def rows(self, columns: tuple[str, ...], bad: BadRows) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Line number and the values of `columns` of each row.

        Raises:
            DataError: a quote is not closed on its line; a row of another width where those are errors.
        """
        csv.field_size_limit(LARGEST_TEXT)
        places = [self.header.place(name) for name in columns]
        width = len(self.header.names)
        reader = csv.reader(io.StringIO(self.text, newline=""), strict=True, delimiter=self.header.separator)
        next(reader)
        for values in _values(self.file, reader):
            if len(values) == width:
                yield reader.line_num, tuple(values[place] for place in places)
            elif values:
                problem = wrong_width(len(values), width)
                bad.refuse(self.file, reader.line_num, "wrong_number_of_columns", problem)


def _values(file: str, reader: "_csv.Reader") -> Iterator[list[str]]:
    """The rows of a file, one line each: a lost quote would make one row of two movies."""
    first = reader.line_num + 1
    try:
        for values in reader:
            if reader.line_num > first:
                raise DataError(lost_quote(file, first, f"is closed on line {reader.line_num} only"))
            yield values
            first = reader.line_num + 1
    except csv.Error as error:
        raise DataError(lost_quote(file, first, f"is not closed as CSV asks for ({error})")) from error


def lost_quote(file: str, line: int | None, problem: str) -> str:
    """The message of a row whose quote is not closed on its line."""
    advice = 'Close the quote on its line, and write a quote inside a quoted value twice ("").'
    return explain(file, line, f"a quote that opens here {problem}", advice)


def decoded(file: str, data: bytes) -> str:
    """A file's text, which is UTF-8, with a mark of byte order or without.

    Raises:
        DataError: it is another encoding.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{file}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8.\nSave the file as UTF-8."
        ) from error


def wrong_width(received: int, expected: int) -> str:
    """What is wrong with a row of too few or too many values."""
    return f"{received} values, {expected} are expected"
