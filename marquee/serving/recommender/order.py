"""The order shown: retrieval score and predicted rating together, then rules for the first places."""

from dataclasses import dataclass

import numpy as np

from marquee.pipeline.arrays import Bool, Float32, Float64, Int32, Int64
from marquee.pipeline.params import RecommenderParams

POOL = 50
"""Best-scored candidates that the rules choose among."""
BEHIND = 1e6
"""Taken off the score of a movie against the genre rule, twice off one below the person's mean: more than any
two scores differ, so that such a movie comes first only where there is no other."""


@dataclass(frozen=True)
class Scored:
    """Candidates with all that their order is made of, columns of length c.

    Attributes:
        movie_index: int32.
        retrieval_score: float32, the sources' scores together, each at its weight.
        predicted_rating: float32, stars.
        vectors: (c, d) float32, for likeness.
        genres: (c, G) bool.
    """

    movie_index: Int32
    retrieval_score: Float32
    predicted_rating: Float32
    vectors: Float32
    genres: Bool


def log_shares(scores: Float32) -> Float64:
    """(n,) log-softmax: scores on a scale that is the same for every history, so that stars can be added."""
    if len(scores) == 0:
        return np.empty(0)
    shifted = scores.astype(np.float64) - scores.max()
    shares: Float64 = shifted - np.log(np.exp(shifted).sum())
    return shares


def scores(scored: Scored, params: RecommenderParams) -> Float64:
    """(c,) log share among the candidates + rating_weight times stars."""
    stars = scored.predicted_rating.astype(np.float64)
    return log_shares(scored.retrieval_score) + params.rating_weight * stars


def unit(vectors: Float32) -> Float32:
    """(n, d) vectors of length 1; those of length 0 stay 0."""
    directions: Float32 = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return directions


def usual_stars(rating: Float32, params: RecommenderParams) -> float:
    """What a person gives on average, less `below_mean`; below every prediction without a history.

    Args:
        rating: (n,) stars of the history.
        params: the rules.
    """
    return float(rating.mean()) - params.below_mean if len(rating) else -np.inf


def arrange(
    scored: Scored, score: Float64, params: RecommenderParams, exempt: Bool, least_stars: float = -np.inf
) -> Int64:
    """(c,) positions in the order shown: by score, the first `genre_among` places by the rules.

    They go to movies predicted at `least_stars` or more while there are any. A place goes to the best of the
    pool after `diversity` x cosine to the most similar movie above it is taken off (maximal marginal
    relevance; Carbonell and Goldstein 1998), where none of its genres has `genre_at_most` places yet. Where
    no movie fits the rule, the best takes the place.

    Args:
        scored: the candidates.
        score: (c,) of `scores`.
        params: the rules.
        exempt: (G,) genres that were asked for, and may fill the list.
        least_stars: see `usual_stars`.
    """
    order = np.lexsort((scored.movie_index, -score))
    usual = scored.predicted_rating[order] >= least_stars
    pool = np.concatenate([order[usual], order[~usual]])[:POOL]
    left = score[pool] - 2 * BEHIND * (scored.predicted_rating[pool] < least_stars)
    direction = unit(scored.vectors[pool])
    genres = scored.genres[pool] & ~exempt
    places = np.zeros(genres.shape[1], dtype=np.int64)
    closest = np.zeros(len(pool), dtype=np.float32)
    chosen: list[int] = []
    for _ in range(min(params.genre_among, len(pool))):
        worth = left - params.diversity * closest
        full = (genres & (places >= params.genre_at_most)).any(axis=1)
        best = int(np.argmax(worth - BEHIND * full))
        chosen.append(best)
        left[best] = -np.inf
        places += genres[best]
        closest = np.maximum(closest, direction @ direction[best])
    first = pool[chosen]
    is_left = np.ones(len(order), dtype=bool)
    is_left[first] = False
    return np.concatenate([first, order[is_left[order]]]).astype(np.int64)


@dataclass(frozen=True)
class Explored:
    """A list in which chance had a say, columns of length c.

    Attributes:
        order: int64, positions of the list as it was.
        by_chance: whether a place got another movie than the best of those left.
        propensity: float64, the probability that the place got its movie, given the places above it.
    """

    order: Int64
    by_chance: Bool
    propensity: Float64


def explore(score: Float64, k: int, share: float, temperature: float, seed: int) -> Explored:
    """Fill each of the first k places by chance with probability `share`, else with the best movie left.

    Chance draws from the movies left in proportion to exp(score / temperature), place after place: the
    Plackett-Luce model (Plackett 1975, "The Analysis of Permutations"). What is never shown is never learned
    about; that the probability of every place is known lets the learning correct for it.

    Args:
        score: (c,) of the list in the order shown.
        k: how many places.
        share: of the places left to chance; 0 leaves the list as it is.
        temperature: above 0; the higher, the more even the draw.
        seed: of the draw.
    """
    c = len(score)
    left = np.arange(c, dtype=np.int64)
    if share == 0:
        return Explored(left, np.zeros(c, dtype=bool), np.ones(c))
    by_chance, propensity = np.zeros(c, dtype=bool), np.ones(c)
    draws = np.random.default_rng(seed).random((min(k, c), 2))
    chosen = np.empty(len(draws), dtype=np.int64)
    for place, (chance, which) in enumerate(draws.tolist()):
        # Against the best of those left: against the best of all, everything left could round to nothing.
        weight = np.exp((score[left] - score[left].max()) / temperature)
        total = np.cumsum(weight)
        pick = int(np.searchsorted(total, which * total[-1], side="right")) if chance < share else 0
        by_chance[place] = pick > 0
        propensity[place] = share * weight[pick] / total[-1] + (1.0 - share) * (pick == 0)
        chosen[place] = left[pick]
        left = np.delete(left, pick)
    return Explored(np.concatenate([chosen, left]), by_chance, propensity)
