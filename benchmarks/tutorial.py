"""The TensorFlow Recommenders tutorials' way: rows through tf.data, one example per row, in-batch softmax.

"Basic retrieval": from_tensor_slices of (user, movie), shuffled row by row, batched, two embeddings,
`tfrs.tasks.Retrieval`, Adagrad at 0.1. "Deep & Cross": one column per feature, shuffled row by row.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.clock import Moment, Rate
from marquee.data.tables.interactions import Interactions
from marquee.evaluation.measures.events import Events
from marquee.evaluation.measures.ranks import Scorer
from marquee.models.features.pair import FEATURES
from marquee.models.ranking.rows import Rows
from marquee.models.retrieval.batches import Histories, event_batch
from marquee.models.retrieval.two_tower import TwoTower
from marquee.models.training.runtime import tf, tfrs
from marquee.pipeline.arrays import Float32, Int32

SHUFFLED_ROWS = 100_000
BATCH_SIZE = 1024
"""The tutorials take 4096 and 8192, which is slower here: the softmax is batch x batch."""
LEARNING_RATE = 0.1

Columns = Mapping[str, npt.NDArray[Any]]


class Rebuilt(tfrs.Model):  # type: ignore[misc]
    """A model that is never saved, only fitted again."""

    def get_config(self) -> dict[str, Any]:
        """Nothing; without this Keras warns."""
        return {}


class IdTowers(Rebuilt):
    """A user embedding against a movie embedding; ids that were not fitted share row 0 of each."""

    def __init__(self, fitted: Interactions, dim: int) -> None:
        super().__init__()
        user_rows = rows_of_known(fitted.user_index, fitted.num_users)
        movie_rows = rows_of_known(fitted.movie_index, fitted.num_movies)
        self.user_row, self.movie_row = tf.constant(user_rows), tf.constant(movie_rows)
        self.user_embedding = tf.keras.layers.Embedding(int(user_rows.max()) + 1, dim)
        self.movie_embedding = tf.keras.layers.Embedding(int(movie_rows.max()) + 1, dim)
        self.task = tfrs.tasks.Retrieval()

    def compute_loss(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """In-batch softmax."""
        users = self.user_embedding(tf.gather(self.user_row, inputs["user_index"]))
        movies = self.movie_embedding(tf.gather(self.movie_row, inputs["movie_index"]))
        return self.task(users, movies, compute_metrics=False)

    def scorer(self, interactions: Interactions) -> Scorer:
        """Score events on `interactions` by who asks."""
        users = np.asarray(self.user_embedding(self.user_row))
        movies = np.asarray(self.movie_embedding(self.movie_row)).T.copy()

        def score(events: Events) -> Float32:
            scores: Float32 = users[interactions.user_index[events.rows]] @ movies
            return scores

        return score


class FedByFit(Rebuilt):
    """A model for `fit`, which refuses one whose `call` takes several arguments."""

    def __init__(self, inner: tfrs.Model) -> None:
        super().__init__()
        self.inner = inner

    def compute_loss(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """The inner model's loss."""
        return self.inner.compute_loss(inputs, training=training)


class PaddedHistories(Rebuilt):
    """Our towers under the tutorial's task: one example is one padded history and the movie after it."""

    def __init__(self, towers: TwoTower, metrics: tfrs.metrics.FactorizedTopK | None = None) -> None:
        super().__init__()
        self.towers = towers
        self.task = tfrs.tasks.Retrieval(metrics=metrics)

    def compute_loss(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """In-batch softmax; top-k metrics in evaluation only, as the later tutorials do."""
        read_at = tf.stack([tf.range(tf.size(inputs["length"])), inputs["length"]], axis=1)
        queries = self.towers.queries({**inputs, "read_at": read_at}, training=training)
        candidates = self.towers.candidates(inputs["target"], training=training)
        return self.task(queries, candidates, candidate_ids=inputs["target"], compute_metrics=not training)


def rows_of_known(ids: Int32, count: int) -> Int32:
    """(count,) 1, 2, ... for ids that occur, in order of the id; 0 for those that do not."""
    occurs = np.bincount(ids, minlength=count) > 0
    return np.where(occurs, np.cumsum(occurs), 0).astype(np.int32)


def id_columns(fitted: Interactions) -> Columns:
    """One row per interaction: who, and which movie."""
    return {"user_index": fitted.user_index, "movie_index": fitted.movie_index}


def history_columns(histories: Histories, events: Events, length: int) -> Columns:
    """One row per event: a history of its own, padded with zeros, and the movie after it.

    Beside what `event_batch` gives, `length` (n,) int32 is how much of the window the event has seen, and
    `target` (n,) int32 its movie.
    """
    batch = dict(event_batch(histories, events, length))
    window, seen = batch.pop("read_at").T
    before = np.arange(length) < seen[:, None]
    return {
        **batch,
        "movie_index": np.where(before, batch["movie_index"][window], 0).astype(np.int32),
        "features": batch["features"][window] * before[..., None].astype(np.float32),
        "length": seen,
        "target": histories.interactions.movie_index[events.rows],
    }


def feature_columns(rows: Rows) -> Columns:
    """One column per feature, as the ranking tutorials read a table."""
    named = {name: rows.features[:, column].copy() for column, name in enumerate(FEATURES)}
    return {**named, "movie_index": rows.movie_index, "rating": rows.rating}


def gathered(columns: dict[str, Any]) -> dict[str, Any]:
    """Inputs of the DCN, from a batch of `feature_columns`."""
    return {
        "features": tf.stack([columns[name] for name in FEATURES], axis=1),
        "movie_index": columns["movie_index"],
        "rating": columns["rating"],
        "weight": tf.ones_like(columns["rating"]),
    }


def shuffled_batches(columns: Columns, batch_size: int, seed: int) -> tf.data.Dataset:
    """The tutorials' input: a buffer of rows shuffled one by one, then batched."""
    rows = tf.data.Dataset.from_tensor_slices(dict(columns))
    return rows.shuffle(SHUFFLED_ROWS, seed=seed).batch(batch_size, drop_remainder=True)


def fit_for(model: tf.keras.Model, batches: tf.data.Dataset, batch_size: int, seconds: float) -> Rate:
    """`model.fit` until time is up; the rate leaves the first step out, which traces the graph."""
    progress = _Until(seconds)
    model.fit(batches.repeat(), steps_per_epoch=10**9, epochs=1, verbose=0, callbacks=[progress])
    return Rate.between(progress.moments[0], progress.moments[-1], progress.steps * batch_size)


class _Until(tf.keras.callbacks.Callback):  # type: ignore[misc]
    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.deadline, self.steps = Moment.now().wall + seconds, -1
        self.moments: list[Moment] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.steps += 1
        self.moments = [*self.moments[:1], Moment.now()]
        # Two steps at least: there is no rate of one.
        self.model.stop_training = self.steps > 0 and self.moments[-1].wall > self.deadline
