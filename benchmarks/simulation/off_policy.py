"""How often the intervals of a challenger's estimated clicks cover what the simulator knows it would get.

The champion's lists are drawn by the service's own exploration, place by place, with its propensities. A
visitor clicks the movie they want next where it stands in the list; which one they want is drawn by their
true taste, so the truth of any list is a sum of known probabilities.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.simulation.living import Life, Lived
from marquee.evaluation.measures.intervals import Interval
from marquee.monitoring.statistics import off_policy
from marquee.monitoring.statistics.off_policy import Logged, OffPolicyError
from marquee.pipeline.arrays import Float64, Int64
from marquee.serving.recommender import order
from marquee.serving.recommender.recommender import Recommender
from marquee.serving.recommender.sources import registry

PLACES = 5
"""Of the lists: the first ones, which count most. Each further place multiplies the weights once more."""
EACH = 3
"""Requests of a visitor at most: they are not independent, and the intervals have to know."""
DRAWN = 100
"""Lists drawn of the challenger at each moment for the truth."""
ESTIMATORS = ("snips", "doubly_robust")


CHANGED: Mapping[str, float] = {"rating_weight": 0.4, "similar_weight": 0.0}
"""Knobs of the challenger: predicted ratings count less, and it does without item-item weights."""


@dataclass(frozen=True)
class Policy:
    """How lists are explored, as `explore_share` and `explore_temperature`."""

    share: float
    temperature: float


@dataclass(frozen=True)
class Contexts:
    """Moments at which people ask, visitor by visitor; where there are fewer candidates than c, -inf and 0.

    Attributes:
        visitor: (n,) row of the crowd.
        champion: (n, c) scores of the candidates.
        challenger: (n, c) scores of the same candidates.
        wanted: (n, c) probability that each is the movie wanted next.
    """

    visitor: Int64
    champion: Float64
    challenger: Float64
    wanted: Float64


@dataclass(frozen=True)
class Coverage:
    """What the runs said.

    Attributes:
        truth: clicks per list that the challenger would get.
        champion: clicks per list of the champion, with its chance.
        intervals: estimator -> one per run whose lists were worth enough.
        effective_lists: lists of the challenger's own that a run's are worth, in the mean.
        refused: runs without an estimate, for their lists were worth too few.
    """

    truth: float
    champion: float
    intervals: Mapping[str, list[Interval]]
    effective_lists: float
    refused: int

    def covered(self, estimator: str) -> float:
        """Share of the estimates whose interval holds the truth; NaN where there are none."""
        return _mean([float(one.low <= self.truth <= one.high) for one in self.intervals[estimator]])

    def bias(self, estimator: str) -> float:
        """Mean estimate minus the truth."""
        return _mean([one.value for one in self.intervals[estimator]]) - self.truth

    def width(self, estimator: str) -> float:
        """Of the intervals, in the mean."""
        return _mean([one.high - one.low for one in self.intervals[estimator]])


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def contexts(recommender: Recommender, life: Life, lives: list[Lived], seed: int) -> Contexts:
    """Some of the moments of a life, at most EACH per visitor.

    Args:
        recommender: the champion; the challenger is CHANGED.
        life: whose moments.
        lives: all of them.
        seed: of the draw.
    """
    other = recommender.params.model_copy(update=dict(CHANGED))
    rows = np.array([lived.row for lived in lives])
    drawn = np.random.default_rng(seed).permutation(len(lives))
    drawn = drawn[np.argsort(rows[drawn], kind="stable")]
    first = np.searchsorted(rows[drawn], rows[drawn])
    taken = [lives[row] for row in drawn[np.arange(len(drawn)) - first < EACH]]
    width = sum(registry.quotas(recommender.params))
    scores, wanted = np.full((2, len(taken), width), -np.inf), np.zeros((len(taken), width))
    for row, lived in enumerate(taken):
        history, now = lived.history, lived.moment.now
        gathered = recommender.candidates(history, now)
        scored = recommender.scored(gathered, recommender.predict_ratings(history, gathered.movie_index, now))
        changed = replace(scored, retrieval_score=registry.retrieval_score(gathered.scores, other))
        count = len(gathered.movie_index)
        scores[0, row, :count] = order.scores(scored, recommender.params)
        scores[1, row, :count] = order.scores(changed, other)
        wanted[row, :count] = life.wanted(lived.row, now, history)[gathered.movie_index]
    return Contexts(np.array([lived.row for lived in taken]), scores[0], scores[1], wanted)


def cover(asked: Contexts, policy: Policy, runs: int, visitors: int, samples: int, seed: int) -> Coverage:
    """Log lists, estimate, and compare with the truth, many times.

    Args:
        asked: all moments: the world in which the truth holds.
        policy: how both explore.
        runs: how many logs.
        visitors: drawn for each, with all their moments.
        samples: bootstrap draws of each interval.
        seed: of everything.
    """
    rng = np.random.default_rng(seed)
    truth, champion = (
        _clicks(scores, asked.wanted, policy, rng) for scores in (asked.challenger, asked.champion)
    )
    groups = np.split(np.arange(len(asked.visitor)), np.flatnonzero(np.diff(asked.visitor)) + 1)
    intervals: dict[str, list[Interval]] = {name: [] for name in ESTIMATORS}
    effective = []
    for run in range(runs):
        drawn = [groups[which] for which in rng.integers(len(groups), size=visitors).tolist()]
        codes = np.repeat(np.arange(visitors), [len(group) for group in drawn])
        logged, model, expected = log(asked, np.concatenate(drawn), codes, policy, rng)
        effective.append(logged.effective_size)
        with contextlib.suppress(OffPolicyError):
            intervals["snips"].append(off_policy.snips(logged, samples, run))
            intervals["doubly_robust"].append(off_policy.doubly_robust(logged, model, expected, samples, run))
    refused = runs - len(intervals["doubly_robust"])
    return Coverage(truth, champion, intervals, float(np.mean(effective)), refused)


def log(
    asked: Contexts, rows: Int64, visitors: Int64, policy: Policy, rng: np.random.Generator
) -> tuple[Logged, Float64, Float64]:
    """Lists shown by the champion, the model's rewards of them, and of what the challenger would show.

    The model of rewards is the champion's own belief: the softmax of its scores.
    """
    champion, challenger = asked.champion[rows], asked.challenger[rows]
    placed, propensity = shown(champion, policy, rng)
    levels = np.cumsum(asked.wanted[rows], axis=1)
    wanted = (levels < rng.random(len(rows))[:, None]).sum(axis=1)  # beyond all: no candidate
    belief = np.exp(champion - champion.max(axis=1, keepdims=True))
    belief /= belief.sum(axis=1, keepdims=True)
    target, expected = np.zeros(placed.shape), np.zeros(placed.shape)
    for place, shares in enumerate(shares_of_places(challenger, placed, policy)):
        target[:, place] = np.take_along_axis(shares, placed[:, place : place + 1], axis=1)[:, 0]
        expected[:, place] = (shares * belief).sum(axis=1)
    reward = (placed == wanted[:, None]).astype(np.float64)
    model = np.take_along_axis(belief, placed, axis=1)
    return Logged(visitors, reward, propensity, target), model, expected


def shown(scores: Float64, policy: Policy, rng: np.random.Generator) -> tuple[Int64, Float64]:
    """(n, PLACES) candidates and their propensities for (n, c) scores: `order.explore`, many at once."""
    placed = np.zeros((len(scores), PLACES), dtype=np.int64)
    propensity = np.ones(placed.shape)
    for place, shares in enumerate(shares_of_places(scores, placed, policy)):
        levels = np.cumsum(shares, axis=1)
        drawn = (levels < rng.random(len(scores))[:, None] * levels[:, -1:]).sum(axis=1)
        placed[:, place] = drawn
        propensity[:, place] = np.take_along_axis(shares, drawn[:, None], axis=1)[:, 0]
    return placed, propensity


def shares_of_places(scores: Float64, placed: Int64, policy: Policy) -> Iterator[Float64]:
    """For each place the (n, c) probability of every candidate, given what is placed above it."""
    left, rows = scores.copy(), np.arange(len(scores))
    for place in range(placed.shape[1]):
        if place:
            left[rows, placed[:, place - 1]] = -np.inf
        weights = np.exp((left - left.max(axis=1, keepdims=True)) / policy.temperature)
        shares = policy.share * weights / weights.sum(axis=1, keepdims=True)
        shares[rows, left.argmax(axis=1)] += 1 - policy.share
        yield shares


def _clicks(scores: Float64, wanted: Float64, policy: Policy, rng: np.random.Generator) -> float:
    """Clicks per list under a policy, over many lists of each moment."""
    drawn = [
        np.take_along_axis(wanted, shown(scores, policy, rng)[0], axis=1).sum(axis=1).mean()
        for _ in range(DRAWN)
    ]
    return float(np.mean(drawn))
