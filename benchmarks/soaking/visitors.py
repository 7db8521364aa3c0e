"""Visitors on connections of their own, each asking again a moment after it was answered."""

import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

from benchmarks.load import HEADERS
from benchmarks.server import HOST
from benchmarks.soaking.probes import Probe

CONNECTIONS = 16
PAUSE_SECONDS = 0.05
"""Between an answer and the next question of a connection: two cores also run the visitors."""
PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class Answered:
    """One answer.

    Attributes:
        at: when it was there, seconds since 1970.
        seconds: since it was asked, with a second attempt where it took one.
        request_id: that it was given.
        bundle: that it names.
        expected: whether it is that bundle's answer.
    """

    at: float
    seconds: float
    request_id: str
    bundle: str
    expected: bool


@dataclass
class Seen:
    """What visitors saw.

    Attributes:
        answered: every answer.
        broken: attempts whose connection was refused or ended without an answer, the first of a request.
        lost: requests whose second attempt ended so too.
        refused: requests that were answered with another status than 200.
    """

    answered: list[Answered] = field(default_factory=list)
    broken: int = 0
    lost: int = 0
    refused: int = 0

    def __add__(self, other: "Seen") -> "Seen":
        """What both saw."""
        return Seen(
            self.answered + other.answered,
            self.broken + other.broken,
            self.lost + other.lost,
            self.refused + other.refused,
        )

    @property
    def requests(self) -> int:
        """How many were made, second attempts not counted."""
        return len(self.answered) + self.lost + self.refused


class Visitors:
    """Sixteen of them, from the beginning of a `with` block to its end."""

    def __init__(self, port: int, probes: Sequence[Probe]) -> None:
        self._port, self._probes = port, probes
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(CONNECTIONS)
        self._asking: list[Future[Seen]] = []

    def __enter__(self) -> "Visitors":
        self._asking = [self._pool.submit(self._ask, number) for number in range(CONNECTIONS)]
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown()

    def seen(self) -> Seen:
        """What they saw, once the block has ended."""
        return sum((asking.result() for asking in self._asking), Seen())

    def _ask(self, number: int) -> Seen:
        seen, turn = Seen(), number
        connection = HTTPConnection(HOST, self._port, timeout=PATIENCE_SECONDS)
        while not self._over.wait(PAUSE_SECONDS):
            self._ask_once(connection, self._probes[turn % len(self._probes)], seen)
            turn += CONNECTIONS + 1
        connection.close()
        return seen

    def _ask_once(self, connection: HTTPConnection, probe: Probe, seen: Seen) -> None:
        """One request; where its connection breaks it is made once more, on a new one."""
        begun = time.time()
        for attempt in range(2):
            try:
                connection.request("POST", "/recommend", probe.body, HEADERS)
                response = connection.getresponse()
                status, content = response.status, response.read()
                break
            except (OSError, HTTPException):
                connection.close()
                seen.broken += attempt == 0
        else:
            seen.lost += 1
            return
        if status == 200:
            seen.answered.append(_answered(begun, content, probe))
        else:
            seen.refused += 1


def _answered(begun: float, content: bytes, probe: Probe) -> Answered:
    now, answer = time.time(), json.loads(content)
    expected = probe.expected.get(answer["model"])
    return Answered(
        now, now - begun, answer["request_id"], answer["model"], answer["recommendations"] == expected
    )
