"""From trained TensorFlow models to LiteRT, float32."""

import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np

from stages import params
from stages.data.features import HISTORY_FEATURES, QUERY_FEATURES
from stages.data.interactions import Float32, Interactions
from stages.evaluation.events import Events
from stages.retrieval.two_tower import QueryTower, TwoTower
from stages.runtime import tf
from stages.serving import histories, recommender
from stages.serving.bundle import Bundle
from stages.serving.litert import SIGNATURE

TOLERANCE = 1e-3
CHECKED_MOVIES = 300


class ConversionError(ValueError):
    """An exported model does not answer as the trained one does."""


def query_function(tower: QueryTower, length: int, dim: int) -> Any:
    """The query tower as a function of one padded history.

    The movies' vectors come in from outside (`Bundle.history_vectors`), so that a movie added to the
    catalogue needs no new tower.
    """

    def query(vectors: Any, features: Any, read_at: Any, context: Any, now: Any) -> dict[str, Any]:
        state = tf.gather(tower.encode(vectors, features)[0], read_at)
        return {"query": tower.read(state, context, now)}

    return tf.function(
        query,
        input_signature=[
            tf.TensorSpec((1, length, dim), tf.float32, name="vectors"),
            tf.TensorSpec((1, length, len(HISTORY_FEATURES)), tf.float32, name="features"),
            tf.TensorSpec((1,), tf.int32, name="read_at"),
            tf.TensorSpec((1, len(QUERY_FEATURES)), tf.float32, name="context"),
            tf.TensorSpec((1,), tf.float32, name="now"),
        ],
    )


def to_litert(function: Any, variables: list[Any]) -> bytes:
    """Convert a function with a signature and the variables it reads; equal weights give equal bytes."""
    # Bare variables: a Keras model would be saved with its configuration, which ours do not have.
    module = tf.Module()
    module.held = variables
    # A folder of its own outside the repository: DVC's and Git's folders see nothing that is half-made.
    with tempfile.TemporaryDirectory(prefix="marquee-export-") as folder:
        tf.saved_model.save(module, folder, signatures={SIGNATURE: function})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        return bytes(converter.convert())


def candidate_embeddings(model: TwoTower, num_movies: int, dim: int) -> Float32:
    """(num_movies, dim + 1 + waves) of the whole catalogue; the first `dim` columns are the history vectors.

    Raises:
        ConversionError: a history is made of other vectors, so the bundle would have to hold them as well.
    """
    every = tf.range(num_movies)
    candidates = np.asarray(model.candidates(every))
    if not np.array_equal(candidates[:, :dim], np.asarray(model.history_vectors(every))):
        raise ConversionError(
            "The first columns of the candidate embeddings are not the vectors a history is made of. "
            "Write both into catalogue.npz and read them in stages/serving/bundle.py."
        )
    return candidates


def largest_differences(
    bundle: Bundle,
    queries: Float32,
    predict_stars: Callable[[Any, Any], Any],
    interactions: Interactions,
    events: Events,
) -> dict[str, float]:
    """How far the exported models, asked as the service asks them, are from TensorFlow.

    Args:
        bundle: what was exported.
        queries: (e, D) TensorFlow's queries of the events.
        predict_stars: TensorFlow's ranker, (features, movie_index) -> stars.
        interactions: the table of the events.
        events: a few; a call each.

    Returns:
        `retrieval_score` over the whole catalogue and `predicted_rating` in stars, six decimals.

    Raises:
        ConversionError: a difference above the tolerance.
    """
    asked = recommender.Recommender(bundle, params.Recommender(num_candidates=1, rating_weight=0.0))
    movies = np.arange(min(CHECKED_MOVIES, len(bundle.candidates)), dtype=np.int32)
    largest = {"retrieval_score": 0.0, "predicted_rating": 0.0}
    for position in range(len(events)):
        history, now = histories.of_event(interactions, events, position)
        scores = bundle.candidates @ (asked.query(history, now) - queries[position])
        described = asked.describe(history, movies, now)
        stars = asked.predict_stars(described, movies) - np.asarray(predict_stars(described, movies))
        for name, difference in (("retrieval_score", scores), ("predicted_rating", stars)):
            largest[name] = max(largest[name], round(float(np.abs(difference).max()), 6))
    for name, difference in largest.items():
        if not difference <= TOLERANCE:
            raise ConversionError(
                f"LiteRT's {name} differs from TensorFlow's by {difference}, more than {TOLERANCE}: "
                "the exported model is not the trained one. Report it with the versions in requirements.lock."
            )
    return largest
