"""The two-tower: a query tower over a watch history, a candidate tower over a movie.

Both towers read movies through one `MovieEncoder`, so a movie that was never rated has a place in a
history as well as among the candidates. The score is a dot product of three parts:

    score(query, movie, now) = q . m + b(movie) + sum_k a_k cos(w_k (now - release)) + c_k sin(...)

The last is a learned curve over the movie's age at the time of the query, written so that it splits
into a query part and a candidate part (the addition theorem); a curve over age, not over dates, still
holds for dates after the fitted period.

Papers: Yi et al. 2019 (sampled softmax with logQ), Kang & McAuley 2018 (causal attention over a
history, trained at every position), Volkovs et al. 2017 (DropoutNet: hiding ids so that content learns).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marquee.data.tables.catalogue import Catalogue
from marquee.models.retrieval.sampling import (
    SampledSoftmax,
    inclusion_probability,
    seen_before,
    step_candidates,
)
from marquee.models.training.draws import Draws
from marquee.models.training.runtime import tf, tfrs
from marquee.pipeline.arrays import Float32, Int32
from marquee.pipeline.params import Retrieval

AGE_PERIODS = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""Years that the waves of the curve over age take."""
REFERENCE_YEAR = 2000.0
"""Keeps the angles small; it cancels in the difference."""


@dataclass(frozen=True)
class Known:
    """What the fitted period knows of the movies.

    Attributes:
        movies: (m,) int32, movies with enough interactions to have an id of their own.
        frequency: (num_movies,) float32, share of the interactions.
    """

    movies: Int32
    frequency: Float32

    def id_rows(self, num_movies: int) -> Int32:
        """(num_movies,) int32, each movie's row of the id embedding; 0: it has none of its own."""
        rows = np.zeros(num_movies, dtype=np.int32)
        rows[self.movies] = np.arange(1, len(self.movies) + 1)
        return rows


def age_waves(years: Any) -> Any:
    """(…,) years to (…, 2 x periods): cosines, then sines, of the date."""
    angle = (years[..., None] - REFERENCE_YEAR) * tf.constant(
        [2 * np.pi / p for p in AGE_PERIODS], tf.float32
    )
    return tf.concat([tf.cos(angle), tf.sin(angle)], axis=-1)


class MovieEncoder(tf.keras.layers.Layer):  # type: ignore[misc]
    """A movie's vector: its content, and its id where it has one and the id is not hidden."""

    def __init__(self, catalogue: Catalogue, known: Known, params: Retrieval, draws: Draws) -> None:
        super().__init__(name="movie_encoder")
        self.id_dropout, self.draws = params.id_dropout, draws
        self.content, self.names = tf.constant(catalogue.content), tf.constant(catalogue.names)
        self.release = tf.constant(catalogue.release)
        self.id_row = tf.constant(known.id_rows(len(catalogue)))
        small = tf.keras.initializers.RandomNormal(stddev=0.05)
        self.id_embedding = tf.keras.layers.Embedding(
            len(known.movies) + 1, params.embedding_dim + 1, embeddings_initializer=small
        )
        num_names = int(catalogue.names.max(initial=0))
        self.name_embedding = tf.keras.layers.Embedding(num_names + 1, params.embedding_dim + 1)
        self.content_hidden = tf.keras.layers.Dense(2 * params.embedding_dim, activation="relu")
        self.content_out = tf.keras.layers.Dense(params.embedding_dim + 1)

    def call(self, movie_index: Any, training: bool = False) -> Any:
        """(…,) int32 to (…, dim + 1): the vector, then the movie's own bias."""
        rows, names = tf.gather(self.id_row, movie_index), tf.gather(self.names, movie_index)
        if training:
            rows, names = self.hidden(rows), self.hidden(names)
        return self.embed(tf.gather(self.content, movie_index), names, rows)

    def hidden(self, numbers: Any) -> Any:
        """Some numbers, drawn at random, turned into 0."""
        return numbers * tf.cast(self.draws.uniform(tf.shape(numbers)) >= self.id_dropout, tf.int32)

    def embed(self, content: Any, names: Any, id_row: Any) -> Any:
        """Movies of the catalogue or not, content (…, C), names (…, N) and id rows (…,), to (…, dim + 1)."""
        known = tf.where(names < self.name_embedding.input_dim, names, 0)  # a new movie may have later ones
        named = tf.cast(known > 0, tf.float32)[..., None]
        of_names = tf.reduce_sum(self.name_embedding(known) * named, axis=-2)
        of_names = of_names / tf.sqrt(1.0 + tf.reduce_sum(named, axis=-2))
        return self.content_out(self.content_hidden(content)) + of_names + self.id_embedding(id_row)


