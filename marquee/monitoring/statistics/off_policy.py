"""What a challenger would earn, estimated from lists that the champion showed: nobody has to see it.

Places are decided one after the other, so a place counts by the product of the ratios of its own and all
places above it (reward interaction inverse propensity scoring; McInerney et al. 2020). With one place this is
the contextual bandit's estimator. Both estimators come with 95 % intervals by bootstrap over visitors,
studentised, for a few of the weights are large. Where the lists are worth fewer than ENOUGH of the
challenger's own (`effective_size`), even these leave the truth out too often: then nothing is estimated.
"""

from dataclasses import dataclass

import numpy as np

from marquee.evaluation.measures.intervals import Interval
from marquee.monitoring.statistics import resampling
from marquee.pipeline.arrays import Float64, Int64

ENOUGH = 150.0
"""Lists of the challenger's own: from here on 95 % intervals cover 93 to 97 % (`make worlds`)."""


class OffPolicyError(ValueError):
    """What was logged cannot be used; the message says which rule it breaks."""


@dataclass(frozen=True)
class Logged:
    """Lists of k places that were shown.

    Attributes:
        visitor: (n,) int64 who saw each.
        reward: (n, k) float64 of each place, such as 1 for a click.
        propensity: (n, k) float64 in (0, 1], of the movie shown given the places above, as it was logged.
        target: (n, k) float64 in [0, 1], the same by the challenger.
    """

    visitor: Int64
    reward: Float64
    propensity: Float64
    target: Float64

    def __post_init__(self) -> None:
        shapes = {self.reward.shape, self.propensity.shape, self.target.shape}
        if len(shapes) != 1 or self.reward.ndim != 2 or len(self.visitor) != len(self.reward):
            raise OffPolicyError(
                f"rewards, propensities and the challenger's must be (lists, places) alike; received "
                f"{shapes} for {len(self.visitor)} lists"
            )
        if not ((self.propensity > 0) & (self.propensity <= 1)).all():
            raise OffPolicyError("a logged propensity is outside (0, 1]: such a list cannot have been shown")
        if not ((self.target >= 0) & (self.target <= 1)).all():
            raise OffPolicyError("a probability of the challenger's is outside 0 to 1")

    @property
    def weights(self) -> Float64:
        """(n, k) how much more likely the challenger makes each list down to each place."""
        products: Float64 = np.cumprod(self.target / self.propensity, axis=1, dtype=np.float64)
        return products

    @property
    def effective_size(self) -> float:
        """How many lists of the challenger's own these are worth, at the last place (Kong 1992)."""
        last = self.weights[:, -1]
        squares = float(np.square(last).sum())
        return float(last.sum() ** 2 / squares) if squares else 0.0


def snips(logged: Logged, samples: int, seed: int, least: float = ENOUGH) -> Interval:
    """Self-normalised estimate of the reward per list (Swaminathan and Joachims 2015), place by place.

    Bounded by the rewards, and blind to a constant added to all of them; biased by about 1 / n.

    Raises:
        OffPolicyError: the lists are worth fewer than `least` of the challenger's own.
    """
    _require(logged, least)
    weights = logged.weights
    columns = np.concatenate([weights * logged.reward, weights], axis=1)
    places = logged.reward.shape[1]

    def value(sums: Float64) -> Float64:
        per_place: Float64 = (sums[..., :places] / sums[..., places:]).sum(axis=-1)
        return per_place

    def slope(sums: Float64) -> Float64:
        above, below = sums[..., :places], sums[..., places:]
        return np.concatenate([1 / below, -above / below**2], axis=-1)

    return resampling.studentised(columns, logged.visitor, value, slope, samples, seed)


def doubly_robust(
    logged: Logged,
    expected: Float64,
    expected_target: Float64,
    samples: int,
    seed: int,
    least: float = ENOUGH,
) -> Interval:
    """Reward per list by a model of rewards, corrected where lists were shown (Dudík et al. 2011).

    Right where either the model or the propensities are; the better the model, the narrower.

    Args:
        logged: the lists.
        expected: (n, k) the model's reward of what was shown at each place.
        expected_target: (n, k) the model's reward of what the challenger would show there, in the mean over
            its choices, the places above as shown.
        samples: bootstrap draws.
        seed: of the draws.
        least: see `snips`.

    Raises:
        OffPolicyError: see `snips`.
    """
    _require(logged, least)
    weights = logged.weights
    above = np.concatenate([np.ones((len(weights), 1)), weights[:, :-1]], axis=1)
    terms = (above * expected_target + weights * (logged.reward - expected)).sum(axis=1)
    columns = np.stack([terms, np.ones(len(terms))], axis=1)
    return resampling.studentised(
        columns, logged.visitor, resampling.ratio, resampling.slope_of_ratio, samples, seed
    )


def _require(logged: Logged, least: float) -> None:
    if logged.effective_size < least:
        raise OffPolicyError(
            f"{len(logged.visitor):,} lists are worth {logged.effective_size:.0f} of the challenger's own; "
            f"below {least:g} intervals leave the truth out too often. Record for longer, or leave more to "
            "chance (recommender.explore_share, explore_temperature)."
        )


def place_probabilities(scores: Float64, placed: Int64, temperature: float) -> Float64:
    """(k,) Plackett and Luce's probability of each place's movie, given the places above it.

    Args:
        scores: (c,) of the candidates.
        placed: (k,) positions among them in the order shown, each once.
        temperature: of the softmax that draws; 0: the best first, so that each is 0 or 1.
    """
    shares = _shares_of_places(scores, placed, temperature)
    return shares[np.arange(len(placed)), placed]


def place_rewards(scores: Float64, placed: Int64, temperature: float, reward: Float64) -> Float64:
    """(k,) mean reward of each place over what may stand there, given the places above it.

    Args:
        scores: (c,) of the candidates.
        placed: (k,) positions among them in the order shown, each once.
        temperature: see `place_probabilities`.
        reward: (c,) of each candidate, by a model of rewards.
    """
    expected: Float64 = _shares_of_places(scores, placed, temperature) @ reward
    return expected


def _shares_of_places(scores: Float64, placed: Int64, temperature: float) -> Float64:
    """(k, c) probability of each candidate at each place, given the places above it as shown."""
    left = np.tile(scores.astype(np.float64), (len(placed), 1))
    for place, chosen in enumerate(placed[:-1]):
        left[place + 1 :, chosen] = -np.inf
    best = left.max(axis=1, keepdims=True)
    if temperature == 0:
        return np.asarray(left.argmax(axis=1)[:, None] == np.arange(len(scores)), dtype=np.float64)
    shares = np.exp((left - best) / temperature)
    divided: Float64 = shares / shares.sum(axis=1, keepdims=True)
    return divided
