"""Fit a two-tower, and score events with one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import Interactions
from marquee.evaluation.measures.events import Events
from marquee.models.retrieval.batches import (
    Batch,
    Histories,
    epoch_order,
    event_batch,
    known_movies,
    target_weights,
    training_batches,
    training_windows,
)
from marquee.models.retrieval.bingewiz import BingeWiz
from marquee.models.retrieval.two_tower import TwoTower
from marquee.models.training import weights
from marquee.models.training.checkpoint import Checkpoint
from marquee.models.training.runtime import tf
from marquee.pipeline.arrays import Float32
from marquee.pipeline.params import PreprocessData, Retrieval

SCORING_BATCH = 512
"""Events whose queries are computed at once."""
TWO_TOWERS = {"history": TwoTower, "bingewiz": BingeWiz}
"""What `retrieval.tower` names."""


class FittingError(ValueError):
    """Nothing to fit on; the message names the parameter to change."""


@dataclass(frozen=True)
class FittedTwoTower:
    """A two-tower and the catalogue and settings it goes with."""

    model: TwoTower
    catalogue: Catalogue
    params: Retrieval

    @cached_property
    def encode(self) -> Callable[[Batch], Any]:
        """`TwoTower.queries` as a graph, traced once: tracing takes a second."""
        return tf.function(self.model.queries, reduce_retracing=True)  # type: ignore[no-any-return]

    def candidate_embeddings(self) -> Float32:
        """(num_movies, dim + 1 + waves) of the whole catalogue."""
        return np.asarray(self.model.candidates(tf.range(len(self.catalogue))))

    def queries(self, histories: Histories, events: Events) -> Float32:
        """(e, dim + 1 + waves), in batches."""
        parts = [
            np.asarray(self.encode(event_batch(histories, chunk, self.params.history_length)))
            for chunk in _chunks(events)
        ]
        return np.concatenate(parts)

    def scorer(self, interactions: Interactions) -> Callable[[Events], Float32]:
        """A function from events on `interactions` to (e, num_movies) scores."""
        histories = Histories(interactions, self.catalogue)
        candidates = self.candidate_embeddings().T.copy()

        def score(events: Events) -> Float32:
            batch = event_batch(histories, events, self.params.history_length)
            return np.asarray(self.encode(batch)) @ candidates

        return score


def build(
    fitted: Interactions, catalogue: Catalogue, params: Retrieval, preprocessing: PreprocessData
) -> FittedTwoTower:
    """A two-tower with its variables made, before any training; weights can be loaded into it."""
    known = known_movies(fitted, preprocessing.min_movie_interactions)
    model = TWO_TOWERS[params.tower](catalogue, known, params)
    histories = Histories(fitted.only(np.arange(len(fitted)) < 1), catalogue)
    first = Events(*(np.zeros(1, dtype=np.int64) for _ in range(3)))
    model.queries(event_batch(histories, first, params.history_length))
    model.draws.give_to(model)
    return FittedTwoTower(model, catalogue, params)


def load(
    path: Path, fitted: Interactions, catalogue: Catalogue, params: Retrieval, preprocessing: PreprocessData
) -> FittedTwoTower:
    """The two-tower that was fitted on the interactions, from its weights."""
    two_tower = build(fitted, catalogue, params, preprocessing)
    weights.read(two_tower.model, path)
    return two_tower


def fit(
    fitted: Interactions,
    catalogue: Catalogue,
    params: Retrieval,
    preprocessing: PreprocessData,
    seed: int,
    after_epoch: Callable[[int, float, FittedTwoTower], None],
    kept: Checkpoint | None = None,
) -> FittedTwoTower:
    """Train on the interactions of the fitted period.

    Args:
        fitted: only rows that may be learned from, and CONTEXT rows as history.
        catalogue: facts of all movies.
        params: every knob.
        preprocessing: what counts as positive, and minimum counts.
        seed: of the order of the windows; TensorFlow's own draws follow `start_tensorflow`.
        after_epoch: called with the epoch (from 1), its mean loss and the model as it stands; not for epochs
            that were kept.
        kept: the training begun, to go on after its last finished epoch.
    """
    kept = kept or Checkpoint()
    two_tower = build(fitted, catalogue, params, preprocessing)
    windows = training_windows(fitted, params.history_length, preprocessing.min_user_interactions)
    weight = target_weights(fitted, params, preprocessing.positive_rating)
    histories = Histories(fitted, catalogue)
    rng = np.random.default_rng(seed)
    steps = -(-min(len(windows.start), params.max_windows) // params.batch_size) * params.epochs
    schedule = tf.keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=params.learning_rate, warmup_steps=max(1, steps // 20)
    )
    two_tower.model.compile(tf.keras.optimizers.AdamW(schedule, weight_decay=params.weight_decay))
    dataset = _dataset(lambda: training_batches(histories, windows, weight, params, rng))
    done = kept.restore(two_tower.model)
    for _ in range(done):
        epoch_order(windows, weight, params.max_windows, rng)
    if done:  # known, as after a first epoch: else Keras tries one step too many, and that decays weights
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(kept.steps))
    losses: list[float] = []  # of an epoch's steps; Keras would report the last one only

    def report(epoch: int, _: object) -> None:
        if epoch == 0:  # from then on Keras knows how many batches there are
            two_tower.model.draws.after_last_batch()
        loss = float(np.mean(losses))
        after_epoch(epoch + 1, loss, two_tower)
        kept.keep(loss, two_tower.model, len(losses))
        losses.clear()

    callback = tf.keras.callbacks.LambdaCallback(
        on_epoch_end=report, on_train_batch_end=lambda _, logs: losses.append(float(logs["loss"]))
    )
    two_tower.model.fit(dataset, initial_epoch=done, epochs=params.epochs, callbacks=[callback], verbose=0)
    return two_tower


def _dataset(batches: Callable[[], Iterator[Batch]]) -> tf.data.Dataset:
    """A data set of one epoch's batches; sizes differ from batch to batch."""
    one = next(batches(), None)
    if one is None:
        raise FittingError(
            "The two-tower has nobody to learn from: no person has preprocess_data.min_user_interactions "
            "ratings in the fitted period. Lower it, or move the cutoffs later."
        )
    signature = {name: tf.TensorSpec([None] * array.ndim, array.dtype) for name, array in one.items()}
    fixed = {name: array.shape[1:] for name, array in one.items()}
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return dataset.map(
        lambda batch: {name: tf.ensure_shape(x, [None, *fixed[name]]) for name, x in batch.items()}
    ).prefetch(1)


def _chunks(events: Events) -> Iterator[Events]:
    for start in range(0, len(events), SCORING_BATCH):
        keep = slice(start, start + SCORING_BATCH)
        yield Events(events.rows[keep], events.history_start[keep], events.history_end[keep])
