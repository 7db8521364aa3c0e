"""The ranker: a Deep & Cross Network V2 over as-of features, predicting a rating in stars.

    x0     = [standardised features, content of the movie, embedding of its id]
    x_i+1  = x0 * (U V' x_i + b) + x_i                    (cross layers, low rank)
    rating = base + w' deep(x_last)                       (stacked; base is the first feature)

Paper: Wang et al. 2021, "DCN V2: Improved Deep & Cross Network", eqs. 1 to 3. The network corrects `base`
(`marquee/models/features/pair.py`) rather than replacing it: untrained, it already is a good linear model.
"""

from typing import Any

import numpy as np

from marquee.data.tables.catalogue import Catalogue
from marquee.models.features.movies import content_of
from marquee.models.features.pair import FEATURES
from marquee.models.training.draws import Draws
from marquee.models.training.runtime import tf, tfrs
from marquee.pipeline.arrays import Bool, Float32, Int32
from marquee.pipeline.params import Ranking

CLIP = 5.0
"""Standard deviations beyond which a feature says no more: what training never saw must not explode."""
LOWEST, HIGHEST = 0.5, 5.0
"""Stars that can be given."""
FEATURES_SPEC = tf.TensorSpec((None, len(FEATURES)), tf.float32, name="features")


class Dcn(tfrs.Model):  # type: ignore[misc]
    """Deep & Cross Network V2, stacked.

    The constants features are standardised by are weights that are not trained, saved and exported with
    the others. Content and id rows of the catalogue are for `predict_stars` alone: the export is given them
    row by row, so that a movie added later needs no new network.
    """

    def __init__(self, catalogue: Catalogue, known: Bool, params: Ranking) -> None:
        """Lay out the network.

        Args:
            catalogue: facts of all movies.
            known: (num_movies,) which have an id of their own; the others share row 0.
            params: sizes and rates.
        """
        super().__init__(name="dcn")
        self.id_dropout, self.draws = params.id_dropout, Draws()
        self.id_row = tf.constant(self.id_rows(known))
        self.content = tf.constant(content_of(catalogue, np.arange(len(catalogue), dtype=np.int32)))
        self.mean = self.add_weight("mean", (len(FEATURES),), initializer="zeros", trainable=False)
        self.scale = self.add_weight("scale", (len(FEATURES),), initializer="ones", trainable=False)
        self.id_embedding = tf.keras.layers.Embedding(
            int(known.sum()) + 1, params.embedding_dim, embeddings_initializer="zeros"
        )
        rank = params.projection_dim or None
        self.cross = [tfrs.layers.dcn.Cross(projection_dim=rank) for _ in range(params.cross_layers)]
        self.deep = [tf.keras.layers.Dense(units, activation="relu") for units in params.deep_layers]
        self.dropout = tf.keras.layers.Dropout(params.dropout)
        # Zeros: training starts at the base, not at noise around it.
        self.residual = tf.keras.layers.Dense(1, kernel_initializer="zeros")
        self.task = tfrs.tasks.Ranking(loss=tf.keras.losses.MeanSquaredError())
        movie_index = tf.TensorSpec((None,), tf.int32, name="movie_index")
        self.run = tf.function(self.predict_stars, input_signature=[FEATURES_SPEC, movie_index])
        self.predict_stars(tf.zeros((1, len(FEATURES))), tf.zeros(1, tf.int32))  # makes the variables
        self.draws.give_to(self)

    @staticmethod
    def id_rows(known: Bool) -> Int32:
        """(num_movies,) int32 1, 2, ... for movies with an id of their own, 0 for the others."""
        return np.where(known, np.cumsum(known), 0).astype(np.int32)

    def learn_scale(self, features: Float32) -> None:
        """Take mean and standard deviation from (n, len(FEATURES)) training features."""
        self.mean.assign(features.mean(axis=0, dtype=np.float64).astype(np.float32))
        deviation = features.std(axis=0, dtype=np.float64)
        self.scale.assign(np.where(deviation > 1e-6, 1 / np.maximum(deviation, 1e-6), 0).astype(np.float32))

    def call(self, features: Any, content: Any, id_row: Any, training: bool = False) -> Any:
        """(n, len(FEATURES)) and (n, G + L) float32 and (n,) int32 to (n,) stars, not yet clipped."""
        if training:
            keep = self.draws.uniform(tf.shape(id_row)) >= self.id_dropout
            id_row = id_row * tf.cast(keep, tf.int32)
        dense = tf.clip_by_value((features - self.mean) * self.scale, -CLIP, CLIP)
        x0 = tf.concat([dense, content, self.id_embedding(id_row)], axis=1)
        x = x0
        for layer in self.cross:
            x = layer(x0, x)
        for layer in self.deep:
            x = self.dropout(layer(x), training=training)
        return features[:, 0] + self.residual(x)[:, 0]

    def predict_stars(self, features: Any, movie_index: Any) -> Any:
        """(n,) stars within 0.5 to 5 for movies of the catalogue, (n,) int32."""
        content, id_row = tf.gather(self.content, movie_index), tf.gather(self.id_row, movie_index)
        return self.predict_rows(features, content, id_row)

    def predict_rows(self, features: Any, content: Any, id_row: Any) -> Any:
        """(n,) stars within 0.5 to 5: what the export holds; see `call`."""
        return tf.clip_by_value(self(features, content, id_row), LOWEST, HIGHEST)

    def get_config(self) -> dict[str, Any]:
        """Nothing: a model is built from parameters and data, its weights are all that is saved."""
        return {}

    def compute_loss(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Mean squared error of a batch; rows of weight 0 fill up the last one."""
        content = tf.gather(self.content, inputs["movie_index"])
        id_row = tf.gather(self.id_row, inputs["movie_index"])
        predicted = self(inputs["features"], content, id_row, training=training)
        weight = inputs["weight"]
        # Keras divides by the batch's size: rescale, or a padded batch would pull less hard.
        loss = self.task(inputs["rating"][:, None], predicted[:, None], sample_weight=weight[:, None])
        return loss * tf.cast(tf.size(weight), tf.float32) / tf.reduce_sum(weight)


class ExportedDcn(tf.Module):  # type: ignore[misc]
    """The ranker as a function of rows, for `tf.saved_model.save` and LiteRT.

    `predict(features, content, id_row)`: (n, len(FEATURES)) float32 of `features.pair_features`, (n, G + L)
    float32 of `movies.content_of` and (n,) int32 of `Dcn.id_rows`, 0 for a movie added later; gives (n,)
    `rating` in stars.
    """

    def __init__(self, model: Dcn) -> None:
        super().__init__()
        self.model = model
        content = tf.TensorSpec((None, model.content.shape[1]), tf.float32, name="content")
        id_row = tf.TensorSpec((None,), tf.int32, name="id_row")
        self.predict = tf.function(self._predict, input_signature=[FEATURES_SPEC, content, id_row])

    def _predict(self, features: Any, content: Any, id_row: Any) -> dict[str, Any]:
        return {"rating": self.model.predict_rows(features, content, id_row)}
