"""People live through their visits: ask, see the list, choose and rate by their true taste.

At each moment they ask for a list first. What they then watch is drawn as everything in the sample is
(`marquee/data/sample/visits.py`) from all movies, or, where they rely on the list, from the movies shown.
What stands in the list is clicked and rated there; the rest they find by themselves, and it comes with the
history of their next request.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.simulation import worlds
from benchmarks.simulation.crowd import Crowd, Nature, Visitor
from benchmarks.simulation.worlds import World
from marquee.data.sample.taste import affinity, new_year, stream
from marquee.data.sample.visits import DAY, NOISE_SD, in_half_stars, log_weights, rating_mean
from marquee.models.features.person import History
from marquee.monitoring.evidence.rehearsal import Moment
from marquee.monitoring.evidence.requests import FIRST
from marquee.pipeline.arrays import Float32, Float64, Int32, Int64
from marquee.serving.recommender.recommender import Recommendation, Recommender

BEGINS = new_year(2020)
"""Day 0 of every world, after the sample's last year: seconds since 1970."""
SEEDS = 2**62


@dataclass(frozen=True)
class Lived:
    """One request, and what came of it.

    Attributes:
        row: of the crowd's people.
        moment: when and who.
        day: of the world.
        history: at that moment.
        best: the list shown.
        chosen: (c,) rows of the catalogue they watch next.
        stars: (c,) what they rate them.
        predicted: (c,) what the recommender predicts for them, shown or not.
    """

    row: int
    moment: Moment
    day: int
    history: History
    best: list[Recommendation]
    chosen: Int32
    stars: Float32
    predicted: Float32

    @property
    def shown(self) -> Int32:
        """(at most FIRST,) rows of the catalogue."""
        return np.array([one.movie_index for one in self.best], dtype=np.int32)

    def hit(self, positive_rating: float) -> float:
        """Share of what they like next that stands in the list; NaN where nothing is liked."""
        liked = self.chosen[self.stars >= positive_rating]
        return float(np.isin(liked, self.shown).mean()) if len(liked) else float("nan")

    @property
    def then(self) -> History:
        """The history afterwards."""
        return _followed(self.history, self.chosen, self.stars, self.moment.now)

    @property
    def squared_error(self) -> float:
        """Mean over what they watch next, stars squared."""
        return float(np.square(self.predicted.astype(np.float64) - self.stars).mean())


class Life:
    """A crowd in a world, asking one recommender after the other."""

    def __init__(self, nature: Nature, crowd: Crowd, world: World, days: int, ratings: Float32, seed: int):
        """Prepare.

        Args:
            nature: the simulator.
            crowd: who lives.
            world: in which.
            days: of the world.
            ratings: (n,) of each film that training saw.
            seed: of every choice.
        """
        self.crowd, self.world, self.days = crowd, world, days
        self._nature, self._seed = nature, seed
        self._people = worlds.people_of(world, crowd, nature, nature.since)
        self._lift = world.lift(ratings)

    def visit(
        self,
        visitor: Visitor,
        number: int,
        day: int,
        history: History,
        ask: Recommender | None,
        explore: bool,
    ) -> Iterator[Lived]:
        """One visit, moment by moment.

        Args:
            visitor: who.
            number: of their visit.
            day: of the world.
            history: what they rated before.
            ask: whom they ask; None: nobody, and nothing is predicted.
            explore: whether their requests let chance have a say.
        """
        plan, rows = self.crowd.plan, visitor.visits[number]
        rng = stream(self._seed, f"visit:{visitor.row}:{number}")
        wants = _Wants(self, visitor.row, int(plan.visit_time[plan.visit[rows[0]]]), history, rng)
        midnight = int(plan.timestamp[rows[0]]) // DAY * DAY
        relies = float(worlds.reliance(self.world, day, self.days)) if ask else 0.0
        for together in np.split(rows, np.flatnonzero(np.diff(plan.timestamp[rows])) + 1):
            now = int(plan.timestamp[together[0]])
            at = BEGINS + day * DAY + now - midnight + visitor.row % 1000 / 1000
            seed = int(rng.integers(SEEDS)) if explore else None
            moment = Moment(f"visitor-{self._seed}-{visitor.row}", at, now, seed)
            best = ask.recommend(history, now, FIRST, seed=seed) if ask else []
            shown = np.array([one.movie_index for one in best], dtype=np.int64)
            moods = zip(plan.stretch[together].tolist(), plan.mood[together].tolist(), strict=True)
            movies = np.array([wants.next(*mood, shown, relies) for mood in moods], dtype=np.int32)
            stars = wants.rate(movies)
            predicted = ask.predict_ratings(history, movies, now) if ask else np.full_like(stars, np.nan)
            lived = Lived(visitor.row, moment, day, history, best, movies, stars, predicted)
            yield lived
            history = lived.then

    def wanted(self, row: int, now: int, history: History) -> Float64:
        """(n,) probability that each film is what a person, whatever their mood, watches next."""
        return _Wants(self, row, now, history, np.random.default_rng(0)).shares()

    def until(self, day: int, ask: Recommender, on: list[Int64], explore: bool) -> Iterator[Lived]:
        """All visits before a day of the world, visitor by visitor.

        The others are lived as well, for they may come first in a visitor's own calendar; nobody is asked.

        Args:
            day: of the world.
            ask: the recommender.
            on: of each visitor the day of each visit.
            explore: see `visit`.
        """
        for visitor, days in zip(self.crowd.visitors, on, strict=True):
            if days.min() >= day:
                continue
            history = visitor.history
            for number, of_visit in enumerate(days.tolist()):
                asked = ask if of_visit < day else None
                for lived in self.visit(visitor, number, of_visit, history, asked, explore):
                    if asked:
                        yield lived
                    history = lived.then


