"""Ids of requests that sort by time: UUIDs of version 7."""

import os
import threading
import time
from collections.abc import Callable


class RequestIds:
    """Makes UUIDs of version 7 (RFC 9562): 48 bits of milliseconds since 1970, then 74 bits of chance.

    Within a process each is larger than the one before it, as text too. Several in one millisecond, or after
    the clock was set back: the bits of chance grow by a random step (the RFC's section 6.2, method 2), and
    carry into the milliseconds should they overflow. Two processes agree by chance alone.
    """

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        """Begin; `clock` gives nanoseconds since 1970."""
        self._clock = clock
        self._lock = threading.Lock()
        self._last = 0

    def __call__(self) -> str:
        """The next one."""
        drawn = int.from_bytes(os.urandom(10), "big")
        fresh = (self._clock() // 1_000_000) << 74 | drawn >> 7  # 73 bits of chance: room to grow
        with self._lock:
            later = fresh >> 74 > self._last >> 74
            bits = self._last = fresh if later else self._last + 1 + (drawn & 0xFF_FFFF_FFFF)
        # The version (7) stands before the upper 12 bits of chance, the variant (binary 10) before the rest.
        number = (bits >> 74) << 80 | 7 << 76 | (bits >> 62 & 0xFFF) << 64 | 2 << 62 | bits & (1 << 62) - 1
        digits = f"{number:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
