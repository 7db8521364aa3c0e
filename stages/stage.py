"""How every stage ends: quietly when it worked, with one clear message when its input is at fault."""

import logging
import sys
from collections.abc import Callable

from stages import logs


def run_stage(name: str, function: Callable[[logging.Logger], None]) -> None:
    """Call `function` with the stage's logger; errors in the input become a message and exit code 1.

    ValueError (and what derives from it) and OSError are about the input, the parameters or the disk:
    their message says what to do, a traceback would bury it. Anything else is a bug and keeps its traceback.
    """
    log = logs.get(name)
    try:
        function(log)
    except KeyboardInterrupt:
        log.error("interrupted. Run it again: a sweep goes on after its last finished trial.")
        sys.exit(130)
    except (ValueError, OSError) as error:
        if not isinstance(error, OSError) and not type(error).__module__.startswith("stages."):
            raise  # a ValueError of numpy's or Keras' is a bug of ours
        log.error("failed.\n%s", error)
        log.debug("where it happened", exc_info=True)
        sys.exit(1)
