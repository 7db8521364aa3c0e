"""Segments into tables: each segment once, only the days that it touches rewritten."""

import contextlib
import fcntl
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path

from marquee.events import records, segments
from marquee.events.records import LaterVersionError, Record, RecordError
from marquee.events.segments import PART, Counted, Segment
from marquee.monitoring.collection import tables
from marquee.monitoring.collection.tables import Rows
from marquee.pipeline.files import read_json, write_json

MANIFEST = "manifest.json"
BATCH = 50_000
"""Records held in memory before their days are written: about 2 GB with histories of 50 movies."""
SECONDS_A_DAY = 86_400


class CollectError(ValueError):
    """Events cannot be collected; the message says why and what to do."""


@dataclass
class Manifest:
    """What collecting has found since the first segment.

    Attributes:
        records: rows of answers and feedback written.
        duplicates: records whose request_id was there already, or came twice.
        late: records of a day before the newest that an earlier run had seen; they are in the tables.
        torn: last lines of segments that were cut off when their writer was killed.
        bad: lines that are no record of the schema.
        later: records of a later schema than this code reads.
        segments: names of those collected that still exist; others are never read again either way.
        newest_day: of any record so far; empty before the first.
    """

    records: int = 0
    duplicates: int = 0
    late: int = 0
    torn: int = 0
    bad: int = 0
    later: int = 0
    segments: list[str] = field(default_factory=list)
    newest_day: str = ""

    def counts(self) -> dict[str, int | str]:
        """All but the names of segments: the metrics of `collect_events`."""
        return {name: value for name, value in asdict(self).items() if name != "segments"}


def collect(events_folder: Path, segments_folder: Path, folder: Path) -> tuple[Manifest, int]:
    """Add what was recorded since the last run to the tables.

    Segments that are still being written wait for the next run. An interrupted run is repeated whole by the
    next one, which leaves out what is there.

    Args:
        events_folder: locked meanwhile, so that no visitor is forgotten at the same time.
        segments_folder: of the event log.
        folder: of the tables and their manifest.

    Returns:
        The manifest as written, and how many segments were new.

    Raises:
        CollectError: another process is at the tables.
        WriteError: a file cannot be written.
    """
    with _alone(events_folder):
        manifest = read_manifest(folder)
        found = {_name(segment): segment for segment in segments.found(segments_folder)}
        collected = set(manifest.segments)
        new = [
            segment
            for name, segment in found.items()
            if name not in collected and not segments.is_open(segment)
        ]
        seen_until = manifest.newest_day
        waiting: dict[str, Rows] = defaultdict(Rows)
        for record in _records(new, manifest):
            _take(record, waiting, manifest, seen_until)
            if manifest.records % BATCH == 0:
                _write(waiting, folder, manifest)
        _write(waiting, folder, manifest)
        manifest.segments = sorted(collected & set(found) | {_name(segment) for segment in new})
        write_json(folder / MANIFEST, asdict(manifest))
    return manifest, len(new)


def read_manifest(folder: Path) -> Manifest:
    """What earlier runs left; a fresh one before the first.

    Raises:
        CollectError: the file is none of ours.
    """
    path = folder / MANIFEST
    if not path.exists():
        return Manifest()
    stored = read_json(path)
    if set(stored) != {one.name for one in fields(Manifest)}:
        raise CollectError(
            f"{path} holds {', '.join(stored)}; expected {', '.join(one.name for one in fields(Manifest))}. "
            f"Restore it, or delete {folder} to collect all segments again."
        )
    return Manifest(**stored)


def day_of(time: float) -> str:
    """The day of a moment in UTC, such as "2026-03-01"."""
    return datetime.fromtimestamp(time, UTC).date().isoformat()


def _records(new: list[Segment], manifest: Manifest) -> Iterator[Record]:
    counted = Counted()
    for segment in new:
        for line in segments.lines(segment):
            if not line.endswith(b"\n"):
                counted.torn += 1
                continue
            try:
                yield records.parse(line)
            except LaterVersionError:
                counted.later += 1
            except RecordError:
                counted.bad += 1
    manifest.torn += counted.torn
    manifest.later += counted.later
    manifest.bad += counted.bad


def _take(record: Record, waiting: dict[str, Rows], manifest: Manifest, seen_until: str) -> None:
    try:
        day = day_of(record.time)
        waiting[day].add(record)
    except (RecordError, OverflowError, ValueError, OSError):  # a year that no calendar has is no time either
        manifest.bad += 1
        return
    manifest.records += 1
    manifest.late += day < seen_until
    manifest.newest_day = max(manifest.newest_day, day)


def _write(waiting: dict[str, Rows], folder: Path, manifest: Manifest) -> None:
    for day, rows in waiting.items():
        duplicates = tables.merge(folder / day, rows)
        manifest.duplicates += duplicates
        manifest.records -= duplicates
    waiting.clear()


def _name(segment: Segment) -> str:
    return segment.path.name.removesuffix(PART)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """The lock that `marquee.events.forgetting` takes too: neither may write back what the other took out."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise CollectError(
            f"{folder}: events are being collected, or a visitor forgotten. Run it again afterwards."
        ) from error
    finally:
        os.close(handle)
