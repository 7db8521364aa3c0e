"""A worker that dies is told of in the log, and another one starts within a second, or all ends.

BentoML leaves that to circus, has it look every ten seconds, say nothing, and in a container do nothing: the
worker that is left would serve alone for ever. Where none can start, it would try for ever. None of this is a
setting.
"""

import atexit
import logging
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bentoml._internal.utils import circus

LOOK_SECONDS = 1.0
"""Between two looks whether every worker is alive."""
LATER_SECONDS = 0.05
"""Until stopping is tried again."""
FAILED_STARTS = 4
"""Workers in a row that ended before they could answer, none being left that can: the next would do the same,
and whoever started the service had better hear of it."""
STARTED = "MARQUEE_STARTED"
"""Environment variable of the workers: the folder where each that can answer leaves a file of its number."""
log = logging.getLogger("bentoml.marquee")
"""Below BentoML's own, whose level `bentoml serve` sets in the process above the workers."""


class Arbiter(circus.Arbiter):  # type: ignore[misc]
    """The process above the workers."""

    def __init__(self, watchers: list[Any], *args: Any, **options: Any) -> None:
        for watcher in watchers:
            watcher.respawn = True
            watcher.hooks["after_reap"] = self._ended
        self._failed_starts = 0
        super().__init__(watchers, *args, **options | {"check_delay": LOOK_SECONDS})

    def start(self, cb: Any = None) -> None:
        """Look after the workers until the service is stopped.

        Raises:
            SystemExit: it could not start; the exit code is 1.
        """
        super().start(cb)
        if self._failed_starts >= FAILED_STARTS:
            raise SystemExit(1)

    def stop(self) -> Any:
        """Stop, if need be a little later: circus forgets a signal that comes while it starts a worker."""
        if self._exclusive_running_command is None:
            return super().stop()
        self.loop.call_later(LATER_SECONDS, self.stop)
        return None

    def _ended(self, watcher: Any, hook_name: str, **process: Any) -> bool:
        """One line about a process that ended although nobody stopped the service, perhaps the last one."""
        if not watcher.is_active() or self._failed_starts >= FAILED_STARTS:
            return True
        code = process["exit_code"]
        reason = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        started = forget_started(process["process_pid"])
        self._failed_starts = 0 if started or any_started(watcher.processes) else self._failed_starts + 1
        before = "" if started else " before it could answer"
        if self._failed_starts < FAILED_STARTS:
            log.error("worker %d died%s (%s); another one starts", process["process_pid"], before, reason)
        else:
            log.error("worker %d died%s (%s)", process["process_pid"], before, reason)
            log.error(
                "the service cannot start: %d workers in a row died before they could answer; what they said "
                "is above",
                FAILED_STARTS,
            )
            self.loop.call_later(LATER_SECONDS, self.stop)
        return True


def look_often() -> None:
    """Have `bentoml serve` use it; to be called in the process above the workers, before it starts them."""
    circus.Arbiter = Arbiter
    os.environ[STARTED] = tempfile.mkdtemp(prefix="marquee-started-")
    atexit.register(shutil.rmtree, os.environ[STARTED], ignore_errors=True)


def tell_started() -> None:
    """This process is a worker that can answer."""
    if STARTED in os.environ:
        _file_of(os.getpid()).touch()


def any_started(process_ids: Iterable[int]) -> bool:
    """Whether one of some workers has said that it can answer."""
    return any(_file_of(process_id).exists() for process_id in process_ids)


def forget_started(process_id: int) -> bool:
    """Whether a worker that ended could answer before; the next one of its number has to say so itself."""
    file = _file_of(process_id)
    started = file.exists()
    file.unlink(missing_ok=True)
    return started


def _file_of(process_id: int) -> Path:
    return Path(os.environ[STARTED], str(process_id))