class _Wants:
    """What one person wants during one visit."""

    def __init__(self, life: Life, row: int, time: int, history: History, rng: np.random.Generator) -> None:
        nature, people = life._nature, life._people
        who, when = np.array([row]), np.array([time])
        self._films, self._people, self._who, self._rng = nature.films, people, who, rng
        weights = log_weights(nature.films, people, who, when, nature.sample.first_year)[0]
        self.log_weights: Float64 = weights + life._lift
        self._liking = affinity(nature.films, people, who, when)[0]
        self._stars = life.world.stars
        self._seen = np.zeros(len(self.log_weights), dtype=bool)
        self._seen[history.movie_index] = True
        self._stretch, self._keys = -1, self.log_weights

    def next(self, stretch: int, mood: int, shown: Int64, relies: float) -> int:
        """Row of the movie they watch next, of all or of those shown."""
        if stretch != self._stretch:
            noise = self._rng.gumbel(size=len(self.log_weights))
            self._stretch, self._keys = stretch, self.log_weights + self._films.mood_lift[mood] + noise
        keys = np.where(self._seen, -np.inf, self._keys)
        listed = self._rng.random() < relies and np.isfinite(keys[shown]).any()
        chosen = int(shown[np.argmax(keys[shown])]) if listed else int(np.argmax(keys))
        self._seen[chosen] = True
        return chosen

    def shares(self) -> Float64:
        """(n,) probability that each film is next when a new mood begins."""
        unseen = np.where(self._seen, -np.inf, self.log_weights)
        weights = np.exp(unseen - unseen.max() + self._films.mood_lift)
        of_mood = self._people.mood_prior[self._who[0]]
        shares: Float64 = of_mood @ (weights / weights.sum(axis=1, keepdims=True))
        return shares

    def rate(self, movies: Int32) -> Float32:
        """(c,) stars."""
        who = np.repeat(self._who, len(movies))
        mean = rating_mean(self._films, self._people, who, self._liking[movies], movies.astype(np.int64))
        noise = NOISE_SD * self._people.spread[who] * self._rng.standard_normal(len(movies))
        whole = self._rng.random(len(movies)) < self._people.whole_stars[who]
        return np.asarray(in_half_stars(mean + self._stars + noise, whole) / 2, dtype=np.float32)


def _followed(history: History, movies: Int32, stars: Float32, now: int) -> History:
    order = np.argsort(movies, kind="stable")  # as the training table is sorted
    return History(
        np.concatenate([history.movie_index, movies[order]]),
        np.concatenate([history.rating, stars[order]]),
        np.concatenate([history.timestamp, np.full(len(movies), now, dtype=np.int64)]),
    )
