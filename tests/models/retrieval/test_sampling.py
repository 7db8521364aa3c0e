import numpy as np
import pytest
import tensorflow as tf

from marquee.models.retrieval import sampling
from marquee.models.training.draws import Draws


def test_a_candidate_stands_once_and_targets_are_found_among_them():
    targets, known = tf.constant([4, 2, 4]), tf.constant([2, 3, 4, 9])
    ids, positions = sampling.step_candidates(targets, known, uniform_negatives=50, draws=Draws())
    assert len(set(ids.numpy().tolist())) == len(ids)
    assert tf.gather(ids, positions).numpy().tolist() == [4, 2, 4]
    assert set(ids.numpy().tolist()) <= {2, 3, 4, 9}


def test_all_known_movies_make_a_full_softmax():
    ids, _ = sampling.step_candidates(tf.constant([3]), tf.constant([2, 3, 4, 9]), 1, draws=None)
    assert sorted(ids.numpy().tolist()) == [2, 3, 4, 9]


def test_movies_without_interactions_are_never_negatives():
    ids, _ = sampling.step_candidates(tf.constant([1]), tf.constant([1, 2]), 1000, draws=Draws())
    assert sorted(ids.numpy().tolist()) == [1, 2]


def test_inclusion_probability_by_hand():
    found = sampling.inclusion_probability(tf.constant([0.5, 0.0]), tf.constant(4), uniform_rate=0.1)
    # 4 draws at 0.5 and 0.1 by the uniform draw; then the uniform draw alone.
    np.testing.assert_allclose(found, [1 - np.exp(-2.1), 1 - np.exp(-0.1)], rtol=1e-5)


def test_inclusion_probability_is_near_what_drawing_gives():
    share = np.array([0.3, 0.05, 0.01, 0.64])
    rng = np.random.default_rng(0)
    draws = rng.choice(4, p=share, size=(20_000, 3))
    measured = [(draws == movie).any(axis=1).mean() for movie in range(4)]
    expected = sampling.inclusion_probability(tf.constant(share, tf.float32), tf.constant(3), 0.0)
    # Exact for rare movies; a movie with most of the draws comes out 0.1 low.
    np.testing.assert_allclose(expected[1:3], measured[1:3], rtol=0.08)


def test_the_loss_by_hand():
    task = sampling.SampledSoftmax()
    query, candidates = tf.constant([[1.0], [0.0]]), tf.constant([[2.0], [0.0]])
    loss = task(query, candidates, tf.constant([0, 1]), sample_weight=tf.constant([3.0, 1.0]))
    first, second = np.log(np.exp(2) + 1) - 2, np.log(2)
    assert float(loss) == pytest.approx((3 * first + second) / 4, rel=1e-5)


def test_logq_takes_from_movies_that_are_often_among_the_candidates():
    task = sampling.SampledSoftmax()
    query, candidates = tf.constant([[0.0]]), tf.constant([[1.0], [1.0]])
    loss = task(query, candidates, tf.constant([1]), tf.constant([1.0]), tf.constant([1.0, 0.25]))
    # Logits 0 - log 1 and 0 - log 0.25: the rare target is worth four times the common one.
    assert float(loss) == pytest.approx(-np.log(4 / 5), rel=1e-5)


def test_a_step_whose_weights_are_all_zero_has_no_loss():
    task = sampling.SampledSoftmax()
    loss = task(tf.constant([[1.0]]), tf.constant([[1.0], [2.0]]), tf.constant([0]), tf.constant([0.0]))
    assert float(loss) == 0.0


def test_a_candidate_is_seen_once_a_row_before_the_query_holds_it():
    history = tf.constant([[7, 8, 9], [8, 0, 0]])
    read_at = tf.constant([[0, 0], [0, 2], [0, 3], [1, 1]])
    found = sampling.seen_before(history, read_at, candidates=tf.constant([8, 9, 0]))
    # Window 1 is padded with zeros from its second row on, which its query does not reach: 0 is unseen.
    assert found.numpy().tolist() == [
        [False, False, False],
        [True, False, False],
        [True, True, False],
        [True, False, False],
    ]


def test_seen_candidates_do_not_compete():
    task = sampling.SampledSoftmax()
    query, candidates = tf.constant([[1.0]]), tf.constant([[1.0], [5.0], [1.0]])
    seen = tf.constant([[False, True, False]])
    loss = task(query, candidates, tf.constant([0]), tf.constant([1.0]), None, seen)
    assert float(loss) == pytest.approx(np.log(2), rel=1e-5)


def test_a_movie_rated_again_is_still_its_own_target():
    task = sampling.SampledSoftmax()
    query, candidates = tf.constant([[1.0]]), tf.constant([[1.0], [1.0]])
    seen = tf.constant([[True, False]])
    loss = task(query, candidates, tf.constant([0]), tf.constant([1.0]), None, seen)
    assert float(loss) == pytest.approx(np.log(2), rel=1e-5)
