"""Candidates that are popular now, whoever asks."""

from marquee.pipeline.arrays import Float32
from marquee.serving.recommender.sources.source import Asked


def scores(asked: Asked) -> Float32:
    """(num_movies,) higher is more popular now; 0 for a movie added later."""
    return asked.index.popular
