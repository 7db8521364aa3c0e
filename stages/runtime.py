"""TensorFlow as every stage starts it: pinned threads, deterministic operations, seeded."""

from functools import cache


def start_tensorflow(seed: int, threads: int) -> None:
    """Make TensorFlow repeat itself to the bit on this machine.

    The number of threads changes how sums are split and with it the last bits of the weights, so it is a
    parameter. Call before the first TensorFlow operation of the process; a later call seeds anew.
    """
    import tensorflow as tf

    _pin_threads(threads)
    tf.keras.utils.set_random_seed(seed)


@cache
def _pin_threads(threads: int) -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