class QueryTower(tf.keras.layers.Layer):  # type: ignore[misc]
    """Causal attention over a history; a query is read off after any of its rows.

    Beside the attention runs a gated sum of the history, the linear part that item-item models live on.
    A learned start row stands before the history, so an empty history has a query too. Causality makes
    padding harmless: nothing looks to the right.
    """

    def __init__(self, params: Retrieval, draws: Draws) -> None:
        super().__init__(name="query_tower")
        dim = params.embedding_dim
        self.dim, self.history_dropout, self.draws = dim, params.history_dropout, draws
        self.input_dense = tf.keras.layers.Dense(dim)
        self.value, self.gate = tf.keras.layers.Dense(dim), tf.keras.layers.Dense(1, activation="sigmoid")
        self.blocks = [Block(dim, params.heads, params.dropout) for _ in range(params.blocks)]
        self.final_norm = tf.keras.layers.LayerNormalization()
        self.hidden = tf.keras.layers.Dense(2 * dim, activation="relu")
        self.drop = tf.keras.layers.Dropout(params.dropout)
        self.out = tf.keras.layers.Dense(dim + 2 * len(AGE_PERIODS))
        self.direct = tf.keras.layers.Dense(dim, use_bias=False)
        self.start = self.add_weight("start", (1, 1, dim), initializer="random_normal")
        self.position = self.add_weight("position", (params.history_length, dim), initializer="random_normal")

    def encode(self, vectors: Any, features: Any, training: bool = False) -> Any:
        """Histories (b, length, dim), (b, length, F) to states (b, length + 1, 2 x dim)."""
        if training and self.history_dropout:
            keep = self.draws.uniform(tf.shape(vectors)[:2]) >= self.history_dropout
            keep = tf.cast(keep, tf.float32)[..., None]
            vectors, features = vectors * keep, features * keep
        rows = self.drop(self.input_dense(tf.concat([vectors, features], axis=-1)), training=training)
        state = tf.concat(
            [tf.tile(self.start, [tf.shape(rows)[0], 1, 1]), rows + self.position[: tf.shape(rows)[1]]],
            axis=1,
        )
        for block in self.blocks:
            state = block(state, training=training)
        return tf.concat([self.final_norm(state), self.running_sum(rows, features)], axis=-1)

    def running_sum(self, rows: Any, features: Any) -> Any:
        """(b, length, dim) to (b, length + 1, dim): the gated sum before each row, scaled to stay even."""
        gate = self.gate(features)
        total = tf.cumsum(self.value(rows) * gate, axis=1)
        total = total / tf.sqrt(1.0 + tf.cumsum(gate * gate, axis=1))
        return tf.concat([tf.zeros_like(total[:, :1]), total], axis=1)

    def read(self, state: Any, context: Any, now: Any, training: bool = False) -> Any:
        """States (n, 2 x dim), query features (n, Q) and years (n,) to queries (n, dim + 1 + waves).

        The parts face those of a candidate: vector, 1 for the bias, and the age curve turned to now.
        """
        hidden = self.hidden(tf.concat([state, context], axis=-1))
        vector, curve = tf.split(
            self.out(self.drop(hidden, training=training)), [self.dim, 2 * len(AGE_PERIODS)], axis=-1
        )
        vector = vector + self.direct(state)
        a, c = tf.split(curve, 2, axis=-1)
        cos, sin = tf.split(age_waves(now), 2, axis=-1)
        # a cos(w(t - r)) + c sin(w(t - r)) = (a cos wt + c sin wt) cos wr + (a sin wt - c cos wt) sin wr
        turned = tf.concat([a * cos + c * sin, a * sin - c * cos], axis=-1)
        return tf.concat([vector, tf.ones_like(vector[:, :1]), turned], axis=-1)


