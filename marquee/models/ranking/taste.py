"""How a person's ratings carry over from movie to movie: a Gaussian process over what movies are.

    rating - level of the movie = u . z(movie) + noise,    u ~ N(0, I), noise ~ N(0, 1)

z holds one constant (the person's own level), genres, decade of release, the movie's level (who is strict
with weak films) and text, each group scaled to the covariance that people's ratings show, then turned to
the few directions that matter most. Given a history with rows Z and deviations r, in the noise's unit,

    u | history ~ N(C Z' r, C),    C = (I + Z' Z)^-1

(Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", eq. 2.8). Sums over a history are
all it takes, so the order within a sitting cannot matter.
"""

import numpy as np
import scipy.optimize

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import Interactions
from marquee.pipeline.arrays import Float32, Float64, Int32

DIRECTIONS = 16
"""On three windows of ml-latest-small, 8 are worse by 0.007 stars and 32 no better."""
PAIRS = 100_000
"""Pairs of ratings that the covariances are learned from."""
DECADES = np.arange(1920.0, 2031.0, 10.0)
"""Years between which a movie's release is placed."""
LEAST_NOISE = 0.1
"""Stars squared; chance may give the covariances all there is."""


def fit(
    past: Interactions, deviation: Float64, catalogue: Catalogue, bias: Float32, seed: int
) -> tuple[Float64, Float64]:
    """Learn how strongly deviations carry over, and along which directions.

    The covariance of two ratings of one person is taken to be a sum over groups of weight x likeness of
    the movies; the weights are a non-negative regression of products of deviations on likeness, over
    random pairs. Directions are the leading ones over the ratings (PCA).

    Args:
        past: ratings before the cutoff.
        deviation: (n,) rating minus the movie's level, stars.
        catalogue: facts of all movies.
        bias: (num_movies,) level of each, above the mean.
        seed: of the pairs.

    Returns:
        weights (D, DIRECTIONS or D if that is less), so that z = `described` @ weights, and z,
        (num_movies, ...).
    """
    movies, group = described(catalogue, bias), _groups(catalogue)
    first, second = _pairs(past, seed)
    one, other = movies[past.movie_index[first]], movies[past.movie_index[second]]
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    likeness = np.add.reduceat(one * other, starts, axis=1)
    # One pseudo-pair per group, without covariance: groups that say the same, or no pair, are no error.
    likeness = np.append(likeness, np.eye(len(starts)), axis=0)
    product = np.append(deviation[first] * deviation[second], np.zeros(len(starts)))
    weight, _ = scipy.optimize.nnls(likeness, product)
    scaled = movies * np.sqrt(weight)[group]
    count = np.bincount(past.movie_index, minlength=past.num_movies)
    covariance = (scaled * count[:, None]).T @ scaled / max(len(past), 1)
    noise = np.square(deviation).sum() / max(len(past), 1) - np.trace(covariance)
    _, directions = np.linalg.eigh(covariance)  # ascending
    turned = directions[:, ::-1][:, :DIRECTIONS] / np.sqrt(max(noise, LEAST_NOISE))
    weights = np.sqrt(weight)[group][:, None] * turned
    return weights, movies @ weights


def described(catalogue: Catalogue, bias: Float32) -> Float64:
    """(num_movies, D) float64 the columns that z is made of; `_groups` says which belong together."""
    genres = (catalogue.genres > 0).astype(np.float64)
    genres /= np.sqrt(np.maximum(genres.sum(axis=1, keepdims=True), 1))
    # Neighbouring decades go together: correlation exp(-years / 10), linear in between.
    release = np.clip(catalogue.release.astype(np.float64), DECADES[0], DECADES[-1])
    near = np.maximum(0, 1 - np.abs(release[:, None] - DECADES) / 10)
    decades = near @ np.linalg.cholesky(np.exp(-np.abs(DECADES[:, None] - DECADES) / 10))
    level = bias.astype(np.float64)[:, None]
    return np.concatenate([np.ones_like(level), genres, decades, level, catalogue.text], axis=1)


def _groups(catalogue: Catalogue) -> Int32:
    sizes = [1, catalogue.genres.shape[1], len(DECADES), 1, catalogue.text.shape[1]]
    kept = [size for size in sizes if size]  # a source may have no genres, and texts may be left out
    return np.repeat(np.arange(len(kept), dtype=np.int32), kept)


def _pairs(past: Interactions, seed: int) -> tuple[Int32, Int32]:
    """Rows of PAIRS pairs of different ratings of one person; none where everybody has a single one."""
    rng = np.random.default_rng(seed)
    length = np.diff(past.user_starts)[past.user_index]
    several = np.flatnonzero(length > 1)
    first = several[rng.integers(0, max(len(several), 1), PAIRS if len(several) else 0)]
    place = first - past.history_start[first]
    other = (place + rng.integers(1, np.maximum(length[first], 2))) % length[first]
    return first.astype(np.int32), (past.history_start[first] + other).astype(np.int32)
