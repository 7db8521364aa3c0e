"""How people of the sample come, choose and rate. `docs/sample.md` has the equations."""

from dataclasses import dataclass

import numpy as np

from marquee.data.sample.taste import Films, People, affinity, new_year, popularity, stream, taste_at
from marquee.pipeline.arrays import Bool, Float64, Int64, Uint8

FEWEST = 15
"""Ratings of a person: MovieLens keeps only people with enough of them."""

ACTIVITY_LOG_SD = 1.0
"""Standard deviation, in logs, of the number of ratings above FEWEST."""

COMES_BACK = 0.47
"""Share of the people with more than one visit."""

VISITS_MEDIAN, VISITS_LOG_SD, MOST_VISITS = 3.0, 1.1, 60
"""Log-normal number of further visits of those who come back."""

SPAN_MEDIAN_DAYS, SPAN_LOG_SD = 50.0, 2.3
"""Log-normal days from the first visit to the last."""

VISIT_CONCENTRATION = 0.7
"""Shape of the gamma distribution of the further visits' sizes: a few visits are large."""

FIRST_VISIT = (2.0, 2.0)
"""Beta distribution of the share of the ratings that the first of several visits has."""

TIE = (0.4, 2.3)
"""Beta distribution of a person's probability of rating in the same second as before."""

GAP_MEDIAN, GAP_LOG_SD, GAP_MOST = 11.0, 1.2, 900.0
"""Log-normal seconds between two ratings of a visit."""

EVENING, EVENING_SD, ANY_HOUR = 20.0, 3.0, 0.3
"""Hour of the day at which visits begin, its standard deviation, and the share that begins at any hour."""

DAY = 86400
"""Seconds."""

CATALOGUE_SHARE = 0.7
"""Nobody rates more than this share of the films released when they join."""

MOOD_CHANGE = 0.05
"""Probability that a new mood begins at a rating within a visit."""

CHOICE_AFFINITY = 1.7
"""Weight of affinity in the log weight of a film."""

MEAN_RATING, RATING_AFFINITY, NOISE_SD = 3.09, 0.34, 0.82
"""The latent rating in stars: its mean, the weight of affinity, and the noise."""

CHUNK = 4096
"""Rows of (rows, films) arrays held at once."""


@dataclass(frozen=True)
class Visits:
    """Ratings to come, in the order they are given, sorted by person: columns of length n.

    Attributes:
        user: (n,) row in People.
        timestamp: (n,) seconds since 1970, never falling within a person.
        visit: (n,) number of the visit, counted over everybody.
        visit_user: (v,) whose visit.
        visit_time: (v,) its first timestamp; taste and popularity are those of that moment.
        mood: (n,) row in Films.mood_lift; hidden from everybody, the oracle included.
        stretch: (n,) number of the run of ratings in one mood, counted over everybody.
    """

    user: Int64
    timestamp: Int64
    visit: Int64
    visit_user: Int64
    visit_time: Int64
    mood: Int64
    stretch: Int64

    def __len__(self) -> int:
        return len(self.user)


def plan_visits(films: Films, people: People, num_interactions: int, last_year: int, seed: int) -> Visits:
    """Draw who rates how often and when, in which visits and moods; `choose` draws what is rated."""
    rng = stream(seed, "visits")
    counts = _activity(films, people, num_interactions, rng)
    sizes = _visit_sizes(counts, rng)
    owner, number = np.nonzero(sizes)
    size = sizes[owner, number]
    visit = np.repeat(np.arange(len(size)), size)
    user = owner[visit]
    starts = np.cumsum(size) - size
    within = _within_visit(visit, starts, user, rng)
    opened = _openings(people, owner, within[starts + size - 1], new_year(last_year + 1), rng)
    begins = rng.random(len(visit)) < MOOD_CHANGE
    begins[starts] = True
    stretch = np.cumsum(begins) - 1
    first = np.flatnonzero(begins)
    levels = np.cumsum(people.mood_prior[user[first]], axis=1)
    mood = (levels < rng.random(len(first))[:, None] * levels[:, -1:]).sum(axis=1)
    return Visits(user, opened[visit] + within, visit, owner, opened, mood[stretch], stretch)


