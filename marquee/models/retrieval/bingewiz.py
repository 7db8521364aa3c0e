"""The two-tower as BingeWiz' authors describe theirs, to compare with: `retrieval.tower: bingewiz`.

A movie is its content alone: neither movies nor people have ids. The user tower reads the watch history,
each movie's vector beside its rating minus the person's mean: self-attention, the mean over the rows,
Dense(128), Dense(d). The text vectors are fixed; learned is the path from them to d, which the candidates
take too. No bias and no curve over age: their places in a query are zero, so that all that reads our towers
reads these.

Source: Xmartlabs' post on BingeWiz' user tower. Attention is causal here, so that the tower trains at every
position of a history, as ours does.
"""

from typing import Any

from marquee.data.tables.catalogue import Catalogue
from marquee.models.features.history import HISTORY_FEATURES
from marquee.models.retrieval.two_tower import AGE_PERIODS, Known, MovieEncoder, TwoTower
from marquee.models.training.runtime import tf
from marquee.pipeline.params import Retrieval

HIDDEN = 128
"""Width of the layer behind the mean over the history, as its authors have it."""
CENTRED = HISTORY_FEATURES.index("rating_minus_mean")


class ContentEncoder(MovieEncoder):
    """A movie's vector from its content alone."""

    def embed(self, content: Any, names: Any, id_row: Any) -> Any:
        """Content (…, C) to (…, dim + 1); names (…, N) and id rows (…,) change nothing."""
        return self.content_out(self.content_hidden(content))


class MeanOfAttention(tf.keras.layers.Layer):  # type: ignore[misc]
    """Self-attention over a history and the mean of its rows; a query is read off after any of them."""

    def __init__(self, params: Retrieval) -> None:
        super().__init__(name="query_tower")
        size = params.embedding_dim // params.heads
        self.attention = tf.keras.layers.MultiHeadAttention(params.heads, size, dropout=params.dropout)
        self.hidden = tf.keras.layers.Dense(HIDDEN, activation="relu")
        self.drop = tf.keras.layers.Dropout(params.dropout)
        self.out = tf.keras.layers.Dense(params.embedding_dim)

    def encode(self, vectors: Any, features: Any, training: bool = False) -> Any:
        """Histories (b, length, dim), (b, length, F) to states (b, length + 1, dim + 1); the first is 0."""
        rows = tf.concat([vectors, features[..., CENTRED : CENTRED + 1]], axis=-1)
        attended = self.attention(rows, rows, use_causal_mask=True, training=training)
        count = tf.range(1, tf.shape(rows)[1] + 1)
        mean = tf.cumsum(attended, axis=1) / tf.cast(count, tf.float32)[:, None]
        return tf.concat([tf.zeros_like(mean[:, :1]), mean], axis=1)

    def read(self, state: Any, context: Any, now: Any, training: bool = False) -> Any:
        """States (n, dim + 1) to queries (n, dim + 1 + waves), 0 behind the vector; nothing else is read."""
        vector = self.out(self.drop(self.hidden(state), training=training))
        return tf.pad(vector, [[0, 0], [0, 1 + 2 * len(AGE_PERIODS)]])


class BingeWiz(TwoTower):
    """Both towers, trained by the same loss on the same windows as ours."""

    def make_towers(self, catalogue: Catalogue, known: Known, params: Retrieval) -> tuple[Any, Any]:
        """The movie encoder and the query tower."""
        return ContentEncoder(catalogue, known, params, self.draws), MeanOfAttention(params)
