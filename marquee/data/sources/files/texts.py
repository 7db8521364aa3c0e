"""Columns of text as files have them, turned into numbers fast; what is not a number is pointed out."""

import contextlib
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from marquee.data.sources.files.rules import DataError, quoted

BLOCK = 8 << 20
"""Bytes of text read at a time."""


Parsed = tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]
"""Values, and which texts have none (their value is 0)."""

_PLAIN_WHOLE, _PLAIN_DECIMAL = (
    np.isin(np.arange(256), np.frombuffer(some, np.uint8)) for some in (b"0123456789", b"0123456789.")
)
_ISO = r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]00:?00)?$"
_WHOLE = r"[+-]?0*\d{1,18}(\.0*)?"
_MOST = 10**18
"""No id and no time has so many digits, and int64 holds them all below."""


def whole_numbers(texts: pa.Array) -> Parsed:
    """(n,) int64 values of texts such as 38, +38 and 38.0, as pandas writes ids where some are missing."""
    if _all_of(texts, _PLAIN_WHOLE):
        with contextlib.suppress(pa.ArrowInvalid):  # an empty text, or more digits than int64 holds
            values = pc.cast(texts, pa.int64()).to_numpy(zero_copy_only=False)
            return np.where(values < _MOST, values, 0), values >= _MOST
    trimmed = pc.utf8_trim_whitespace(texts)
    good = pc.match_substring_regex(trimmed, f"^{_WHOLE}$")
    digits = pc.replace_substring_regex(pc.if_else(good, trimmed, "0"), r"^\+|\.0*$", "")
    return pc.cast(digits, pa.int64()).to_numpy(zero_copy_only=False), ~good.to_numpy(zero_copy_only=False)


def whole_number(text: str) -> int | None:
    """The value of one text, by the rules of `whole_numbers`; None: it is none."""
    trimmed = text.strip()
    if not re.fullmatch(_WHOLE, trimmed, re.ASCII):
        return None
    return int(trimmed.partition(".")[0])


