"""TensorFlow as every stage imports and starts it: quiet, pinned threads, deterministic operations, seeded.

Modules take `tf` and `tfrs` from here, because TensorFlow greets (oneDNN, CUDA) on standard error while it is
imported, before it looks at TF_CPP_MIN_LOG_LEVEL.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

__all__ = ["silent_unless_it_fails", "start_tensorflow", "tf", "tfrs"]


@contextmanager
def silent_unless_it_fails() -> Iterator[None]:
    """Keep back what is written to file descriptor 2, by C++ too; where the body raises, hand it out."""
    sys.stderr.flush()
    standard_error = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(standard_error, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(standard_error, 2)
            os.close(standard_error)


with silent_unless_it_fails():
    import tensorflow as tf
    import tensorflow_recommenders as tfrs


def start_tensorflow(seed: int, threads: int) -> None:
    """Make TensorFlow repeat itself to the bit on this machine.

    The number of threads changes how sums are split and with it the last bits of the weights, so it is a
    parameter. Call before the first TensorFlow operation of the process; a later call seeds again.
    """
    _pin_threads(threads)
    tf.keras.utils.set_random_seed(seed)


@cache
def _pin_threads(threads: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
