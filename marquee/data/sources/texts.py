"""Columns of text as files have them, turned into numbers fast; what is not a number is pointed out."""

import contextlib
import io
import textwrap
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from marquee.data.sources.rules import DataError

BLOCK = 8 << 20
"""Bytes of text read at a time."""


Parsed = tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]
"""Values, and which texts have none (their value is 0)."""

QUOTED = 300
"""Characters of a header that a message quotes."""
_PLAIN_WHOLE, _PLAIN_DECIMAL = (
    np.isin(np.arange(256), np.frombuffer(some, np.uint8)) for some in (b"0123456789", b"0123456789.")
)
_ISO = r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]00:?00)?$"
_MOST = 10**18
"""No id and no time has so many digits, and int64 holds them all below."""


def whole_numbers(texts: pa.Array) -> Parsed:
    """(n,) int64 values of texts such as 38, +38 and 38.0, as pandas writes ids where some are missing."""
    if _all_of(texts, _PLAIN_WHOLE):
        with contextlib.suppress(pa.ArrowInvalid):  # an empty text, or more digits than int64 holds
            values = pc.cast(texts, pa.int64()).to_numpy(zero_copy_only=False)
            return np.where(values < _MOST, values, 0), values >= _MOST
    trimmed = pc.utf8_trim_whitespace(texts)
    good = pc.match_substring_regex(trimmed, r"^[+-]?0*\d{1,18}(\.0*)?$")
    digits = pc.replace_substring_regex(pc.if_else(good, trimmed, "0"), r"^\+|\.0*$", "")
    return pc.cast(digits, pa.int64()).to_numpy(zero_copy_only=False), ~good.to_numpy(zero_copy_only=False)


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


class SingleSeparator(io.RawIOBase):
    """Turns the two-character separator `::` into a tab while it is read, for the fast reader."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source, self._held, self._ready = source, b"", b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            chunk = self._source.read(BLOCK)
            text = self._held + chunk
            # An odd colon at the end may be half a separator; it waits for the next chunk.
            colons = len(text) - len(text.rstrip(b":"))
            cut = len(text) - colons % 2 if chunk else len(text)
            self._ready, self._held = text[:cut].replace(b"::", b"\t"), text[cut:]
            if not chunk:
                break
        part, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


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
        raise DataError(unreadable(file, str(error))) from error
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


def unreadable(file: str, reason: str) -> str:
    """The message of a file that is no UTF-8, or no CSV."""
    if "utf" in reason.lower():
        return f"{file} is not UTF-8 ({reason}).\nSave it as UTF-8."
    return f"{file} cannot be read as CSV: {reason}\nFix the file."
