"""Candidates whose embedding is near the query tower's answer to the history."""

from marquee.pipeline.arrays import Float32
from marquee.serving.recommender.sources.source import Asked


def scores(asked: Asked) -> Float32:
    """(num_movies,) dot product of each candidate embedding with the query."""
    return asked.index.dot(asked.query)
