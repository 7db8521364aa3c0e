"""Fit a DCN, and predict with one."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from stages.data.catalogue import Catalogue
from stages.data.interactions import Bool, Float32
from stages.params import Ranking
from stages.ranking.data import Rows
from stages.ranking.dcn import Dcn
from stages.runtime import tf

PREDICTED_AT_ONCE = 8192
Batch = dict[str, np.ndarray[Any, Any]]
AfterEpoch = Callable[[int, float, Dcn], None]


def fit(
    rows: Rows, catalogue: Catalogue, known: Bool, params: Ranking, seed: int, after_epoch: AfterEpoch
) -> Dcn:
    """Train on walk-forward rows with AdamW, the learning rate falling along a cosine.

    Args:
        rows: of the fitted periods (`data.training_rows`).
        catalogue: facts of all movies.
        known: (num_movies,) movies with an id of their own.
        params: every knob.
        seed: of the initial weights, the dropouts and the order of the rows.
        after_epoch: called with the epoch (from 1), its mean squared error and the model as it stands.
    """
    tf.keras.utils.set_random_seed(seed)
    model = Dcn(catalogue, known, params)
    model.learn_scale(rows.features)
    steps = -(-len(rows) // params.batch_size) * params.epochs
    schedule = tf.keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=params.learning_rate, warmup_steps=max(1, steps // 20)
    )
    model.compile(tf.keras.optimizers.AdamW(schedule, weight_decay=params.weight_decay, jit_compile=False))
    step = tf.function(model.train_step)
    rng = np.random.default_rng(seed)
    for epoch in range(1, params.epochs + 1):
        # Losses stay tensors until the epoch is over: reading one would wait for its step.
        losses = [step(batch)["loss"] for batch in batches(rows, params.batch_size, rng)]
        after_epoch(epoch, float(np.mean([float(loss) for loss in losses])), model)
    return model


def batches(rows: Rows, size: int, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """One epoch in a random order: one permutation, then slices of it.

    Every batch has the same size, so that the graph is traced once; the last is filled up with rows of
    weight 0.
    """
    order = rng.permutation(len(rows))
    for start in range(0, len(rows), size):
        chosen = order[start : start + size]
        weight = np.zeros(size, dtype=np.float32)
        weight[: len(chosen)] = 1
        chosen = np.resize(chosen, size)
        yield {
            "features": tf.constant(rows.features[chosen]),
            "movie_index": tf.constant(rows.movie_index[chosen]),
            "rating": tf.constant(rows.rating[chosen]),
            "weight": tf.constant(weight),
        }


def predict(model: Dcn, rows: Rows) -> Float32:
    """(n,) float32 stars within 0.5 to 5."""
    parts = [slice(start, start + PREDICTED_AT_ONCE) for start in range(0, len(rows), PREDICTED_AT_ONCE)]
    stars = [
        np.asarray(model.run(tf.constant(rows.features[part]), tf.constant(rows.movie_index[part])))
        for part in parts
    ]
    return np.concatenate([np.empty(0, dtype=np.float32), *stars])
