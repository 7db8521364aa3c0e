"""Columns of text as files have them, turned into numbers fast; what is not a number is pointed out."""

import io
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

BLOCK = 8 << 20
"""Bytes of text read at a time."""


def whole_numbers(texts: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """(n,) int64 values of texts, and which are not whole numbers (their value is 0)."""
    return _numbers(texts, pa.int64(), r"^[+-]?\d{1,18}$")


def decimal_numbers(texts: pa.Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """(n,) float64 values of texts, and which are not numbers (their value is 0)."""
    return _numbers(texts, pa.float64(), r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")


def _numbers(texts: pa.Array, kind: pa.DataType, pattern: str) -> tuple[npt.NDArray[Any], Any]:
    try:
        return pc.cast(texts, kind).to_numpy(zero_copy_only=False), np.zeros(len(texts), dtype=bool)
    except pa.ArrowInvalid:  # rare: only a batch with a bad value pays for looking at each
        trimmed = pc.utf8_trim_whitespace(texts)
        good = pc.match_substring_regex(trimmed, pattern)
        values = pc.cast(pc.if_else(good, trimmed, "0"), kind)
        return values.to_numpy(zero_copy_only=False), ~good.to_numpy(zero_copy_only=False)


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
