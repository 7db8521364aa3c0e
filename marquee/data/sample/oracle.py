"""The best reachable recommender of the sample: it knows the simulator, but not the mood.

It knows every film's and person's latent features and the popularity of the moment, and infers the
mood of a visit from what was chosen in it so far (exact forward filtering of a hidden Markov chain).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from tqdm import tqdm

from marquee.data.sample.taste import Films, People, affinity
from marquee.data.sample.visits import MOOD_CHANGE, NOISE_SD, Visits, log_weights, rating_mean
from marquee.pipeline.arrays import Float64, Int64

POSITIVE_STARS = 4.0
"""The oracle takes ratings from this many stars on for positive, whatever `positive_rating` says."""

EVENTS_AT_ONCE = 1024
"""Ratings ranked at once, about."""


def foresee(
    films: Films, people: People, visits: Visits, chosen: Int64, first_year: int
) -> tuple[Int64, Float64]:
    """Rank the whole catalogue before every rating, and expect the rating.

    The ranking is by P(chosen next) x P(rated 4 stars or more), given everything strictly before the
    timestamp; films rated before are left out, those of the same second are not. Ties count against the
    oracle.

    Returns:
        rank: (n,) 1 is best, of the film that was chosen.
        expected: (n,) stars, the mean of the rating's distribution for the chosen film.
    """
    rank = np.empty(len(visits), dtype=np.int64)
    expected = np.empty(len(visits))
    for rows in tqdm(_chunks(visits.user), desc="oracle", unit="chunk", disable=None):
        part = _part(films, people, visits, chosen, first_year, rows)
        rank[rows] = _ranks(films, part)
        liking = part.liking[part.visit, part.chosen]
        mean = rating_mean(films, people, part.user, liking, part.chosen)
        expected[rows] = expected_stars(mean, people.spread[part.user], people.whole_stars[part.user])
    return rank, expected


@dataclass(frozen=True)
class _Part:
    """Ratings of a few people: event columns of length e; visit arrays of (visits, films).

    Attributes:
        user: (e,) row in People.
        visit: (e,) row of the visit arrays.
        chosen: (e,) row in Films.
        tick: (e,) first event of the same person and second.
        liking: (visits, films) affinity.
        weight: (visits, films) weight of choice before mood; 0 before the release.
        positive: (visits, films) P(rated POSITIVE_STARS or more).
        mood_prior: (visits, moods).
        seen_at: (people, films) event that rated the film; e where none did.
        person: (e,) row in seen_at.
    """

    user: Int64
    visit: Int64
    chosen: Int64
    tick: Int64
    liking: Float64
    weight: Float64
    positive: Float64
    mood_prior: Float64
    seen_at: Int64
    person: Int64


def _chunks(user: Int64) -> list[slice]:
    """Slices of whole people, of about EVENTS_AT_ONCE ratings or one person."""
    ends = np.flatnonzero(np.diff(user, append=-1)) + 1
    chunks, begin = [], 0
    for end, after in zip(ends, [*ends[1:], np.iinfo(np.int64).max], strict=True):
        if after - begin > EVENTS_AT_ONCE:
            chunks.append(slice(begin, int(end)))
            begin = int(end)
    return chunks


def _part(films: Films, people: People, visits: Visits, chosen: Int64, first_year: int, rows: slice) -> _Part:
    user, picked = visits.user[rows], chosen[rows]
    first_visit, last_visit = visits.visit[rows][0], visits.visit[rows][-1]
    who = visits.visit_user[first_visit : last_visit + 1]
    time = visits.visit_time[first_visit : last_visit + 1]
    liking = affinity(films, people, who, time)
    mean = rating_mean(films, people, who, liking, slice(None))
    events = np.arange(len(user))
    starts = (np.diff(user, prepend=-1) != 0) | (np.diff(visits.timestamp[rows], prepend=-1) != 0)
    person = user - user[0]
    seen_at = np.full((person[-1] + 1, len(films.fame)), len(user))
    seen_at[person, picked] = events
    return _Part(
        user=user,
        visit=visits.visit[rows] - first_visit,
        chosen=picked,
        tick=np.maximum.accumulate(np.where(starts, events, 0)),
        liking=liking,
        weight=np.exp(log_weights(films, people, who, time, first_year)),
        positive=positive_share(mean, people.spread[who][:, None], people.whole_stars[who][:, None]),
        mood_prior=people.mood_prior[who],
        seen_at=seen_at,
        person=person,
    )


def _ranks(films: Films, part: _Part) -> Int64:
    lift = np.exp(films.mood_lift)
    events = np.arange(len(part.user))
    starts = np.flatnonzero(np.diff(part.visit, prepend=-1))
    fresh = part.seen_at[part.person[starts]] >= starts[:, None]
    at_start = (part.weight * fresh) @ lift.T
    taken = part.weight[part.visit, part.chosen][:, None] * lift.T[part.chosen]
    before = np.cumsum(taken, axis=0) - taken
    left = at_start[part.visit] - (before - before[starts][part.visit])
    left = np.maximum(left, 1e-9 * at_start[part.visit])
    belief = _beliefs(part, starts, taken / left)
    mixed = (belief / left)[part.tick] @ lift
    scores = mixed * part.weight[part.visit] * part.positive[part.visit]
    scores[part.seen_at[part.person] < part.tick[:, None]] = -1.0
    return np.asarray((scores >= scores[events, part.chosen][:, None]).sum(axis=1))


def _beliefs(part: _Part, starts: Int64, likelihood: Float64) -> Float64:
    """(e, moods) probability of each mood just before each event, given the visit's earlier ones.

    The forward algorithm (Rabiner 1989, eqs. 19 and 20), run over all visits at once: a mood lasts, or with
    probability MOOD_CHANGE a new one is drawn from the person's prior.
    """
    sizes = np.diff(starts, append=len(part.user))
    belief = np.empty_like(likelihood)
    belief[starts] = part.mood_prior
    for step in range(1, int(sizes.max())):
        going = np.flatnonzero(sizes > step)
        now = starts[going] + step
        after = belief[now - 1] * likelihood[now - 1]
        after /= after.sum(axis=1, keepdims=True)
        belief[now] = (1 - MOOD_CHANGE) * after + MOOD_CHANGE * part.mood_prior[going]
    return belief


def _above(threshold: float, mean: Float64, spread: Float64) -> Float64:
    """P(mean + noise > threshold)."""
    share: Float64 = ndtr((mean - threshold) / (NOISE_SD * spread))
    return share


def positive_share(mean: Float64, spread: Float64, whole: Float64) -> Float64:
    """P(rating >= POSITIVE_STARS) of whole-star and half-star raters, weighted."""
    in_whole = _above(POSITIVE_STARS - 0.5, mean, spread)
    return whole * in_whole + (1 - whole) * _above(POSITIVE_STARS - 0.25, mean, spread)


def expected_stars(mean: Float64, spread: Float64, whole: Float64) -> Float64:
    """Mean of the rounded rating: the lowest step, plus each step above times the share reaching it."""
    in_whole = 1.0 + sum(_above(star - 0.5, mean, spread) for star in range(2, 6))
    in_half = 0.5 + sum(0.5 * _above(step / 2 - 0.25, mean, spread) for step in range(2, 11))
    expected: Float64 = whole * in_whole + (1 - whole) * in_half
    return expected
