"""Learn `MovieStatistics` from ratings: levels of movies and people, and low-rank movie factors."""

import numpy as np
import scipy.sparse

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import Interactions
from marquee.models.features.movies import MovieStatistics
from marquee.models.features.pair import USER_DAMPING
from marquee.models.ranking import taste
from marquee.pipeline.arrays import Float64, Int32, as_float16

MOVIE_DAMPING = 5.0
"""Pseudo-counts of ratings as a movie's content suggests, in its bias; of variance 1 in its spread."""
CONTENT_RIDGE = 5.0
"""Penalty on the squared weights of the content."""
FACTOR_DAMPING = 10.0
"""Pseudo-counts in a movie's norm: what few ratings say of its likeness to others counts for less."""
PASSES = 4
"""Alternations of levels, and power iterations of the factors: both have settled by then."""
DEFAULT_MEAN = 3.5
"""Where no rating is known at all; MovieLens' usual mean."""


def fit(past: Interactions, catalogue: Catalogue, factors: int, seed: int) -> MovieStatistics:
    """What the ratings of `past`, all of them, say of every movie.

    Rating = mean + bias of the movie + level of the person + rest, by alternating damped means (Koren
    2010, "Factor in the neighbors", section 2.1). A movie's bias is damped towards what a ridge
    regression expects of its content, so that a movie nobody has rated is not simply average.

    Args:
        past: ratings strictly before the cutoff.
        catalogue: facts of all movies.
        factors: d, size of the movie factors; fewer are found where there are fewer movies or people.
        seed: for the start of the power iterations and the pairs of ratings that `taste` learns from.
    """
    rating = past.rating.astype(np.float64)
    mean = float(rating.mean()) if len(past) else DEFAULT_MEAN
    movie, user = past.movie_index, past.user_index
    count = np.bincount(movie, minlength=past.num_movies).astype(np.float64)
    user_count = np.bincount(user, minlength=past.num_users)
    content = _content(catalogue)
    level = np.zeros(past.num_users)
    for _ in range(PASSES):
        total = np.bincount(movie, weights=rating - mean - level[user], minlength=past.num_movies)
        weights = _ridge(content, total / np.maximum(count, 1), count / (count + MOVIE_DAMPING))
        expected = content @ weights
        bias = (total + MOVIE_DAMPING * expected) / (count + MOVIE_DAMPING)
        above = np.bincount(user, weights=rating - mean - bias[movie], minlength=past.num_users)
        level = above / (user_count + USER_DAMPING)
    rest = rating - mean - bias[movie] - level[user]
    squares = np.bincount(movie, weights=rest**2, minlength=past.num_movies)
    taste_weights, tastes = taste.fit(
        past, rating - mean - bias[movie], catalogue, bias.astype(np.float32), seed
    )
    return MovieStatistics(
        global_mean=np.asarray(mean, dtype=np.float32),
        content_weights=weights.astype(np.float32),
        bias=bias.astype(np.float32),
        content_bias=expected.astype(np.float32),
        spread=((squares + MOVIE_DAMPING) / (count + MOVIE_DAMPING)).astype(np.float32),
        count=count.astype(np.float32),
        factors=as_float16(
            _factors(rest, user, movie, count, (past.num_users, past.num_movies), factors, seed)
        ),
        taste_weights=taste_weights.astype(np.float32),
        taste=as_float16(tastes),
    )


def of_new_movies(statistics: MovieStatistics, catalogue: Catalogue) -> MovieStatistics:
    """What `statistics` would say of movies without a rating, added after it was fitted.

    Args:
        statistics: of the movies that were known.
        catalogue: facts of the new movies, encoded as those were.

    Returns:
        the same mean and weights, and a row for each movie of `catalogue`.
    """
    expected = (_content(catalogue) @ statistics.content_weights.astype(np.float64)).astype(np.float32)
    tastes = taste.described(catalogue, expected) @ statistics.taste_weights.astype(np.float64)
    return MovieStatistics(
        global_mean=statistics.global_mean,
        content_weights=statistics.content_weights,
        bias=expected,
        content_bias=expected,
        spread=np.ones_like(expected),
        count=np.zeros_like(expected),
        factors=np.zeros((len(expected), statistics.factors.shape[1]), dtype=np.float32),
        taste_weights=statistics.taste_weights,
        taste=as_float16(tastes),
    )


def _content(catalogue: Catalogue) -> Float64:
    release = (catalogue.release.astype(np.float64) - 2000) / 20
    return np.concatenate([np.ones((len(catalogue), 1)), release[:, None], catalogue.content], axis=1)


def _ridge(content: Float64, target: Float64, weight: Float64) -> Float64:
    gram = (content * weight[:, None]).T @ content + CONTENT_RIDGE * np.eye(content.shape[1])
    return np.asarray(np.linalg.solve(gram, content.T @ (weight * target)), dtype=np.float64)


def _factors(
    rest: Float64,
    user: Int32,
    movie: Int32,
    count: Float64,
    shape: tuple[int, int],
    size: int,
    seed: int,
) -> Float64:
    """(num_movies, size) F with F F' close to the damped item-item cosine of what the levels leave.

    The leading right singular vectors of people x movies, columns scaled by the root of the damped count
    (Cremonesi et al. 2010, "PureSVD"), by subspace iteration (Halko et al. 2011).
    """
    size = min(size, *shape)
    scale = 1 / np.sqrt(count + FACTOR_DAMPING)
    matrix = scipy.sparse.csr_array((rest * scale[movie], (user, movie)), shape=shape)
    transposed = matrix.T.tocsr()
    basis = np.random.default_rng(seed).normal(size=(shape[1], size))
    for _ in range(2 * PASSES):
        basis, _ = np.linalg.qr(transposed @ (matrix @ basis))
    basis[count == 0] = 0
    return basis * scale[:, None]
