"""What films and people of the sample are: taste, quality, fame. `docs/sample.md` has the equations.

`people.py` draws the people.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from marquee.pipeline.arrays import Float64, Int64

TASTE_DIM = 12
"""Dimensions of taste."""

YEAR = 365.25 * 86400
"""Seconds."""

KIND_SHARES = {
    "genres": 0.28,
    "keywords": 0.22,
    "director": 0.09,
    "cast": 0.05,
    "era": 0.12,
    "language": 0.04,
}
"""Share of the variance of a film's taste vector that each kind of metadata explains; the rest is its own."""

ERA_YEARS = 8
"""Years whose films share an era."""

ZIPF_EXPONENT, ZIPF_SHIFT = 1.05, 12.0
"""Log popularity falls by the exponent times the log of the rank; the shift flattens the first ranks."""

FAME_SHARES = {"words": 0.35, "quality": 0.2, "recency": 0.2, "own": 0.25}
"""Shares of the variance of the score that ranks films by fame."""

RECENCY_YEARS = 25.0
"""Recency is -log(1 + age / RECENCY_YEARS) in the last year of the simulation."""

ENGLISH_FAME = 0.8
"""Added to that score for films in English."""

RELEASE_BURST, BURST_YEARS = 1.4, 0.8
"""Added to log popularity on the day of release, and the years in which it falls to 1 / e."""

AGEING, AGEING_YEARS = 0.28, 5.0
"""Log popularity falls by AGEING times log(1 + age / AGEING_YEARS)."""

FAME_DRIFT = 0.14
"""Standard deviation of the yearly change of a film's log popularity."""

QUALITY_SD, QUALITY_WORDS = 0.42, 0.4
"""Standard deviation of quality in stars, and the share of its variance that metadata explains."""

TASTE_DRIFT, TASTE_DRIFT_MOST = 0.3, 1.0
"""How far a person's taste moves in a direction of their own, in a year and at most, in its own lengths."""

MOOD_GENRES, MOOD_KEYWORDS = 12, 12
"""How many of the most common genres and keywords have a mood each."""

MOOD_LIFT = 2.3
"""Added to the log popularity of the films that a mood is about."""


@dataclass(frozen=True)
class Films:
    """Latent features of n films.

    Attributes:
        taste: (n, TASTE_DIM); a person's affinity is the inner product with theirs, about N(0, 1).
        quality: (n,) stars above or below the mean.
        fame: (n,) log popularity, before ageing and drift.
        released: (n,) seconds since 1970.
        fame_drift: (n, years + 1) added to fame at each new year, interpolated between.
        mood_lift: (moods, n) added to log popularity while a mood lasts; row 0 is no mood.
    """

    taste: Float64
    quality: Float64
    fame: Float64
    released: Int64
    fame_drift: Float64
    mood_lift: Float64


@dataclass(frozen=True)
class People:
    """Latent features of u people.

    Attributes:
        taste: (u, TASTE_DIM) at their first visit.
        drift: (u, TASTE_DIM) what it moves by in a year.
        bias: (u,) stars.
        spread: (u,) factor on how far ratings lie from the person's mean.
        whole_stars: (u,) probability that a rating is given in whole stars.
        mainstream: (u,) exponent on popularity.
        mood_prior: (u, moods) probability of each mood when one begins.
        joined: (u,) seconds since 1970, sorted.
    """

    taste: Float64
    drift: Float64
    bias: Float64
    spread: Float64
    whole_stars: Float64
    mainstream: Float64
    mood_prior: Float64
    joined: Int64


