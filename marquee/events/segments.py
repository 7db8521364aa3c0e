"""The files of the event log: segments of one JSON object per line, each written by one process.

A segment is `<start-ms>-<pid>-<n>.jsonl.part` while it is written and loses `.part` when it is complete. Its
writer holds a lock on it, which the kernel takes back however the process ends: that tells a segment that is
being written from one whose writer was killed, in another container too, where a process id says nothing.
"""

import contextlib
import fcntl
import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from marquee.events import records
from marquee.events.records import LaterVersionError, Record, RecordError

PART = ".part"
_NAME = re.compile(r"(\d+)-(\d+)-(\d+)\.jsonl(\.part)?")
_PROBE = b"\0" * 4096


@dataclass(frozen=True, order=True)
class Segment:
    """A segment found in the folder, ordered by when it was begun (milliseconds since 1970)."""

    start_ms: int
    pid: int
    number: int
    path: Path

    @property
    def complete(self) -> bool:
        """Whether its writer said so."""
        return self.path.suffix != PART


@dataclass
class Counted:
    """What reading found.

    Attributes:
        records: read.
        torn: last lines of a segment that were cut off when its writer was killed.
        bad: lines that are no record of the schema.
        later: records of a later schema, left out; a later Marquee reads them.
    """

    records: int = 0
    torn: int = 0
    bad: int = 0
    later: int = 0


@dataclass(frozen=True)
class Deleted:
    """What retention took away."""

    segments: int
    bytes: int


class CutOffError(OSError):
    """The disk did not take all lines; `whole` of them are in the segment, and nothing behind them."""

    def __init__(self, reason: str, whole: int) -> None:
        super().__init__(reason)
        self.whole = whole


class SegmentWriter:
    """Writes one new segment; every method raises OSError where the disk refuses."""

    def __init__(self, folder: Path, now_ms: int) -> None:
        """Begin a segment of this process; the folder is made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        self.path = _unused(folder, now_ms)
        self.size = 0
        # O_EXCL: never a file that exists, so never behind somebody else's line.
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def append(self, lines: bytes) -> None:
        """Hand whole lines to the operating system; what is there then outlives the process.

        Raises:
            CutOffError: not all were taken. The segment ends with its last whole line; close it.
        """
        taken = 0
        try:
            if os.fstat(self._file).st_nlink == 0:
                raise FileNotFoundError(f"{self.path} was deleted while it was written")
            while taken < len(lines):
                taken += os.write(self._file, lines[taken:] if taken else lines)
        except OSError as error:
            whole = lines.rfind(b"\n", 0, taken) + 1
            with contextlib.suppress(OSError):  # else the rest is this segment's last line, and read as torn
                os.ftruncate(self._file, self.size + whole)
            self.size += whole
            raise CutOffError(str(error), lines.count(b"\n", 0, whole)) from error
        self.size += taken

    def close(self) -> None:
        """Put it on the disk and name it complete; an empty one goes."""
        try:
            if self.size:
                # The rename itself may be lost with the power; then the segment is read as one of the dead.
                os.fsync(self._file)
                self.path.rename(self.path.with_suffix(""))
            else:
                self.path.unlink(missing_ok=True)
        finally:
            os.close(self._file)

    def let_go(self) -> None:
        """In a process forked off the writer's: the segment, and the lock on it, stay the parent's."""
        os.close(self._file)


def probe(folder: Path) -> None:
    """Write a block into the folder and remove it (OSError where that fails)."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".probe-{os.getpid()}"
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.write(file, _PROBE)
    finally:
        os.close(file)
        path.unlink(missing_ok=True)


def found(folder: Path) -> list[Segment]:
    """All segments, the one begun first first; none where the folder does not exist."""
    if not folder.is_dir():
        return []
    named = ((path, _NAME.fullmatch(path.name)) for path in folder.iterdir())
    return sorted(Segment(int(name[1]), int(name[2]), int(name[3]), path) for path, name in named if name)


def is_open(segment: Segment) -> bool:
    """Whether a process writes it, or did when it was listed and has completed it since."""
    if segment.complete:
        return False
    try:
        with segment.path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, FileNotFoundError):
        return True
    return False


def read(folder: Path, counted: Counted, *, include_open: bool = False) -> Iterator[Record]:
    """The records of all segments, segment after segment in the order begun.

    Nothing in a file raises: what is no record is counted.

    Args:
        folder: of segments.
        counted: counts up as records are read.
        include_open: also what is there of segments that are still being written.
    """
    for segment in found(folder):
        open_ = is_open(segment)
        if open_ and not include_open:
            continue
        for line in lines(segment):
            if line.endswith(b"\n"):
                yield from _checked(line, counted)
            elif not open_:
                counted.torn += 1


def lines(segment: Segment) -> Iterator[bytes]:
    """The lines of a segment, newlines included; none where it was deleted since it was listed."""
    for path in (segment.path, segment.path.with_name(segment.path.name.removesuffix(PART))):
        try:
            file = path.open("rb")
        except FileNotFoundError:
            continue
        with file:
            yield from file
        return


def complete_dead(folder: Path, begun_before_ms: int) -> list[Segment]:
    """Name complete what processes that ended left open; returns those segments.

    Several processes may do this at once: each segment is returned to one of them.

    Args:
        folder: of segments.
        begun_before_ms: later ones are left alone: their writers may not hold the lock yet.
    """
    dead = []
    for segment in found(folder):
        if segment.complete or segment.start_ms >= begun_before_ms or is_open(segment):
            continue
        try:
            segment.path.rename(segment.path.with_suffix(""))
        except FileNotFoundError:  # another process was quicker
            continue
        dead.append(segment)
    return dead


def delete_old(folder: Path, begun_before_ms: int, most_bytes: int) -> Deleted:
    """Delete segments begun before a moment, then the oldest until all together take at most `most_bytes`.

    Segments that are being written count and stay. Several processes may do this at once.
    """
    sizes = {segment: size for segment in found(folder) if (size := _size(segment.path)) is not None}
    total, count, freed = sum(sizes.values()), 0, 0
    for segment, size in sizes.items():
        if segment.start_ms >= begun_before_ms and total - freed <= most_bytes:
            break
        if is_open(segment):
            continue
        try:
            segment.path.unlink()
        except FileNotFoundError:  # another process was quicker, and counts it
            continue
        count, freed = count + 1, freed + size
    return Deleted(count, freed)


def _checked(line: bytes, counted: Counted) -> Iterator[Record]:
    try:
        record = records.parse(line)
    except LaterVersionError:
        counted.later += 1
    except RecordError:
        counted.bad += 1
    else:
        counted.records += 1
        yield record


def _unused(folder: Path, now_ms: int) -> Path:
    """A name that neither a segment being written nor a complete one has."""
    for number in itertools.count():
        complete = folder / f"{now_ms}-{os.getpid()}-{number}.jsonl"
        part = complete.with_name(f"{complete.name}{PART}")
        if not complete.exists() and not part.exists():
            break
    return part


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
