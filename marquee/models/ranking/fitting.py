"""Fit a DCN, and predict with one."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from marquee.data.tables.catalogue import Catalogue
from marquee.models.ranking.dcn import Dcn
from marquee.models.ranking.rows import Rows
from marquee.models.training import weights
from marquee.models.training.checkpoint import Checkpoint
from marquee.models.training.runtime import tf
from marquee.pipeline.arrays import Bool, Float32
from marquee.pipeline.params import Ranking

PREDICTED_AT_ONCE = 8192
"""Rows whose stars are predicted in one call."""
STEPS_PER_CALL = 32
"""Steps taken within one call of the graph: calling costs a third of a step at the default sizes."""
Batch = dict[str, np.ndarray[Any, Any]]
AfterEpoch = Callable[[int, float, Dcn], None]


def fit(
    rows: Rows,
    catalogue: Catalogue,
    known: Bool,
    params: Ranking,
    seed: int,
    after_epoch: AfterEpoch,
    kept: Checkpoint | None = None,
) -> Dcn:
    """Train on walk-forward rows with AdamW, the learning rate falling along a cosine.

    Args:
        rows: of the fitted periods (`rows.training_rows`).
        catalogue: facts of all movies.
        known: (num_movies,) movies with an id of their own.
        params: every knob.
        seed: of the initial weights, the dropouts and the order of the rows.
        after_epoch: called with the epoch (from 1), its mean squared error and the model as it stands; not
            for epochs that were kept.
        kept: the training begun, to go on after its last finished epoch.
    """
    kept = kept or Checkpoint()
    tf.keras.utils.set_random_seed(seed)
    model = Dcn(catalogue, known, params)
    model.learn_scale(rows.features)
    steps = -(-len(rows) // params.batch_size) * params.epochs
    schedule = tf.keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=params.learning_rate, warmup_steps=max(1, steps // 20)
    )
    model.compile(tf.keras.optimizers.AdamW(schedule, weight_decay=params.weight_decay, jit_compile=False))
    step = train_steps(model)
    rng = np.random.default_rng(seed)
    done = kept.restore(model)
    for _ in range(done):
        rng.permutation(len(rows))
    for epoch in range(done + 1, params.epochs + 1):
        # Losses stay tensors until the epoch is over: reading one would wait for its step.
        losses = [step(several) for several in batches(rows, params.batch_size, rng)]
        loss = float(np.mean(np.concatenate(losses)))
        after_epoch(epoch, loss, model)
        kept.keep(loss, model, len(losses))
    return model


def batches(rows: Rows, size: int, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """One epoch in a random order: one permutation, then slices of it, STEPS_PER_CALL batches at a time.

    Every batch has the same size, the last is filled up with rows of weight 0.

    Yields:
        (b, size, F) `features`, (b, size) `movie_index`, `rating` and `weight`, b at most STEPS_PER_CALL.
    """
    steps = -(-len(rows) // size)
    order = np.resize(rng.permutation(len(rows)), (steps, size))
    weight = (np.arange(steps * size) < len(rows)).astype(np.float32).reshape(steps, size)
    for start in range(0, steps, STEPS_PER_CALL):
        several = slice(start, start + STEPS_PER_CALL)
        yield {
            "features": tf.constant(rows.features[order[several]]),
            "movie_index": tf.constant(rows.movie_index[order[several]]),
            "rating": tf.constant(rows.rating[order[several]]),
            "weight": tf.constant(weight[several]),
        }


def train_steps(model: Dcn) -> Any:
    """A function that takes a step for each of several `batches`, in order, and gives their losses (b,)."""

    def steps(several: dict[str, Any]) -> Any:
        return tf.map_fn(
            lambda batch: model.train_step(batch)["loss"],
            several,
            parallel_iterations=1,
            fn_output_signature=tf.float32,
        )

    return tf.function(steps, reduce_retracing=True)


def load(path: Path, catalogue: Catalogue, known: Bool, params: Ranking) -> Dcn:
    """The DCN that was fitted with these, from its weights."""
    model = Dcn(catalogue, known, params)
    weights.read(model, path)
    return model


def predict(model: Dcn, rows: Rows) -> Float32:
    """(n,) float32 stars within 0.5 to 5."""
    parts = [slice(start, start + PREDICTED_AT_ONCE) for start in range(0, len(rows), PREDICTED_AT_ONCE)]
    stars = [
        np.asarray(model.run(tf.constant(rows.features[part]), tf.constant(rows.movie_index[part])))
        for part in parts
    ]
    return np.concatenate([np.empty(0, dtype=np.float32), *stars])