def decimal_numbers(texts: pa.Array) -> Parsed:
    """(n,) float64 values of texts."""
    if _all_of(texts, _PLAIN_DECIMAL):
        with contextlib.suppress(pa.ArrowInvalid):
            return pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False), np.zeros(
                len(texts), dtype=bool
            )
    trimmed = pc.utf8_trim_whitespace(texts)
    good = pc.match_substring_regex(trimmed, r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$")
    plain = pc.replace_substring_regex(pc.if_else(good, trimmed, "0"), r"^\+", "")
    return pc.cast(plain, pa.float64()).to_numpy(zero_copy_only=False), ~good.to_numpy(zero_copy_only=False)


def moments(texts: pa.Array) -> Parsed:
    """(n,) int64 seconds since 1970 of texts such as 1112484023 and 2005-04-02 23:53:47, which is in UTC."""
    values, bad = whole_numbers(texts)
    if not bad.any():
        return values, bad
    trimmed = pc.utf8_trim_whitespace(texts)
    iso = pc.match_substring_regex(trimmed, _ISO)
    clock = pc.replace_substring(pc.utf8_slice_codeunits(pc.if_else(iso, trimmed, ""), 0, 19), "T", " ")
    parsed = pc.strptime(clock, format="%Y-%m-%d %H:%M:%S", unit="s", error_is_null=True)
    real = pc.equal(pc.strftime(parsed, format="%Y-%m-%d %H:%M:%S"), clock)  # no 30th of February
    seconds = pc.fill_null(pc.cast(parsed, pa.int64()), 0).to_numpy(zero_copy_only=False)
    good = bad & pc.fill_null(pc.and_(iso, real), False).to_numpy(zero_copy_only=False)
    return np.where(good, seconds, values), bad & ~good


def _all_of(texts: pa.Array, plain: npt.NDArray[np.bool_]) -> bool:
    """Whether no text holds another byte: else each is looked at alone, whatever stands beside it."""
    offsets, content = texts.buffers()[1:]
    if content is None or not len(texts):
        return False
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return bool(plain[np.frombuffer(content, np.uint8)[ends[0] : ends[-1]]].all())


def is_in(values: npt.NDArray[np.int64], ids: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """(n,) which values are among the ids, which are sorted."""
    if not len(ids):
        return np.zeros(len(values), dtype=bool)
    near = np.minimum(np.searchsorted(ids, values), len(ids) - 1)
    return np.equal(ids[near], values)


def blocks(file: str, source: IO[bytes]) -> Iterator[bytes]:
    """Whole lines, about BLOCK bytes at a time: whoever parses them never waits for a file.

    Raises:
        DataError: a line is longer than BLOCK bytes.
    """
    held = b""
    while chunk := source.read(BLOCK):
        # What is shorter is the last: its end, without a line feed perhaps, is no block of its own.
        cut = chunk.rfind(b"\n") + 1 if len(chunk) == BLOCK else len(chunk)
        if cut:
            yield held + chunk[:cut]
        held = chunk[cut:] if cut else held + chunk
        if len(held) > BLOCK:
            raise DataError(_no_lines(file, held))
    if held:
        yield held


def first_line(file: str, source: IO[bytes]) -> bytes:
    """The first line, with its end.

    Raises:
        DataError: it is longer than BLOCK bytes, or ends as lines did on the first Macs.
    """
    line = source.readline(BLOCK + 1)
    require_text(file, line)
    if len(line) > BLOCK or b"\r" in line.rstrip(b"\r\n"):
        raise DataError(_no_lines(file, line))
    return line


BINARY = {
    b"\x1f\x8b": "it is packed by gzip: call it {file}.gz",
    b"PK\x03\x04": "it is a zip or a workbook: save the table as CSV, or name the zip as data.source",
    b"PAR1": "it is Parquet: save it as CSV",
}
"""How other kinds of files begin, and what to do with them."""


def require_text(file: str, beginning: bytes) -> None:
    """Check that a file is no archive, workbook or Parquet file that is called like a text.

    Raises:
        DataError: it is.
    """
    for magic, what in BINARY.items():
        if beginning.startswith(magic):
            raise DataError(f"{file} is no text: {what.format(file=file)}.")


def _no_lines(file: str, text: bytes) -> str:
    if b"\r" in text.rstrip(b"\r\n"):
        return f"{file}: its lines end in carriage returns alone.\nSave it with line feeds (LF or CRLF)."
    return f"{file}: a line has more than {BLOCK:,} bytes; it is no table of text.\nName the right file."


@dataclass(frozen=True)
class Header:
    """The first line of a file.

    Attributes:
        names: of the columns.
        separator: between values: a comma, a semicolon or a tab.
    """

    names: list[str]
    separator: str

    def place(self, name: str) -> int:
        """Where a column stands."""
        return self.names.index(name)


SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
"""What may stand between values, and how it is called."""


def header_of(file: str, line: bytes, needed: tuple[str, ...]) -> Header:
    """Read a CSV file's first line, whatever separates its values, and check that the columns are there.

    Raises:
        DataError: the line is empty, is not UTF-8, lacks a column or names one twice.
    """
    if not line.strip():
        what = f"{file}, line 1 is blank" if line else f"{file} is empty"
        raise DataError(f"{what}. Its first line must name the columns {', '.join(needed)}.")
    try:
        text = line.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise DataError(unreadable(file, str(error))) from error
    read = [Header(_names(text, mark), mark) for mark in SEPARATORS]
    found = max(read, key=lambda header: sum(name in header.names for name in needed))
    missing = [name for name in needed if name not in found.names]
    if missing:
        raise DataError(
            f"{file}, line 1: column {', '.join(missing)} is missing; the columns are "
            f"{quoted(', '.join(found.names))}.\n"
            f"{_renames(missing, found.names)}Add or rename columns so that there are {', '.join(needed)}."
            f"{_unrated(missing)}"
        )
    twice = [name for name in needed if found.names.count(name) > 1]
    if twice:
        raise DataError(
            f"{file}, line 1: column {', '.join(twice)} is there more than once.\n"
            "Remove or rename one of them."
        )
    return found


def _names(text: str, separator: str) -> list[str]:
    """The names of a header; one that is quoted may have the separator in it."""
    try:
        return [name.strip() for name in next(csv.reader([text], delimiter=separator))]
    except csv.Error:
        return text.split(separator)


def _renames(missing: list[str], present: list[str]) -> str:
    """Columns that are called nearly as missing ones."""
    plain = {name.casefold().replace("_", "").replace(" ", ""): name for name in present}
    near = [f"{plain[name.casefold()]} to {name}" for name in missing if name.casefold() in plain]
    return f"Rename {', '.join(near)}. " if near else ""


def _unrated(missing: list[str]) -> str:
    return " If nobody rated, set data.rating_scale to unary." if missing == ["rating"] else ""


def unreadable(file: str, reason: str) -> str:
    """The message of a file that is no UTF-8, or no CSV."""
    reason = quoted(reason)
    if "utf" in reason.lower():
        return f"{file} is not UTF-8 ({reason}).\nSave it as UTF-8."
    return f"{file} cannot be read as CSV: {reason}\nFix the file."