def stream(seed: int, name: str) -> np.random.Generator:
    """A generator of its own for each part, so that changing one part leaves the others as they were."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))


def new_year(year: int) -> int:
    """Seconds since 1970 at the start of a year, UTC."""
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())


def make_films(catalogue: pd.DataFrame, years: tuple[int, int], seed: int) -> Films:
    """Draw what the catalogue does not say: hashed projections of metadata plus a private part."""
    size = len(catalogue)
    own = stream(seed, "films")
    projected, explained = _project(catalogue, seed)
    taste = projected[:, :TASTE_DIM] + np.sqrt(1 - explained) * own.standard_normal((size, TASTE_DIM))
    taste = (taste - taste.mean(axis=0)) / np.sqrt(TASTE_DIM)
    words = _standard(projected[:, TASTE_DIM:])
    quality = np.sqrt(QUALITY_WORDS) * words[:, 0] + np.sqrt(1 - QUALITY_WORDS) * own.standard_normal(size)
    release = catalogue["year"].to_numpy(dtype=np.int64)
    appeal = (
        np.sqrt(FAME_SHARES["words"]) * words[:, 1]
        + np.sqrt(FAME_SHARES["quality"]) * _standard(quality)
        + np.sqrt(FAME_SHARES["recency"]) * _standard(-np.log1p((years[1] - release).clip(0) / RECENCY_YEARS))
        + np.sqrt(FAME_SHARES["own"]) * own.standard_normal(size)
        + ENGLISH_FAME * (catalogue["language"] == "en").to_numpy()
    )
    ranks = np.empty(size)
    ranks[np.argsort(-appeal, kind="stable")] = np.arange(size)
    starts = np.array([new_year(int(year)) for year in release])
    steps = FAME_DRIFT * own.standard_normal((size, years[1] - years[0] + 2))
    return Films(
        taste=taste,
        quality=QUALITY_SD * _standard(quality),
        fame=-ZIPF_EXPONENT * np.log(ranks + ZIPF_SHIFT),
        released=starts + (own.random(size) * 0.95 * YEAR).astype(np.int64),
        fame_drift=np.cumsum(steps, axis=1) - np.cumsum(steps, axis=1).mean(axis=1, keepdims=True),
        mood_lift=_mood_lift(catalogue),
    )


def _project(catalogue: pd.DataFrame, seed: int) -> tuple[Float64, float]:
    """(n, TASTE_DIM + 2) sums of word vectors, each kind with its share of variance, and their total share.

    A word's vector comes from the seed and the word alone: a film added to the catalogue moves no other.
    """
    eras = catalogue["year"].map(lambda year: [str(year // ERA_YEARS)])
    languages = catalogue["language"].map(lambda language: [language])
    kinds = {**catalogue, "era": eras, "language": languages}
    total = np.zeros((len(catalogue), TASTE_DIM + 2))
    for kind, share in KIND_SHARES.items():
        vectors: dict[str, Float64] = {}
        for row, words in enumerate(kinds[kind]):
            for word in words:
                if word not in vectors:
                    vectors[word] = stream(seed, f"{kind}:{word}").standard_normal(TASTE_DIM + 2)
                total[row] += np.sqrt(share / len(words)) * vectors[word]
    return total, sum(KIND_SHARES.values())


def _mood_lift(catalogue: pd.DataFrame) -> Float64:
    lifts = [np.zeros(len(catalogue))]
    for column, count in (("genres", MOOD_GENRES), ("keywords", MOOD_KEYWORDS)):
        counted = Counter(word for words in catalogue[column] for word in words)
        common = sorted(counted, key=lambda word: (-counted[word], word))[:count]
        for word in common:
            carries = np.array([word in words for words in catalogue[column]])
            lifts.append(MOOD_LIFT * carries)
    return np.stack(lifts)


def taste_at(people: People, users: Int64, time: Int64) -> Float64:
    """(rows, TASTE_DIM) these people's taste at that time: it moves for a while after they join."""
    years = ((time - people.joined[users]) / YEAR).clip(0, TASTE_DRIFT_MOST / TASTE_DRIFT)
    return rows_scaled(people.taste[users] + years[:, None] * people.drift[users])


def affinity(films: Films, people: People, users: Int64, time: Int64) -> Float64:
    """(rows, n) how much each of these people likes each film at that time, about N(0, 1)."""
    product: Float64 = taste_at(people, users, time) @ films.taste.T
    return product


def popularity(films: Films, time: Int64, first_year: int) -> Float64:
    """(rows, n) log popularity at each time; -inf before the release."""
    age = (time[:, None] - films.released) / YEAR
    out = np.maximum(age, 0.0)
    position = np.clip((time - new_year(first_year)) / YEAR, 0, films.fame_drift.shape[1] - 1.001)
    left = position.astype(np.int64)
    part = (position - left)[:, None]
    drift = (1 - part) * films.fame_drift.T[left] + part * films.fame_drift.T[left + 1]
    level = films.fame + drift + RELEASE_BURST * np.exp(-out / BURST_YEARS)
    return np.where(age >= 0, level - AGEING * np.log1p(out / AGEING_YEARS), -np.inf)


def _standard(values: Float64) -> Float64:
    scaled: Float64 = (values - values.mean(axis=0)) / values.std(axis=0)
    return scaled


def rows_scaled(values: Float64) -> Float64:
    """Rows of length sqrt(TASTE_DIM), so that inner products with film tastes have variance 1."""
    length = np.sqrt((values**2).sum(axis=1, keepdims=True))
    scaled: Float64 = np.sqrt(TASTE_DIM) * values / np.maximum(length, 1e-12)
    return scaled
