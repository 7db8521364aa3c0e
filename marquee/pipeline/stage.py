"""How every stage runs: alone, params.yaml read once, BLAS on a stated number of threads, and a clear end."""

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from threadpoolctl import threadpool_limits

from marquee.pipeline import environment, guard, lock_file, logs, params
from marquee.pipeline.params import Params

Log = logging.Logger


def run_stage(run: Callable[[Params, Log], None], blas_threads: int | None = None) -> None:
    """Call `run(params, log)`; errors in the input become a message and exit code 1.

    ValueError (and what derives from it) and OSError are about the input, the parameters or the disk:
    their message says what to do, a traceback would bury it. Anything else is a bug and keeps its traceback.

    Args:
        run: the stage; its file is named as the stage is.
        blas_threads: of numpy's and scipy's BLAS, which splits sums by them; None: `threads` of params.yaml.
    """
    stage = Path(run.__code__.co_filename).stem
    log = logs.get(stage)
    if environment.OVERRULED:
        log.warning(
            "%s of the environment: not heeded, it would change last bits.", ", ".join(environment.OVERRULED)
        )
    try:
        given = params.read()
        threads = blas_threads or given.threads
        os.environ["OPENBLAS_NUM_THREADS"] = str(threads)  # of libraries that are loaded later
        lock_file.keep()
        blas = threadpool_limits(threads, user_api="blas")
        with blas, guard.alone(stage), guard.temporary_folder(stage), guard.unmoved(stage):
            run(given, log)
    except KeyboardInterrupt:
        log.error("interrupted. Run it again: a sweep and a training go on after their last finished epoch.")
        sys.exit(130)
    except (ValueError, OSError) as error:
        if not isinstance(error, OSError) and not type(error).__module__.startswith("marquee."):
            raise  # a ValueError of numpy's or Keras' is a bug of ours
        log.error("failed.\n%s", error)
        log.debug("where it happened", exc_info=True)
        sys.exit(1)
