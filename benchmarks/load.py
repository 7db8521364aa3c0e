"""A load generator: connections that ask again as soon as they are answered."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from benchmarks.clock import percentiles
from benchmarks.server import HOST

HEADERS = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Answers:
    """What came back.

    Attributes:
        milliseconds: of each request that was answered with 200.
        errors: requests that were not.
        seconds: how long the load lasted.
    """

    milliseconds: list[float]
    errors: int
    seconds: float

    def __add__(self, other: "Answers") -> "Answers":
        """Both loads as one."""
        return Answers(
            self.milliseconds + other.milliseconds, self.errors + other.errors, self.seconds + other.seconds
        )

    def named(self) -> dict[str, float]:
        """As flat numbers, for a metrics file."""
        rate = len(self.milliseconds) / self.seconds
        return {
            **percentiles(self.milliseconds),
            "requests_per_second": round(rate, 1),
            "requests": len(self.milliseconds),
            "errors": self.errors,
        }


def ask(port: int, path: str, bodies: Sequence[bytes], connections: int, seconds: float) -> Answers:
    """POST the bodies in turn over kept-alive connections until time is up."""
    start = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        asked = [
            pool.submit(_ask_alone, port, path, [*bodies[first:], *bodies[:first]], start + seconds)
            for first in range(connections)
        ]
        answered = [future.result() for future in asked]
    return Answers(
        [taken for milliseconds, _ in answered for taken in milliseconds],
        sum(errors for _, errors in answered),
        time.perf_counter() - start,
    )


def post(port: int, path: str) -> None:
    """POST nothing once; ValueError unless it is answered with 200."""
    connection = HTTPConnection(HOST, port, timeout=30)
    try:
        connection.request("POST", path, b"{}", HEADERS)
        if (status := connection.getresponse().status) != 200:
            raise ValueError(f"POST {path} was answered with {status}")
    finally:
        connection.close()


def _ask_alone(port: int, path: str, bodies: Sequence[bytes], deadline: float) -> tuple[list[float], int]:
    connection = HTTPConnection(HOST, port, timeout=30)
    milliseconds: list[float] = []
    errors = turn = 0
    while time.perf_counter() < deadline:
        start = time.perf_counter()
        try:
            connection.request("POST", path, bodies[turn % len(bodies)], HEADERS)
            response = connection.getresponse()
            response.read()
            answered = response.status == 200
        except (OSError, HTTPException):
            connection.close()
            answered = False
        if answered:
            milliseconds.append((time.perf_counter() - start) * 1e3)
        errors += not answered
        turn += 1
    connection.close()
    return milliseconds, errors
