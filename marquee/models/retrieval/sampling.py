"""Which movies a training step contrasts with the targets, and how likely each was to be there."""

from typing import Any

from marquee.models.training.draws import Draws
from marquee.models.training.runtime import tf

NEVER = -1e9
"""Logit of a candidate that does not compete."""


def step_candidates(targets: Any, known: Any, uniform_negatives: int, draws: Draws | None) -> Any:
    """The movies of one step, each standing once: the step's targets and uniform negatives.

    A movie that stands once cannot be its own accidental hit. Movies never rated in the fitted period
    are not among the negatives: the loss would teach that new movies are bad.

    Args:
        targets: (n,) int32, the movies to be found.
        known: (m,) int32, the movies rated in the fitted period.
        uniform_negatives: how many to draw beside the targets.
        draws: to draw from; None: take all known movies (a full softmax) instead of drawing.

    Returns:
        (c,) int32 without repeats, in order of first appearance, and (n,) int32, where in it each
        target stands.
    """
    if draws is None:
        drawn = known
    else:
        position = draws.uniform([uniform_negatives], tf.int32, maxval=tf.shape(known)[0])
        drawn = tf.gather(known, position)
    unique, where = tf.unique(tf.concat([targets, drawn], axis=0))
    return unique, where[: tf.shape(targets)[0]]


def inclusion_probability(frequency: Any, num_targets: Any, uniform_rate: float) -> Any:
    """How likely each movie is to be among a step's candidates.

    It comes in as one of `num_targets` draws by its share of the interactions, or by the uniform draw;
    for rare independent draws the chance of at least one is 1 - exp(-expected number).

    Args:
        frequency: (c,) float32, share of the fitted interactions that are this movie's.
        num_targets: how many targets the step has.
        uniform_rate: expected uniform draws of one movie, uniform_negatives / known movies.

    Returns:
        (c,) float32 in (0, 1].
    """
    expected = frequency * tf.cast(num_targets, tf.float32) + uniform_rate
    return tf.maximum(-tf.math.expm1(-expected), 1e-9)


def seen_before(history: Any, read_at: Any, candidates: Any) -> Any:
    """Which candidates each query's history already holds.

    They are never recommended, so the loss leaves them out: as negatives they would teach that what
    is like the history is bad (EASE's zero diagonal has the same purpose).

    Args:
        history: (b, length) int32 movies of each window.
        read_at: (n, 2) int32, the window of each query and how many of its rows lie before it.
        candidates: (c,) int32 movies.

    Returns:
        (n, c) bool.
    """
    length = tf.shape(history)[1]
    holds = tf.equal(history[:, :, None], candidates)
    first_row = tf.reduce_min(tf.where(holds, tf.range(length)[:, None], length), axis=1)
    return tf.gather(first_row, read_at[:, 0]) < read_at[:, 1:]


class SampledSoftmax(tf.keras.layers.Layer):  # type: ignore[misc]
    """The retrieval task: tell the target from a step's other candidates.

    Takes what `tfrs.tasks.Retrieval` takes, and differs in two things. A candidate stands once and
    `positions` says which is whose target, so nothing is scored twice and there are no accidental hits
    to remove. The loss is the weighted mean, not the sum, so the learning rate does not depend on the
    batch size. The logQ correction is Yi et al. 2019 ("Sampling-Bias-Corrected Neural Modeling", eq. 3).
    """

    def call(
        self,
        query_embeddings: Any,
        candidate_embeddings: Any,
        positions: Any,
        sample_weight: Any,
        candidate_sampling_probability: Any = None,
        seen: Any = None,
    ) -> Any:
        """Weighted mean cross-entropy.

        Args:
            query_embeddings: (n, dim) float32.
            candidate_embeddings: (c, dim) float32.
            positions: (n,) int32, the row of each query's target among the candidates.
            sample_weight: (n,) float32.
            candidate_sampling_probability: (c,) float32 in (0, 1], or None where nothing was sampled.
            seen: (n, c) bool, candidates that do not compete for a query, unless they are its target.

        Returns:
            A scalar.
        """
        logits = tf.linalg.matmul(query_embeddings, candidate_embeddings, transpose_b=True)
        if candidate_sampling_probability is not None:
            logits = logits - tf.math.log(candidate_sampling_probability)
        if seen is not None:  # a movie rated twice is its own query's target again
            is_target = tf.equal(tf.range(tf.shape(logits)[1]), positions[:, None])
            logits = tf.where(seen & ~is_target, NEVER, logits)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(positions, logits)
        return tf.reduce_sum(losses * sample_weight) / tf.maximum(tf.reduce_sum(sample_weight), 1e-9)
