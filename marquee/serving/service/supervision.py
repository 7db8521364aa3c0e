"""A worker that dies is told of in the log, and another one starts within a second.

BentoML leaves that to circus, has it look every ten seconds, say nothing, and in a container do nothing: the
worker that is left would serve alone for ever. None of this is a setting.
"""

import logging
from typing import Any

from bentoml._internal.utils import circus

LOOK_SECONDS = 1.0
"""Between two looks whether every worker is alive."""
LATER_SECONDS = 0.05
"""Until stopping is tried again."""
log = logging.getLogger("bentoml.marquee")
"""Below BentoML's own, whose level `bentoml serve` sets in the process above the workers."""


class Arbiter(circus.Arbiter):  # type: ignore[misc]
    """The process above the workers."""

    def __init__(self, watchers: list[Any], *args: Any, **options: Any) -> None:
        for watcher in watchers:
            watcher.respawn = True
            watcher.hooks["after_reap"] = _tell
        super().__init__(watchers, *args, **options | {"check_delay": LOOK_SECONDS})

    def stop(self) -> Any:
        """Stop, if need be a little later: circus forgets a signal that comes while it starts a worker."""
        if self._exclusive_running_command is None:
            return super().stop()
        self.loop.call_later(LATER_SECONDS, self.stop)
        return None


def look_often() -> None:
    """Have `bentoml serve` use it; to be called in the process above the workers, before it starts them."""
    circus.Arbiter = Arbiter


def _tell(watcher: Any, arbiter: Any, hook_name: str, **process: Any) -> bool:
    """One line about a process that ended although nobody stopped the service."""
    if watcher.is_active():
        code = process["exit_code"]
        reason = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        log.error("worker %d died (%s); another one starts", process["process_pid"], reason)
    return True
