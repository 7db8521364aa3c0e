"""Other people of the sample: same films and clusters of taste, none of them known to any model.

They lived through the sample's years like everybody in it. What they rated before the test period is their
history; each visit in it is to come, and `living.py` lets it happen.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from marquee.data.sample import people as sample_people
from marquee.data.sample.films import read_films
from marquee.data.sample.people import Clusters
from marquee.data.sample.taste import Films, People, make_films, new_year, stream
from marquee.data.sample.visits import DAY, Visits, choose, plan_visits, rate
from marquee.models.features.person import History
from marquee.pipeline import params
from marquee.pipeline.arrays import Bool, Int64

HALF = np.float32(0.5)


@dataclass(frozen=True)
class Nature:
    """What the simulator knows.

    Attributes:
        films: latent features; row i is the film of movie_id i + 1.
        clusters: of taste.
        sample: knobs of the sample.
        since: seconds since 1970 at which the period to be lived begins: the test period.
    """

    films: Films
    clusters: Clusters
    sample: params.Sample
    since: int

    @property
    def years(self) -> tuple[int, int]:
        """First and last."""
        return self.sample.first_year, self.sample.last_year

    @property
    def days(self) -> int:
        """Of the period."""
        end = new_year(self.sample.last_year + 1)
        return (end - self.since) // DAY + 1


@dataclass(frozen=True)
class Visitor:
    """One person, as they come into the period.

    Attributes:
        row: in the crowd's people.
        history: what they rated before, oldest first.
        visits: rows of the plan of each visit in the period, visit by visit.
    """

    row: int
    history: History
    visits: tuple[Int64, ...]


@dataclass(frozen=True)
class Crowd:
    """People who come in the period.

    Attributes:
        people: their latent features.
        plan: when they rate, visit by visit, and in which mood; what they rate is not decided yet.
        visitors: one per person.
    """

    people: People
    plan: Visits
    visitors: tuple[Visitor, ...]

    @property
    def requests(self) -> int:
        """How often they will ask: once per moment at which they rate."""
        return sum(len(np.unique(self.plan.timestamp[rows])) for one in self.visitors for rows in one.visits)


def nature_of(catalogue: Path, sample: params.Sample, since: int, seed: int) -> Nature:
    """The simulator behind the sample of a seed."""
    years = (sample.first_year, sample.last_year)
    films = make_films(read_films(catalogue), years, seed)
    return Nature(films, sample_people.clusters_of(sample.num_users, years, seed), sample, since)


def gather(nature: Nature, share: float, seed: int) -> Crowd:
    """Draw people, and keep those who come in the period.

    Args:
        nature: the simulator.
        share: of the sample's size: 1 gives about as many requests as its test period has.
        seed: who comes, and all they did before.
    """
    sample, films = nature.sample, nature.films
    size = max(1, round(sample.num_users * share))
    everybody = sample_people.make_others(films, size, nature.years, nature.clusters, seed)
    ratings = round(sample.num_interactions * share)
    plan = plan_visits(films, everybody, ratings, sample.last_year, seed)
    comes = np.unique(plan.user[plan.timestamp >= nature.since])
    people, plan = _only(everybody, plan, comes)
    before = _taken(plan, plan.timestamp < nature.since)
    chosen = choose(films, people, before, sample.first_year, seed)
    half_stars = rate(films, people, before, chosen, seed)
    history = History(chosen.astype(np.int32), half_stars * HALF, before.timestamp)
    return Crowd(people, plan, tuple(_visitors(plan, before.user, history, nature.since)))


def world_days(crowd: Crowd, nature: Nature, days: int, seed: int) -> list[Int64]:
    """Per visitor the day of the world of each visit: the period is rolled up and begins anywhere.

    Each visitor's calendar is turned by a number of days of their own, so that no day of the world differs
    from another: within the real period seasons, premieres and newcomers' tastes do.
    """
    turned = stream(seed, "days").integers(nature.days, size=len(crowd.visitors))
    result = []
    for visitor, turn in zip(crowd.visitors, turned, strict=True):
        begins = np.array([crowd.plan.timestamp[rows[0]] for rows in visitor.visits], dtype=np.int64)
        result.append(((begins - nature.since) // DAY + turn) % nature.days * days // nature.days)
    return result


def _only(people: People, plan: Visits, users: Int64) -> tuple[People, Visits]:
    """Some of the people, and what they plan."""
    some = People(**{field.name: getattr(people, field.name)[users] for field in fields(People)})
    kept = np.isin(plan.user, users)
    fewer = _taken(plan, kept)
    user = np.searchsorted(users, fewer.user)
    visit_user = np.searchsorted(users, fewer.visit_user).clip(max=len(users) - 1)
    return some, Visits(**{**vars(fewer), "user": user, "visit_user": visit_user})


def _taken(plan: Visits, kept: Bool) -> Visits:
    """Some rows; visits keep their numbers."""
    rows = {name: getattr(plan, name)[kept] for name in ("user", "timestamp", "visit", "mood", "stretch")}
    return Visits(**rows, visit_user=plan.visit_user, visit_time=plan.visit_time)


def _visitors(plan: Visits, before_user: Int64, history: History, since: int) -> Iterator[Visitor]:
    bounds = np.searchsorted(plan.user, np.arange(plan.user[-1] + 2))
    before = np.searchsorted(before_user, np.arange(plan.user[-1] + 2))
    for row in range(plan.user[-1] + 1):
        rows = np.arange(bounds[row], bounds[row + 1])
        rows = rows[plan.timestamp[rows] >= since]
        visits = np.split(rows, np.flatnonzero(np.diff(plan.visit[rows])) + 1)
        mine = slice(before[row], before[row + 1])
        order = np.lexsort((history.movie_index[mine], history.timestamp[mine]))
        kept = History(
            history.movie_index[mine][order], history.rating[mine][order], history.timestamp[mine][order]
        )
        yield Visitor(row, kept, tuple(visits))
