"""Many small increments, written to Prometheus' files in one go.

With several workers each increment of prometheus_client writes to a mapped file and asks for the process id:
1.2 microseconds, some thirty times an answer. Here an increment costs a tenth of that; what waited is written
twice a second and before each scrape, so a killed worker takes at most half a second of counts with it.
"""

import atexit
import threading
from bisect import bisect_left
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from prometheus_client import Histogram

SECONDS_BETWEEN_WRITES = 0.5


class Value(Protocol):
    """A counter, or one number of a histogram."""

    def inc(self, amount: float) -> None:
        """Add an amount that is not negative."""


class Distribution(Histogram):
    """A histogram that says which of its numbers some amounts would change, and by how much."""

    def increments(self, amounts: Sequence[float]) -> Iterator[tuple[Value, float]]:
        """What `observe` of each amount adds up to: the buckets that are hit, and the sum."""
        bounds = self._upper_bounds
        for position, count in Tally([bisect_left(bounds, amount) for amount in amounts]).items():
            yield self._buckets[position], count
        yield self._sum, sum(amounts)


class Ledger:
    """Sums by value until they are written; safe to add to while another thread writes."""

    def __init__(self) -> None:
        self._sums: defaultdict[Value, float] = defaultdict(float)
        self._lock = threading.Lock()
        self._writer: threading.Thread | None = None

    def add(self, increments: Iterable[tuple[Value, float]]) -> None:
        """Keep some increments; nobody sees them before the next `write`."""
        with self._lock:
            sums = self._sums
            for value, amount in increments:
                sums[value] += amount

    def write(self) -> None:
        """Hand over what waits."""
        with self._lock:
            sums, self._sums = self._sums, defaultdict(float)
        for value, amount in sums.items():
            value.inc(amount)

    def write_regularly(self) -> None:
        """From now on, twice a second and at the end of the process; a second call changes nothing."""
        if self._writer is None:
            self._writer = threading.Thread(target=self._write_for_ever, name="marquee-ledger", daemon=True)
            self._writer.start()
            atexit.register(self.write)

    def _write_for_ever(self) -> None:
        pause = threading.Event()
        while not pause.wait(SECONDS_BETWEEN_WRITES):
            self.write()
