"""Answers found again in the log: by the id that a caller was given, or the last ones."""

import heapq
from collections.abc import Iterator
from pathlib import Path

from marquee.events import records, segments
from marquee.events.records import Answer, Record, RecordError
from marquee.events.segments import Counted


class NotRecordedError(ValueError):
    """The log holds no such answer; the message says where it was looked for."""


def answer_of(folder: Path, request_id: str) -> Answer:
    """The answer of an id, of segments that are still being written too.

    Args:
        folder: of segments.
        request_id: as the answer and its X-Request-Id header said.

    Raises:
        NotRecordedError: no answer has it.
    """
    for record in _naming(folder, request_id.encode()):
        if isinstance(record, Answer) and record.request_id == request_id:
            return record
    raise NotRecordedError(
        f"No answer in {folder} has the request_id {request_id}.\n"
        "It is the answer's field request_id and its header X-Request-Id. Events are written within a "
        "second, and kept as `serving.events` in params.yaml says (retention_days, max_gb)."
    )


def last_answers(folder: Path, count: int) -> list[Answer]:
    """The latest answers, the earliest of them first; fewer where fewer are recorded."""
    read = segments.read(folder, Counted(), include_open=True)
    answers = (record for record in read if isinstance(record, Answer))
    latest = heapq.nlargest(count, answers, key=lambda answer: answer.request_id)  # ids sort by time
    return latest[::-1]


def _naming(folder: Path, text: bytes) -> Iterator[Record]:
    """The records that hold a text anywhere, of the segment begun last first; only they are checked."""
    for segment in reversed(segments.found(folder)):
        for line in segments.lines(segment):
            if text in line:
                try:
                    yield records.parse(line)
                except RecordError:  # a torn line, or of a later schema
                    continue
