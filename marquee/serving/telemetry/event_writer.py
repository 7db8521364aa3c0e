"""The thread that writes records: takes what waits, appends it to a segment, and looks after the folder."""

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from marquee.events import records, segments
from marquee.events.segments import CutOffError, Deleted, SegmentWriter
from marquee.pipeline.params import EventsParams

LONGEST_OPEN_SECONDS = 3600.0
"""A small segment is completed after an hour too: whoever reads or forgets need not wait for ever."""
RETENTION_SECONDS = 60.0
"""Between two looks at what is too old or too much."""
LOG_SECONDS = 60.0
"""Between two log lines about records that were not written."""
SETTLED_MS = 1000
"""A segment that nobody holds after so long is a dead process'."""
CLOSE_SECONDS = 10.0
"""How long `stop` waits for the queue to be written: a disk may hang."""
CHUNK_BYTES = 256_000
"""Handed to the operating system at once, or up to a record more."""
REASONS = ("queue_full", "disk", "invalid", "closed")
"""Why a record is dropped: too many wait, the disk refuses, it is no JSON, the log was closed."""

Line = tuple[str, bytes]
"""A record's kind, and the record as a line."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stats:
    """What became of the records of this process.

    Attributes:
        written: by kind, handed to the operating system.
        dropped: by reason (`REASONS`).
        queue_length: records that wait.
        deleted_segments: by retention, in this process.
        deleted_bytes: likewise.
        problem: why records are not written at present; None: they are.
    """

    written: Mapping[str, int]
    dropped: Mapping[str, int]
    queue_length: int
    deleted_segments: int
    deleted_bytes: int
    problem: str | None

    @property
    def healthy(self) -> bool:
        """Whether records are written at present."""
        return self.problem is None


class EventWriter:
    """One thread of one process; only `queue`, `drop`, `stats` and `problem` are for other threads."""

    def __init__(
        self, folder: Path, params: EventsParams, watch: Callable[[Stats], None] | None = None
    ) -> None:
        self.queue: deque[Line] = deque()
        self.problem: str | None = None
        self._folder, self._params, self._watch = folder, params, watch
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="event log", daemon=True)
        self._counting = threading.Lock()
        self._written = Counter(dict.fromkeys(records.KINDS, 0))
        self._dropped = Counter(dict.fromkeys(REASONS, 0))
        self._deleted = Deleted(0, 0)
        self._segment: SegmentWriter | None = None
        self._begun = 0.0
        self._retention_due = 0.0
        self._reports = _Reports()

    def start(self) -> None:
        """Begin."""
        try:
            self._thread.start()
        except RuntimeError as error:  # no more threads: the queue fills, and what comes then is dropped
            self.problem = str(error)

    def stop(self) -> None:
        """Write what waits and end; given up after `CLOSE_SECONDS`."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)

    def let_go(self) -> None:
        """In a forked process: the segment stays the parent's."""
        if self._segment is not None:
            self._segment.let_go()

    def drop(self, reason: str, count: int = 1) -> None:
        """Count records that are not written."""
        with self._counting:
            self._dropped[reason] += count

    def stats(self) -> Stats:
        """The counts as they are."""
        return Stats(
            written=dict(self._written),
            dropped=dict(self._dropped),
            queue_length=len(self.queue),
            deleted_segments=self._deleted.segments,
            deleted_bytes=self._deleted.bytes,
            problem=self.problem,
        )

    def _run(self) -> None:
        self._complete_dead()
        due = time.monotonic()
        while not self._stopping.wait(due - time.monotonic()):
            due = (
                time.monotonic() + self._params.flush_seconds
            )  # from the start of a turn: turns take time too
            self._turn()
        self._turn()
        self._complete()

    def _complete_dead(self) -> None:
        """Whoever is killed cannot say so: the next one does."""
        try:
            for segment in segments.complete_dead(self._folder, _now_ms() - SETTLED_MS):
                log.warning(
                    "worker %d ended without completing its events: it was killed or crashed. %s is complete "
                    "now; what it had not written is lost",
                    segment.pid,
                    segment.path.with_suffix("").name,
                )
        except OSError as error:
            self.problem = f"{self._folder}: {error}"

    def _turn(self) -> None:
        """One flush. Whatever happens the thread goes on: nothing would be written ever after."""
        try:
            if not self._write_waiting() and self.problem:
                self._try_again()
            self._look_after()
        except Exception as error:
            self.problem = f"{self._folder}: {error!r}"
        self._reports.tell(self._dropped, self.problem)
        self._show_stats()

    def _write_waiting(self) -> bool:
        """Write what waits now, in chunks, and say whether anything did; what comes meanwhile waits."""
        kinds: list[str] = []
        lines: list[bytes] = []
        waiting, size = len(self.queue), 0
        for _ in range(waiting):
            kind, line = self.queue.popleft()
            kinds.append(kind)
            lines.append(line)
            size += len(line)
            if size >= CHUNK_BYTES:
                self._write(kinds, b"".join(lines))
                kinds, lines, size = [], [], 0
        if lines:
            self._write(kinds, b"".join(lines))
        return waiting > 0

    def _write(self, kinds: list[str], lines: bytes) -> None:
        whole = len(kinds)
        try:
            if self._segment is None:
                self._segment, self._begun = SegmentWriter(self._folder, _now_ms()), time.monotonic()
            self._segment.append(lines)
            self.problem = None
        except OSError as error:
            whole = error.whole if isinstance(error, CutOffError) else 0
            self.drop("disk", len(kinds) - whole)
            self._complete()  # the next record begins a segment, so is never behind a torn line
            self.problem = f"{self._folder}: {error}"
        self._written.update(kinds[:whole])
        if self._segment is not None and self._segment.size >= self._params.segment_mb * 1e6:
            self._complete()
            self._retention_due = 0.0

    def _try_again(self) -> None:
        """Perhaps nothing is put for as long as the log is not healthy: find out without a record."""
        try:
            segments.probe(self._folder)
            self.problem = None
        except OSError as error:
            self.problem = f"{self._folder}: {error}"

    def _look_after(self) -> None:
        now = time.monotonic()
        if self._segment is not None and now - self._begun >= LONGEST_OPEN_SECONDS:
            self._complete()
        if now >= self._retention_due:
            self._retention_due = now + RETENTION_SECONDS
            oldest_ms = _now_ms() - int(self._params.retention_days * 86_400_000)
            gone = segments.delete_old(self._folder, oldest_ms, int(self._params.max_gb * 1e9))
            self._deleted = Deleted(self._deleted.segments + gone.segments, self._deleted.bytes + gone.bytes)

    def _complete(self) -> None:
        segment, self._segment = self._segment, None
        if segment is None:
            return
        try:
            segment.close()
        except OSError as error:
            self.problem = f"{segment.path} could not be completed: {error}"

    def _show_stats(self) -> None:
        if self._watch is None:
            return
        try:
            self._watch(self.stats())
        except Exception:  # records are worth more than their metrics
            self._watch = None
            log.exception("the event log's stats are watched no longer")


class _Reports:
    """At most one log line a minute about records that were not written."""

    def __init__(self) -> None:
        self._due = 0.0
        self._told: Counter[str] = Counter()
        self._told_of_problem = False

    def tell(self, dropped: Counter[str], problem: str | None) -> None:
        """Log what was dropped since the last line and why, or that it is over, if a line is due."""
        now, news = time.monotonic(), dropped - self._told
        if now < self._due or not (news or problem or self._told_of_problem):
            return
        self._due = now + LOG_SECONDS
        self._told, self._told_of_problem = Counter(dropped), problem is not None
        counts = ", ".join(f"{reason} {count}" for reason, count in sorted(news.items())) or "none"
        if problem:
            log.error("records cannot be written: %s. Dropped since the last such line: %s", problem, counts)
        else:
            log.warning("records are written. Dropped since the last such line: %s", counts)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
