"""One visitor's records taken out of what was recorded; all else stays as it is, byte for byte.

A visitor's are the records with that `visitor_id`, and those that name a `request_id` of one of them:
feedback that was sent without saying who sends it, rows of a table of results.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow.compute
import pyarrow.parquet
from pydantic import TypeAdapter, ValidationError

from marquee.events import segments
from marquee.events.records import VisitorId
from marquee.events.segments import Segment
from marquee.pipeline.files import write_whole

_VISITOR_ID: TypeAdapter[str] = TypeAdapter(VisitorId)
_NAMING = ("request_id", "answer_id")


class ForgettingError(ValueError):
    """A visitor cannot be forgotten; the message says why and what to do."""


@dataclass(frozen=True)
class Forgotten:
    """What was taken out.

    Attributes:
        records: lines of segments.
        rows: of tables.
        files: rewritten or, where nothing was left, removed.
        still_open: records in segments that are still being written; they stay.
    """

    records: int
    rows: int
    files: int
    still_open: int


def forget(folder: Path, segments_folder: Path, visitor_id: str) -> Forgotten:
    """Rewrite the segments, and the Parquet tables anywhere in the folder, without a visitor.

    Raises:
        ForgettingError: no visitor can have this id, the folder is missing, or another process forgets one.
        WriteError: a file cannot be written; it is as before, others may be done: run it again.
    """
    try:
        _VISITOR_ID.validate_python(visitor_id)
    except ValidationError as error:
        raise ForgettingError(
            f"the visitor's id must have 1 to 64 characters; received {visitor_id!r}. Give the one to forget."
        ) from error
    if not folder.is_dir():
        raise ForgettingError(f"{folder} is no folder. Name the one that events are recorded in.")
    with _alone(folder):
        listed, tables = segments.found(segments_folder), sorted(folder.rglob("*.parquet"))
        theirs = _Theirs(
            visitor_id, _ids_in_segments(listed, visitor_id) | _ids_in_tables(tables, visitor_id)
        )
        closed = [segment for segment in listed if not segments.is_open(segment)]
        still_open = sum(_count(segment, theirs) for segment in listed if segment not in closed)
        records = [_rewrite(segment, theirs) for segment in closed]
        rows = [_rewrite_table(path, theirs) for path in tables]
    return Forgotten(sum(records), sum(rows), sum(count > 0 for count in records + rows), still_open)


class _Theirs:
    """Tells what is the visitor's."""

    def __init__(self, visitor_id: str, request_ids: set[str]) -> None:
        self._visitor_id, self._request_ids = visitor_id, request_ids
        self._written = b'"visitor_id":' + orjson.dumps(visitor_id)

    def line(self, line: bytes) -> bool:
        """Whether a line of a segment is; of a line that was cut off too, if it got as far as the id."""
        record = _json(line)
        if record is None:
            return self._written in line
        return record.get("visitor_id") == self._visitor_id or any(
            isinstance(named := record.get(name), str) and named in self._request_ids for name in _NAMING
        )

    def rows(self, table: Any) -> Any:
        """Which rows of a table are: a mask."""
        mask = pyarrow.array([False] * len(table), type=pyarrow.bool_())
        for name in {"visitor_id", *_NAMING} & set(table.column_names):
            values = [self._visitor_id] if name == "visitor_id" else sorted(self._request_ids)
            mask = pyarrow.compute.or_(mask, _is_in(table[name], values))
        return mask


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two at once might each write back what the other took out."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ForgettingError(
            f"{folder}: another visitor is being forgotten. Run it again afterwards."
        ) from error
    finally:
        os.close(handle)


def _ids_in_segments(listed: list[Segment], visitor_id: str) -> set[str]:
    """The ids of the answers to a visitor and of their feedback."""
    records = (_json(line) for segment in listed for line in segments.lines(segment))
    ids = (one.get("request_id") for one in records if one and one.get("visitor_id") == visitor_id)
    return {named for named in ids if isinstance(named, str)}


def _ids_in_tables(tables: list[Path], visitor_id: str) -> set[str]:
    """The same of tables: what they were made of may be deleted by now."""
    ids: set[str] = set()
    for path in tables:
        table = _read_table(path)
        if {"visitor_id", "request_id"} <= set(table.column_names):
            ids.update(table.filter(_is_in(table["visitor_id"], [visitor_id]))["request_id"].to_pylist())
    return ids


def _count(segment: Segment, theirs: _Theirs) -> int:
    return sum(theirs.line(line) for line in segments.lines(segment))


def _rewrite(segment: Segment, theirs: _Theirs) -> int:
    """A segment without the visitor's lines, and how many those were; with no line left, no segment."""
    count = _count(segment, theirs)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            file.writelines(line for line in segments.lines(segment) if not theirs.line(line))
            file.flush()
            os.fsync(file.fileno())

    if count:
        write_whole(segment.path, write)
        if not segment.path.stat().st_size:
            segment.path.unlink()
    return count


def _rewrite_table(path: Path, theirs: _Theirs) -> int:
    """A table without the visitor's rows, and how many those were; untouched where there are none."""
    table = _read_table(path)
    mask = theirs.rows(table)
    count = int(pyarrow.compute.sum(mask).as_py() or 0)
    if count:
        kept = table.filter(pyarrow.compute.invert(mask))
        write_whole(path, lambda temporary: pyarrow.parquet.write_table(kept, temporary))
    return count


def _read_table(path: Path) -> Any:
    try:
        # Not `read_table`, which makes columns of folders named `a=b`.
        return pyarrow.parquet.ParquetFile(path).read()
    except pyarrow.ArrowException as error:
        raise ForgettingError(f"{path} is no Parquet table: {error}. Repair or remove it.") from error


def _is_in(column: Any, values: list[str]) -> Any:
    """Which of a column of texts, however encoded, are among some; null is not."""
    text = pyarrow.string()
    return pyarrow.compute.is_in(column.cast(text), pyarrow.array(values, text))


def _json(line: bytes) -> dict[str, Any] | None:
    """The object of a line; None where it holds none."""
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return said if isinstance(said, dict) else None
