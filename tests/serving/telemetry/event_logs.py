"""An event log with little patience, and its records read back."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from marquee.events import segments
from marquee.events.records import Record
from marquee.events.segments import Counted
from marquee.pipeline.params import EventsParams
from marquee.serving.telemetry.event_log import EventLog
from marquee.serving.telemetry.event_writer import Stats
from tests.events import examples

PARAMS = EventsParams(
    enabled=True, queue_length=1000, segment_mb=1.0, flush_seconds=0.02, retention_days=90.0, max_gb=1.0
)
PATIENCE = 10.0


@contextmanager
def opened(folder: Path, watch: Callable[[Stats], None] | None = None, **changed: Any) -> Iterator[EventLog]:
    log = EventLog(folder, PARAMS.model_copy(update=changed), watch)
    try:
        yield log
    finally:
        log.close()


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def read(folder: Path, **how: Any) -> tuple[list[Record], Counted]:
    counted = Counted()
    return list(segments.read(folder, counted, **how)), counted


def numbers(folder: Path) -> list[int]:
    return [int(record.visitor_id or -1) for record in read(folder)[0]]


def numbered(number: int) -> dict[str, Any]:
    return examples.feedback(visitor_id=str(number))


# ---- writing ----------------------------------------------------------------------------------------------
