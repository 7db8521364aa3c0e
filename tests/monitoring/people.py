"""Made-up requests: visitors who differ from each other, each asking several times in a row."""

import numpy as np

from marquee.monitoring.evidence.reference import Reference
from marquee.monitoring.evidence.requests import Requests

START, VISIT, MINUTE = 1_500_000_000.0, 90_000.0, 60.0
GENRES, DIM = 4, 3


def requests(visitors: int, seed: int, most: int = 12, stars: float = 0.0) -> Requests:
    """Visitors one after the other, 1 to `most` requests each; `stars` are added to what they rate."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, most + 1, visitors)
    visitor = np.repeat(np.arange(visitors), sizes)
    n = len(visitor)
    within = np.arange(n) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    own = rng.normal(size=(visitors, 4))[visitor]
    rating = np.clip(np.round((3.5 + 0.5 * own[:, 0] + rng.normal(0, 0.7, n) + stars) * 2) / 2, 0.5, 5)
    length = np.exp2(3 + own[:, 1]).astype(np.int64) + within
    taste = np.exp(own[:, 2:3] * np.arange(GENRES) + rng.normal(0, 0.5, (n, GENRES)))
    return Requests(
        visitor=visitor.astype(np.int64),
        time=START + VISIT * visitor + MINUTE * within,
        history_length=length.astype(np.float32),
        rating=rating.astype(np.float32),
        mean_rating=(rating + rng.normal(0, 0.1, n)).astype(np.float32),
        rating_spread=(0.5 + 0.5 * np.abs(own[:, 3])).astype(np.float32),
        year=(1990 + 10 * own[:, 3] + rng.normal(0, 5, n)).astype(np.float32),
        is_new_movie=(rng.random(n) < 0.05).astype(np.float32),
        genres=(taste / taste.sum(axis=1, keepdims=True)).astype(np.float32),
        query=(own[:, :DIM] + rng.normal(0, 0.3, (n, DIM))).astype(np.float32),
        predicted_rating=(4 + 0.3 * own[:, 0] + rng.normal(0, 0.1, n)).astype(np.float32),
        log_mass=(-1.5 + 0.3 * own[:, 1]).astype(np.float32),
        popularity=(6 + own[:, 1] + rng.normal(0, 1, n)).astype(np.float32),
        surprisal=(6 + 0.5 * own[:, 2] + rng.normal(0, 1, n)).astype(np.float32),
    )


def reference(visitors: int, seed: int) -> Reference:
    """Requests whose squared error is the square of their spread, and whose hit rate is their mass."""
    made, rng = requests(visitors, seed), np.random.default_rng(seed + 1)
    error = np.square(made.rating_spread.astype(np.float64)) * rng.exponential(1, len(made))
    hit = (rng.random(len(made)) < np.exp(made.log_mass)).astype(np.float64)
    return Reference("a" * 64, made, error, hit, hit / 2, np.arange(20, dtype=np.float32))