def _activity(films: Films, people: People, num_interactions: int, rng: np.random.Generator) -> Int64:
    """(u,) how many ratings each person gives: a floor plus a log-normal, up to what is released."""
    size = len(people.joined)
    extra = max(num_interactions / size - FEWEST, 0.0)
    draws = np.exp(ACTIVITY_LOG_SD * rng.standard_normal(size) - ACTIVITY_LOG_SD**2 / 2)
    released = np.searchsorted(np.sort(films.released), people.joined)
    most = np.maximum((CATALOGUE_SHARE * released).astype(np.int64), 1)
    floor = min(FEWEST, max(num_interactions // size, 1))
    return np.minimum(floor + np.rint(extra * draws).astype(np.int64), most)


def _visit_sizes(counts: Int64, rng: np.random.Generator) -> Int64:
    """(u, visits) ratings in each visit; many are zero."""
    size = len(counts)
    more = 1 + np.exp(np.log(VISITS_MEDIAN) + VISITS_LOG_SD * rng.standard_normal(size)).astype(np.int64)
    visits = np.where(rng.random(size) < COMES_BACK, 1 + more, 1).clip(1, MOST_VISITS)
    first = np.where(visits > 1, 1 + rng.binomial(counts - 1, rng.beta(*FIRST_VISIT, size)), counts)
    weights = rng.gamma(VISIT_CONCENTRATION, size=(size, MOST_VISITS - 1)) + 1e-12
    weights *= np.arange(MOST_VISITS - 1) < (visits - 1)[:, None]
    weights[:, 0] += 1e-12
    rest = rng.multinomial(counts - first, weights / weights.sum(axis=1, keepdims=True))
    return np.column_stack([first, rest])


def _within_visit(visit: Int64, starts: Int64, user: Int64, rng: np.random.Generator) -> Int64:
    """(n,) seconds since the visit began; pages of ratings are sent in one second."""
    tie = rng.beta(*TIE, user.max() + 1)[user]
    gap = np.exp(np.log(GAP_MEDIAN) + GAP_LOG_SD * rng.standard_normal(len(visit))).clip(1, GAP_MOST)
    gap = np.where(rng.random(len(visit)) < tie, 0, gap.astype(np.int64))
    total = np.cumsum(gap)
    return np.asarray(total - total[starts][visit], dtype=np.int64)


def _openings(people: People, owner: Int64, lasts: Int64, end: int, rng: np.random.Generator) -> Int64:
    """(v,) when each visit begins: days apart, mostly in the evening, the last one over before `end`."""
    number = np.arange(len(owner)) - np.searchsorted(owner, owner)
    visits = np.bincount(owner, minlength=len(people.joined))
    days = (2 + (lasts // DAY))[np.arange(len(owner))]
    needed = np.bincount(owner, weights=days, minlength=len(people.joined)).astype(np.int64)
    joined_day = np.minimum(people.joined // DAY, end // DAY - needed - 1)
    span = np.exp(np.log(SPAN_MEDIAN_DAYS) + SPAN_LOG_SD * rng.standard_normal(len(visits)))
    span = np.minimum(span, end // DAY - needed - 1 - joined_day)
    # Squared, so that the times between visits are uneven.
    pieces = np.where(number > 0, rng.exponential(size=len(owner)) ** 2, 0.0)
    along = np.cumsum(pieces)
    along -= along[np.searchsorted(owner, owner)]
    whole = np.bincount(owner, weights=pieces, minlength=len(visits))[owner]
    far = np.floor(span[owner] * along / np.maximum(whole, 1e-12)).astype(np.int64)
    busy = np.cumsum(days) - days
    busy -= busy[np.searchsorted(owner, owner)]
    hour = rng.normal(EVENING, EVENING_SD, len(owner)) % 24
    hour = np.where(rng.random(len(owner)) < ANY_HOUR, rng.random(len(owner)) * 24, hour)
    opened = (joined_day[owner] + busy + far) * DAY + (hour * 3600).astype(np.int64)
    return np.asarray(opened, dtype=np.int64)


def log_weights(films: Films, people: People, users: Int64, time: Int64, first_year: int) -> Float64:
    """(rows, n) log weight of each film for a person at a time, before mood; -inf before its release."""
    fame = popularity(films, time, first_year) * people.mainstream[users][:, None]
    return fame + CHOICE_AFFINITY * affinity(films, people, users, time)


def choose(films: Films, people: People, visits: Visits, first_year: int, seed: int) -> Int64:
    """(n,) the film of each rating: drawn one after the other by weight, never one seen before.

    The k largest of log weight plus Gumbel noise, in falling order, are k draws without replacement
    (Yellott 1977; Kool et al. 2019, "Stochastic Beams and Where to Find Them"), so a whole stretch of
    one mood is drawn at once, and the r-th stretches of everybody together.
    """
    rng = stream(seed, "choices")
    starts = np.flatnonzero(np.diff(visits.stretch, prepend=-1))
    sizes = np.diff(starts, append=len(visits))
    users = visits.user[starts]
    rounds = np.arange(len(starts)) - np.searchsorted(users, users)
    seen = np.zeros((len(people.joined), len(films.fame)), dtype=bool)
    chosen = np.empty(len(visits), dtype=np.int64)
    for turn in range(int(rounds.max(initial=-1)) + 1):
        everybody = np.flatnonzero(rounds == turn)
        for begin in range(0, len(everybody), CHUNK):
            now = everybody[begin : begin + CHUNK]
            who, size = users[now], sizes[now]
            time = visits.visit_time[visits.visit[starts[now]]]
            keys = log_weights(films, people, who, time, first_year)
            keys += films.mood_lift[visits.mood[starts[now]]] + rng.gumbel(size=keys.shape)
            keys[seen[who]] = -np.inf
            best = np.argsort(-keys, axis=1, kind="stable")[:, : size.max()]
            row = np.repeat(np.arange(len(now)), size)
            rank = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size)
            picked = best[row, rank]
            chosen[starts[now][row] + rank] = picked
            seen[who[row], picked] = True
    return chosen


def rating_mean(
    films: Films, people: People, users: Int64, liking: Float64, chosen: Int64 | slice
) -> Float64:
    """Expected latent rating in stars, before noise, rounding and the ends of the scale.

    Args:
        users: (rows,) who.
        liking: affinities, (rows,) with `chosen` films or (rows, n) with a slice of all.
        chosen: which films the affinities are of.
    """
    wide = (slice(None), None) if liking.ndim > 1 else slice(None)
    deviation = films.quality[chosen] + RATING_AFFINITY * liking
    return MEAN_RATING + people.bias[users][wide] + people.spread[users][wide] * deviation


def rate(films: Films, people: People, visits: Visits, chosen: Int64, seed: int) -> Uint8:
    """(n,) half stars, 1 to 10: quality, affinity, bias and noise, in the person's steps of stars."""
    rng = stream(seed, "ratings")
    tastes = taste_at(people, visits.user, visits.visit_time[visits.visit])
    liking = (tastes * films.taste[chosen]).sum(axis=1)
    mean = rating_mean(films, people, visits.user, liking, chosen)
    stars = mean + NOISE_SD * people.spread[visits.user] * rng.standard_normal(len(visits))
    return in_half_stars(stars, rng.random(len(visits)) < people.whole_stars[visits.user])


def in_half_stars(stars: Float64, whole: Bool) -> Uint8:
    """(n,) latent ratings in the steps of the scale: 2, 4 ... 10 half stars where `whole`, else 1 to 10."""
    half_stars = np.where(whole, 2 * np.rint(stars).clip(1, 5), np.rint(2 * stars).clip(1, 10))
    return half_stars.astype(np.uint8)
