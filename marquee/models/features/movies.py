"""What the ranker knows of movies before anyone asks: facts of the release, and what ratings said."""

from dataclasses import dataclass

import numpy as np

from marquee.data.tables.catalogue import Catalogue
from marquee.pipeline.arrays import Float32, Float64, Int32


@dataclass(frozen=True)
class MovieStatistics:
    """What a set of ratings says of every movie of the catalogue; goes into the bundle.

    Attributes:
        global_mean: () float32, stars.
        content_weights: (2 + G + L + T,) float32, the ridge regression behind `content_bias`
            (`movie_statistics.of_new_movies` applies it to movies added later).
        bias: (num_movies,) float32, damped mean of rating - global_mean - the person's own level.
        content_bias: (num_movies,) float32, the same as guessed from content alone; what `bias` is damped
            towards, so a movie nobody has rated starts there.
        spread: (num_movies,) float32, damped variance of what is left.
        count: (num_movies,) float32, ratings.
        factors: (num_movies, d) float32; the dot product of two movies says how the deviation of one
            carries over to the other. 0 for movies nobody has rated.
        taste_weights: (D, q) float32, how `taste` follows from a movie's facts and bias.
        taste: (num_movies, q) float32, z of the Gaussian process of `marquee/models/ranking/taste.py`.
    """

    global_mean: Float32
    content_weights: Float32
    bias: Float32
    content_bias: Float32
    spread: Float32
    count: Float32
    factors: Float32
    taste_weights: Float32
    taste: Float32


@dataclass(frozen=True)
class Movies:
    """Facts of the release and what ratings said by a cutoff, row by movie_index."""

    catalogue: Catalogue
    statistics: MovieStatistics

    def expected(self, movie_index: Int32) -> Float64:
        """(n,) stars expected of a movie from a person without a level of their own."""
        mean = self.statistics.global_mean.astype(np.float64)
        return np.asarray(mean + self.statistics.bias[movie_index])


def content_of(catalogue: Catalogue, movie_index: Int32) -> Float32:
    """(n, G + L) float32 what the network reads of the movies themselves: genres and language."""
    return np.concatenate([catalogue.genres[movie_index], catalogue.language[movie_index]], axis=1)
