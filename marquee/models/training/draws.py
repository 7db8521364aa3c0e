"""TensorFlow's random numbers, from a state that can be kept and put back.

An operation such as `tf.random.uniform` counts in C++ what it has drawn, out of reach. Here the count is a
variable, and the numbers are the same, bit for bit: those of Philox (Salmon et al. 2011, "Parallel Random
Numbers: As Easy as 1, 2, 3") at that count, with the key that TensorFlow would take.
"""

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from marquee.models.training.runtime import tf
from marquee.pipeline.arrays import Int64

LARGEST_SEED = 2**31 - 1
"""TensorFlow's seeds are below it; it stands for the second one where both are 0."""
PHILOX = 1
"""TensorFlow's number for this generator."""
PLACES = 256
"""At most, in all functions of a model; a two-tower has about ten of them in one."""
RESERVED = 256
"""How far TensorFlow moves on for each number that it draws."""


class Draws(tf.__internal__.tracking.Trackable):  # type: ignore[misc]
    """What one model draws in its functions (`tf.function`), with a count for every place in them.

    Until it is started, outside of functions, and where no seed was set, it is `tf.random.uniform`. It is no
    weight of the model.
    """

    def __init__(self) -> None:
        self._counts: Any = None
        self._traced = 0
        self._without_batch: dict[int, int] = {}
        self._places: WeakKeyDictionary[Any, int] = WeakKeyDictionary()

    def counts(self) -> Int64:
        """(PLACES,) int64, how far each place is, in the order in which they were traced."""
        return np.asarray(self._counts)

    def start(self, counts: Int64 | None = None) -> None:
        """Count from now on, or go on from these counts; call before anything is traced.

        Only where a model is trained: the variable would change the names in a SavedModel of one that is not.
        """
        begun = np.zeros(PLACES, dtype=np.int64) if counts is None else counts
        self._counts = tf.Variable(begun, trainable=False)  # here, for a function cannot make any
        self._track_trackable(self._counts, "counts", overwrite=True)  # a SavedModel holds what it uses

    def after_last_batch(self) -> None:
        """Move on as TensorFlow does: the step that finds no batch any more draws what needs none."""
        counts = self.counts().copy()
        for place, moved in self._without_batch.items():
            counts[place] += moved
        self._counts.assign(counts)

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def uniform(self, shape: Any, dtype: Any = tf.float32, minval: int = 0, maxval: Any = None) -> Any:
        """Numbers of [0, 1), or int32 from `minval` up to below `maxval`, as `tf.random.uniform` has them."""
        seed = tf.compat.v1.get_default_graph().seed
        if self._counts is None or tf.executing_eagerly() or seed is None:
            return tf.random.uniform(shape, minval, maxval, dtype)
        shape = tf.convert_to_tensor(shape, tf.int32)
        seeds, drawn = self._seeds(seed), self._move_on(shape)
        at = {
            "key": tf.constant(seeds[:1], tf.uint64),
            "counter": tf.stack([tf.cast(drawn, tf.uint64), tf.constant(seeds[1], tf.uint64)]),
            "alg": tf.constant(PHILOX),
        }
        if dtype == tf.int32:
            return tf.raw_ops.StatelessRandomUniformIntV2(shape=shape, minval=minval, maxval=maxval, **at)
        return tf.raw_ops.StatelessRandomUniformV2(shape=shape, dtype=dtype, **at)

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def dropout(self, inputs: Any, rate: float, noise_shape: Any = None) -> Any:
        """Some of the inputs turned into 0, the others scaled up, as `tf.nn.dropout` does."""
        if self._counts is None:
            return tf.nn.dropout(inputs, rate, noise_shape)
        if rate == 0:
            self._next_place()  # TensorFlow counts it, though nothing is drawn
            return inputs
        return tf.nn.experimental.general_dropout(inputs, rate, self.uniform, noise_shape)

    def give_to(self, model: Any) -> None:
        """Let the dropout layers of a built Keras model draw from here, those within attention too."""
        for layer in model.submodules:
            if isinstance(layer, tf.keras.layers.Dropout):
                layer._random_generator = self

    def _next_place(self) -> int:
        """Number of this draw in the function that is traced."""
        graph = tf.compat.v1.get_default_graph()
        self._places[graph] = self._places.get(graph, -1) + 1
        return self._places[graph]

    def _seeds(self, seed: int) -> list[int]:
        """TensorFlow's two seeds of a draw: that of the function, and the draw's number in it."""
        seeds = [seed % LARGEST_SEED, self._next_place()]
        return seeds if any(seeds) else [0, LARGEST_SEED]

    def _move_on(self, shape: Any) -> Any:
        """The count of a new place, which then moves on each time the function runs."""
        place = self._traced
        self._traced += 1
        if (fixed := tf.get_static_value(shape)) is not None:
            self._without_batch[place] = RESERVED * int(np.prod(fixed))
        before = self._counts.read_value()[place]
        with tf.control_dependencies([before]):
            moved = RESERVED * tf.reduce_prod(tf.cast(shape, tf.int64))
            self._counts.scatter_nd_add([[place]], [moved])
        return before
