"""Rows of a table of text as batches of columns, in bounded memory, each by its own line."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv

from marquee.data.sources.files import texts
from marquee.data.sources.files.archives import Files
from marquee.data.sources.files.csv_rows import lost_quote, wrong_width
from marquee.data.sources.files.rules import BadRows, DataError, explain, is_much, one_fault
from marquee.data.sources.files.texts import Header

DOUBLE = "::"
"""The separator of ml-1m and ml-10m. It becomes a tab, for the fast reader."""


@dataclass(frozen=True)
class TextTable:
    """A file of rows in an archive or a folder.

    Attributes:
        files: the archive or the folder.
        name: of the file.
        columns: that are read, in this order.
        header: names and separator of all its columns.
        names_first: whether the first line names the columns.
    """

    files: Files
    name: str
    columns: tuple[str, ...]
    header: Header
    names_first: bool

    @classmethod
    def with_header(cls, files: Files, name: str, columns: tuple[str, ...]) -> "TextTable":
        """A file whose first line names its columns.

        Raises:
            DataError: the line lacks a column, or names one twice.
        """
        with files.open(name) as source:
            header = texts.header_of(name, texts.first_line(name, source), columns)
        return cls(files, name, columns, header, names_first=True)

    def batches(self, bad: BadRows) -> Iterator[pa.RecordBatch]:
        """The columns as texts; blank lines are passed over, rows of another width are bad.

        Raises:
            DataError: a row of another width where those are errors, or no text at all.
        """
        rows, first = 0, ""
        with self.files.open(self.name) as source:
            if self.names_first:
                texts.first_line(self.name, source)
            # Arrow gets bytes, not the file: its threads would read on in it after an error here.
            for block in texts.blocks(self.name, source):
                _require_utf_8(self.name, block)
                wrong: list[Any] = []
                parsed = self._parse(block, wrong, bad)
                bad.count(self.name, "wrong_number_of_columns", len(wrong))
                yield from parsed
                rows += len(wrong) + sum(batch.num_rows for batch in parsed)
                first = first or (_width(wrong[0]) if wrong else "")
        count = bad.count_of(self.name, "wrong_number_of_columns")
        if is_much(count, rows):
            advice = "Is it the separator, or a value with the separator in it that is not quoted?"
            raise DataError(f"{self.name}: {first}.\n{one_fault(count, rows, advice)}")

    def _parse(self, block: bytes, wrong: list[Any], bad: BadRows) -> list[pa.RecordBatch]:
        def on_wrong_width(row: Any) -> str:
            wrong.append(row)
            return "skip" if bad.drops else "error"

        if self.header.separator == DOUBLE:
            block = block.replace(DOUBLE.encode(), b"\t")
        try:
            table = pacsv.read_csv(
                pa.BufferReader(block),
                read_options=pacsv.ReadOptions(block_size=len(block) + 1, column_names=self.header.names),
                parse_options=pacsv.ParseOptions(
                    delimiter="\t" if self.header.separator == DOUBLE else self.header.separator,
                    quote_char='"' if self.names_first else False,
                    invalid_row_handler=on_wrong_width,
                ),
                convert_options=pacsv.ConvertOptions(
                    check_utf8=False,  # it was; Arrow would not look into rows of another width
                    include_columns=list(self.columns),
                    column_types=dict.fromkeys(self.columns, pa.string()),
                ),
            )
        except pa.ArrowInvalid as error:
            if wrong and not bad.drops:
                raise DataError(self._wrong_width(wrong[0])) from error
            if "Empty CSV file" in str(error):
                return []
            raise DataError(texts.unreadable(self.name, str(error))) from error
        self._require_closed_quotes(block, table.num_rows + len(wrong))
        return [batch for batch in table.to_batches() if batch.num_rows]

    def _require_closed_quotes(self, block: bytes, rows: int) -> None:
        """A row is one line: a lost quote would make one row of several, and nobody would know."""
        if not self.names_first or b'"' not in block:
            return
        lines = [line for line in block.split(b"\n") if line.strip(b"\r")]
        if rows < len(lines):
            odd = next((line for line in lines if line.count(b'"') % 2), lines[0])
            raise DataError(lost_quote(self.name, self._line(odd), "is not closed on its line"))

    def line_of(self, row: int) -> int:
        """The line, counted from 1, of the row counted from 0 among those of the right width."""
        left = row + int(self.names_first)
        with self.files.open(self.name) as source:
            for line, text in enumerate(source, start=1):
                if text.strip(b"\r\n"):
                    if not left:
                        return line
                    left -= 1
        raise IndexError(row)

    def _wrong_width(self, row: Any) -> str:
        """The message of a row that has too few or too many values."""
        separator = self.header.separator.encode()
        text = row.text.encode()
        text = text.replace(b"\t", separator) if self.header.separator == DOUBLE else text
        return explain(self.name, self._line(text), _width(row))

    def _line(self, text: bytes) -> int | None:
        """The first line with this text, without its end."""
        wanted = text.rstrip(b"\r\n")
        with self.files.open(self.name) as source:
            return next((at for at, line in enumerate(source, 1) if line.rstrip(b"\r\n") == wanted), None)


def _width(row: Any) -> str:
    return wrong_width(row.actual_columns, row.expected_columns)


def _require_utf_8(name: str, block: bytes) -> None:
    try:
        block.decode()
    except UnicodeDecodeError as error:
        raise DataError(texts.unreadable(name, str(error))) from error