class Block(tf.keras.layers.Layer):  # type: ignore[misc]
    """One pre-norm attention block."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norms = [tf.keras.layers.LayerNormalization() for _ in range(2)]
        self.attention = tf.keras.layers.MultiHeadAttention(heads, dim // heads, dropout=dropout)
        self.wide = tf.keras.layers.Dense(2 * dim, activation="relu")
        self.narrow = tf.keras.layers.Dense(dim)
        self.drop = tf.keras.layers.Dropout(dropout)

    def call(self, state: Any, training: bool = False) -> Any:
        """(b, t, dim) to (b, t, dim); row t sees rows up to t."""
        normed = self.norms[0](state)
        attended = self.attention(normed, normed, use_causal_mask=True, training=training)
        state = state + self.drop(attended, training=training)
        wide = self.wide(self.norms[1](state))
        return state + self.drop(self.narrow(wide), training=training)


class TwoTower(tfrs.Model):  # type: ignore[misc]
    """Both towers and their loss, trained at every position of every history window."""

    def __init__(self, catalogue: Catalogue, known: Known, params: Retrieval) -> None:
        super().__init__()
        self.draws = Draws()
        self.encoder, self.query_tower = self.make_towers(catalogue, known, params)
        self.task = SampledSoftmax()
        self.cold_bonus = params.cold_bonus
        self.known = tf.constant(known.movies)
        self.frequency = tf.constant(known.frequency)
        self.uniform_negatives = params.uniform_negatives
        self.all_known = params.uniform_negatives >= len(known.movies)

    def make_towers(self, catalogue: Catalogue, known: Known, params: Retrieval) -> tuple[Any, Any]:
        """The movie encoder and the query tower."""
        return MovieEncoder(catalogue, known, params, self.draws), QueryTower(params, self.draws)

    def get_config(self) -> dict[str, Any]:
        """Nothing: a model is built from parameters and data, its weights are all that is saved."""
        return {}

    def candidates(self, movie_index: Any, training: bool = False) -> Any:
        """Movies (c,) to candidate embeddings (c, dim + 1 + waves)."""
        encoder = self.encoder
        release = tf.gather(encoder.release, movie_index)
        if training:
            return tf.concat([encoder(movie_index, training=True), age_waves(release)], axis=-1)
        content, names = tf.gather(encoder.content, movie_index), tf.gather(encoder.names, movie_index)
        return self.embed(content, names, tf.gather(encoder.id_row, movie_index), release)

    def embed(self, content: Any, names: Any, id_row: Any, release: Any) -> Any:
        """`candidates` of movies that need not be in the catalogue.

        content (c, C), names (c, N) int32, id rows (c,) int32, release (c,) to (c, dim + 1 + waves).

        Movies without an id get `cold_bonus`: how many of the new are found, at the expense of the old.
        """
        vector, bias = tf.split(self.encoder.embed(content, names, id_row), [-1, 1], axis=-1)
        bias = bias + self.cold_bonus * tf.cast(tf.equal(id_row, 0), tf.float32)[:, None]
        return tf.concat([vector, bias, age_waves(tf.cast(release, tf.float32))], axis=-1)

    def history_vectors(self, movie_index: Any, training: bool = False) -> Any:
        """Movies (…,) to the vectors a history is made of (…, dim)."""
        return self.encoder(movie_index, training=training)[..., :-1]

    def queries(self, batch: dict[str, Any], training: bool = False) -> Any:
        """One query for each target of a batch (`batches.py`), (n, dim + 1 + waves)."""
        vectors = self.history_vectors(batch["movie_index"], training=training)
        state = self.query_tower.encode(vectors, batch["features"], training=training)
        at = tf.gather_nd(state, batch["read_at"])
        return self.query_tower.read(at, batch["context"], batch["now"], training=training)

    def compute_loss(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Sampled (or full) softmax over the step's candidates."""
        queries = self.queries(inputs, training=training)
        draws = None if self.all_known else self.draws
        ids, positions = step_candidates(inputs["target"], self.known, self.uniform_negatives, draws)
        probability = None
        if not self.all_known:
            rate = self.uniform_negatives / len(self.known)
            probability = inclusion_probability(
                tf.gather(self.frequency, ids), tf.shape(inputs["target"])[0], rate
            )
        candidates = self.candidates(ids, training=training)
        seen = seen_before(inputs["movie_index"], inputs["read_at"], ids)
        return self.task(queries, candidates, positions, inputs["weight"], probability, seen)
