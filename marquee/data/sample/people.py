"""Who the people of the sample are: drawn from clusters of taste. `docs/sample.md` has the equations."""

from dataclasses import dataclass

import numpy as np

from marquee.data.sample.taste import (
    TASTE_DIM,
    TASTE_DRIFT,
    Films,
    People,
    new_year,
    rows_scaled,
    stream,
)
from marquee.pipeline.arrays import Float64, Int64

CLUSTERS = 8
"""Clusters of taste among people."""

CLUSTER_SHARE = 0.8
"""Share of the variance of a person's taste that comes from clusters; the rest is their own."""

CLUSTER_CONCENTRATION = 0.25
"""Parameter of the Dirichlet distribution of cluster weights: people lean towards one or two clusters."""

CLUSTER_TREND = 1.2
"""How much clusters gain or lose among newcomers, in log share over the whole span."""

BIAS_SD = 0.46
"""Standard deviation of people's biases, in stars."""

SPREAD_LOG_SD = 0.30
"""Standard deviation, in logs, of the factor on how far ratings lie from the person's mean."""

WHOLE_STARS_ONLY = 0.35
"""Share of the people who never give half a star."""

WHOLE_STARS = (0.5, 4.5)
"""Beta distribution of how often the others round to a whole star."""

MAINSTREAM_SD = 0.22
"""Standard deviation of people's exponent on popularity, which is 1 in the mean."""

NO_MOOD = 0.25
"""Probability of no mood."""

MOOD_FIT = 0.8
"""How closely moods follow the person's taste."""


@dataclass(frozen=True)
class Clusters:
    """Tastes that people share.

    Attributes:
        centres: (CLUSTERS, TASTE_DIM).
        trend: (CLUSTERS,) change of log share among newcomers over the whole span.
    """

    centres: Float64
    trend: Float64


def make_people(films: Films, num_users: int, years: tuple[int, int], seed: int) -> People:
    """Draw people: a mixture of taste clusters, whose weight among newcomers moves over the years."""
    joined, clusters, rng = _begin(num_users, years, seed)
    return _people(films, joined, clusters, years, rng)


def make_others(
    films: Films, num_users: int, years: tuple[int, int], clusters: Clusters, seed: int
) -> People:
    """Draw other people of the same clusters: whom the sample might as well have held."""
    rng = stream(seed, "others")
    joined = np.sort(rng.integers(new_year(years[0]), new_year(years[1] + 1), num_users))
    return _people(films, joined, clusters, years, rng)


def clusters_of(num_users: int, years: tuple[int, int], seed: int) -> Clusters:
    """The clusters of the people that `make_people` draws."""
    return _begin(num_users, years, seed)[1]


def _begin(num_users: int, years: tuple[int, int], seed: int) -> tuple[Int64, Clusters, np.random.Generator]:
    """When people join, their clusters, and the generator for the rest."""
    rng = stream(seed, "people")
    joined = np.sort(rng.integers(new_year(years[0]), new_year(years[1] + 1), num_users))
    return joined, draw_clusters(rng), rng


def draw_clusters(rng: np.random.Generator) -> Clusters:
    """Draw clusters of taste."""
    centres = rng.standard_normal((CLUSTERS, TASTE_DIM))
    centres -= centres.mean(axis=0)
    return Clusters(centres, CLUSTER_TREND * rng.standard_normal(CLUSTERS))


def _people(
    films: Films, joined: Int64, clusters: Clusters, years: tuple[int, int], rng: np.random.Generator
) -> People:
    num_users, first, last = len(joined), new_year(years[0]), new_year(years[1] + 1)
    progress = (joined - first) / (last - first) - 0.5
    shares = rng.gamma(CLUSTER_CONCENTRATION, size=(num_users, CLUSTERS)) + 1e-12
    shares *= np.exp(progress[:, None] * clusters.trend)
    mixed = rows_scaled(shares @ clusters.centres)
    own = rows_scaled(rng.standard_normal((num_users, TASTE_DIM)))
    taste = rows_scaled(np.sqrt(CLUSTER_SHARE) * mixed + np.sqrt(1 - CLUSTER_SHARE) * own)
    whole = np.where(rng.random(num_users) < WHOLE_STARS_ONLY, 1.0, rng.beta(*WHOLE_STARS, num_users))
    return People(
        taste=taste,
        drift=TASTE_DRIFT * rows_scaled(rng.standard_normal((num_users, TASTE_DIM))),
        bias=BIAS_SD * rng.standard_normal(num_users),
        spread=np.exp(SPREAD_LOG_SD * rng.standard_normal(num_users)),
        whole_stars=whole,
        mainstream=np.clip(1 + MAINSTREAM_SD * rng.standard_normal(num_users), 0.4, 1.6),
        mood_prior=moods_of(films, taste),
        joined=joined,
    )


def moods_of(films: Films, taste: Float64) -> Float64:
    """(u, moods) probability of each mood when one begins, for people of (u, TASTE_DIM) tastes."""
    lifted = films.mood_lift > 0
    centre = (lifted @ films.taste) / np.maximum(lifted.sum(axis=1, keepdims=True), 1)
    fit = np.exp(MOOD_FIT * (taste @ rows_scaled(centre).T) / np.sqrt(TASTE_DIM))
    fit[:, 0] = 0
    mood_prior: Float64 = (1 - NO_MOOD) * fit / fit.sum(axis=1, keepdims=True)
    mood_prior[:, 0] = NO_MOOD
    return mood_prior
