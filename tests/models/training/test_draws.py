"""Numbers from a state that can be kept are TensorFlow's own, bit for bit."""

import numpy as np
import pytest

from marquee.models.training.draws import Draws
from marquee.models.training.runtime import start_tensorflow, tf

pytestmark = pytest.mark.usefixtures("tensorflow")
SIZES = (5, 1, 300, 5)


def started() -> Draws:
    draws = Draws()
    draws.start()
    return draws


def drawing(uniform, dropout):
    """A function that draws at four places, and whose third is a dropout that drops nothing."""

    def draw(size):
        ones = tf.ones([size, 3])
        whole = uniform([7], dtype=tf.int32, minval=2, maxval=size + 2)
        return uniform([size, 2]), dropout(ones, 0.4), dropout(ones, 0.0), whole

    return tf.function(draw)


def drawn(function, sizes=SIZES):
    return [[part.numpy() for part in function(tf.constant(size))] for size in sizes]


def assert_same(some, others):
    for one, other in zip(some, others, strict=True):
        for part, expected in zip(one, other, strict=True):
            np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize("seed", [0, 42, 2**31 + 5])
def test_they_are_what_tensorflow_would_draw(seed: int) -> None:
    start_tensorflow(seed, threads=1)
    draws = started()
    ours = drawn(drawing(draws.uniform, draws.dropout))
    assert_same(ours, drawn(drawing(tf.random.uniform, tf.nn.dropout)))


def test_they_go_on_where_others_stopped() -> None:
    start_tensorflow(7, threads=1)
    whole, first, second = started(), started(), Draws()
    expected = drawn(drawing(whole.uniform, whole.dropout))
    drawn(drawing(first.uniform, first.dropout), SIZES[:2])
    second.start(first.counts())
    assert_same(drawn(drawing(second.uniform, second.dropout), SIZES[2:]), expected[2:])


def test_two_functions_of_one_model_count_apart() -> None:
    start_tensorflow(7, threads=1)
    draws = started()
    ours = [drawing(draws.uniform, draws.dropout) for _ in range(2)]
    theirs = [drawing(tf.random.uniform, tf.nn.dropout) for _ in range(2)]
    for sizes in ((5,), (2, 3)):
        for one, other in zip(ours, theirs, strict=True):
            assert_same(drawn(one, sizes), drawn(other, sizes))


def test_dropout_layers_take_their_numbers_from_there() -> None:
    start_tensorflow(7, threads=1)
    attention = tf.keras.layers.MultiHeadAttention(1, 4, dropout=0.5)
    rows = tf.random.uniform([2, 3, 4])
    attention(rows, rows)
    plain = tf.function(lambda: attention(rows, rows, training=True))
    expected = [plain().numpy() for _ in range(3)]
    draws = started()
    draws.give_to(attention)
    counted = tf.function(lambda: attention(rows, rows, training=True))
    assert [counted().numpy().tolist() for _ in range(3)] == [one.tolist() for one in expected]
    assert draws.counts().sum() == 3 * 256 * 2 * 1 * 3 * 3  # a number for each pair of rows of each example


def test_before_a_training_they_are_tensorflows_own_and_nothing_is_counted() -> None:
    start_tensorflow(7, threads=1)
    idle = Draws()
    assert_same(drawn(drawing(idle.uniform, idle.dropout)), drawn(drawing(tf.random.uniform, tf.nn.dropout)))
    assert vars(idle)["_traced"] == 0
