"""Records off the request's path: a bounded queue, written by a thread of its own (`event_writer.py`).

A request pays for making the line of its record, 40 microseconds: left to the writer, that would cost it
more, by waiting for Python's lock and by all that the request holds. Nothing that happens to the disk reaches
it: what cannot be written is dropped, counted, and told in one log line a minute.
"""

import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from marquee.events import records, segments
from marquee.pipeline.params import EventsParams
from marquee.serving.telemetry.event_writer import EventWriter, Line, Stats

Event = Mapping[str, Any] | Callable[[], Mapping[str, Any]]
"""A record, or what makes one where there is room for it."""
log = logging.getLogger(__name__)


class EventLogError(OSError):
    """The folder of the event log cannot be written; the message says what to do."""


def check_writable(folder: Path) -> None:
    """Write a block into the folder of the event log and remove it; the folder is made if need be.

    Raises:
        EventLogError: the disk is full or refuses.
    """
    try:
        segments.probe(folder)
    except OSError as error:
        raise EventLogError(
            f"{folder}, where the service records its answers, cannot be written: {error}. Make it a "
            "writable folder with free space, or set serving.events.enabled to false in params.yaml and "
            "package again."
        ) from error


class EventLog:
    """Takes records and has them written, in whichever process puts the first one."""

    def __init__(
        self, folder: Path, params: EventsParams, watch: Callable[[Stats], None] | None = None
    ) -> None:
        """Remember where to write; no thread is started and no file touched.

        Args:
            folder: of segments.
            params: how much waits, and how much is kept.
            watch: given the stats by the writer's thread after each flush, for metrics.
        """
        self._folder, self._params, self._watch = folder, params, watch
        self._starting = threading.Lock()
        self._writer = EventWriter(folder, params, watch)
        self._pid: int | None = None
        self._closed = False

    def put(self, event: Event) -> bool:
        """Have a record written soon; never waits, never raises.

        Returns:
            Whether it was taken; otherwise it was dropped and counted.
        """
        if self._pid != os.getpid():
            self.start()
        writer = self._writer
        if self._closed:
            writer.drop("closed")
            return False
        if len(writer.queue) >= self._params.queue_length:
            writer.drop("queue_full")
            return False
        line = self._line(event)
        if line is None:
            writer.drop("invalid")
            return False
        writer.queue.append(line)
        return True

    def _line(self, event: Event) -> Line | None:
        """None where none could be made: whatever one record holds, the request is answered."""
        try:
            record = event() if callable(event) else event
            return record["kind"], records.to_line(record)
        except Exception as error:
            if not self.stats().dropped["invalid"]:
                log.error("a record could not be made (the first one; others are counted): %r", error)
            return None

    def start(self) -> None:
        """Start the writer in this process, if it is not running; `put` does so by itself.

        A process forked off another one's log begins with an empty queue and writes a segment of its own.
        """
        with self._starting:
            if self._closed or self._pid == os.getpid():
                return
            if self._pid is not None:
                self._writer.let_go()
                self._writer = EventWriter(self._folder, self._params, self._watch)
            self._writer.start()
            self._pid = os.getpid()

    def close(self) -> None:
        """Write what waits, complete the segment and stop."""
        self._closed = True
        if self._pid == os.getpid():
            self._writer.stop()

    def stats(self) -> Stats:
        """What became of the records until now."""
        return self._writer.stats()

    @property
    def problem(self) -> str | None:
        """Why records are not written at present; None: they are."""
        return self._writer.problem

    @property
    def healthy(self) -> bool:
        """Whether records are written at present."""
        return self._writer.problem is None
