"""An append-only file of events, one JSON object per line; several processes may write to it at once."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


class RecordError(OSError):
    """An event could not be recorded; the message names the file and the reason."""


class Recorder:
    """Appends events to one file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: Mapping[str, Any]) -> None:
        """Write one line, whole.

        The file is opened anew each time, so it may be rotated by renaming. Linux puts each write of a file
        opened to append behind all others: one call per line keeps lines whole without a lock. The line is
        then in the hands of the operating system, not yet of the disk.

        Raises:
            RecordError: the file cannot be written, or the disk is full.
        """
        line = json.dumps(event, ensure_ascii=False, sort_keys=True, allow_nan=False).encode() + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab", buffering=0) as file:
                written = file.write(line)
        except OSError as error:
            raise RecordError(f"{self.path} could not be written: {error}") from error
        if written != len(line):
            raise RecordError(
                f"{self.path} took {written} of {len(line)} bytes of an event; is the disk full?"
            )


def read(path: Path) -> Iterator[dict[str, Any] | None]:
    """The events of a file in the order written; None for a line that a full disk cut off."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                yield json.loads(line)
            except ValueError:
                yield None
