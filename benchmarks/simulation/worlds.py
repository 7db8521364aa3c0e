"""The worlds: what changes, and for whom; the people are those of `crowd.py` everywhere."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.simulation.crowd import Crowd, Nature
from marquee.data.sample.people import moods_of
from marquee.data.sample.taste import TASTE_DIM, People, rows_scaled, stream
from marquee.pipeline.arrays import Float32, Float64, Int64

FLOOD = 3.0
"""Added to the log popularity of movies that training never saw."""
SHOCK, SHOCKED = 3.5, 12
"""Added to the log popularity of this many movies, of middling popularity until then."""
STARS = -0.5
"""What the whole scale is shifted by."""
NEW_TASTE = 0.8
"""Share of the variance of everybody's taste that is new."""

BROKEN = "broken-client"
"""The visitor_id of the client that sends junk."""

Lift = Callable[[Float32], Float64]


def nothing(ratings: Float32) -> Float64:
    """(n,) nothing is lifted."""
    return np.zeros(len(ratings))


def new_movies(ratings: Float32) -> Float64:
    """(n,) what training never saw is lifted."""
    return np.where(ratings == 0, FLOOD, 0.0)


def a_few(ratings: Float32) -> Float64:
    """(n,) some movies of middling popularity are lifted: the same in every run."""
    order = np.argsort(-ratings, kind="stable")
    middling = order[len(order) // 4 : len(order) * 3 // 4 : max(1, len(order) // (2 * SHOCKED))]
    lifted = np.zeros(len(ratings))
    lifted[middling[:SHOCKED]] = SHOCK
    return lifted


@dataclass(frozen=True)
class World:
    """One way in which the world may go on.

    Attributes:
        name: in tables.
        title: of its picture.
        lift: (n,) ratings of each movie in training -> added to log popularity.
        stars: added to all ratings, before they are rounded.
        new_taste: share of the variance of everybody's taste that is new.
        relies: share of the choices made among the movies shown, on the first day and on the last.
        junk: whether a broken client joins in.
    """

    name: str
    title: str
    lift: Lift = nothing
    stars: float = 0.0
    new_taste: float = 0.0
    relies: tuple[float, float] = (0.0, 0.0)
    junk: bool = False


STATIONARY = World("stationary", "Stationary: other people, nothing else is new")
WORLDS = (
    STATIONARY,
    World("new_tastes", "New tastes: four fifths of everybody's", new_taste=NEW_TASTE),
    World("new_movies", "A flood of movies that training never saw", lift=new_movies),
    World("rating_scale", "Everybody rates half a star lower", stars=STARS),
    World("popularity_shock", f"{SHOCKED} middling movies become fashionable", lift=a_few),
    World("junk_client", "A broken client sends junk", junk=True),
    World("feedback_loop", "More and more is chosen from the list", relies=(0.0, 1.0)),
)


def people_of(world: World, crowd: Crowd, nature: Nature, seed: int) -> People:
    """The crowd's people as the world has them in the period; what they rated before stays."""
    if world.new_taste == 0:
        return crowd.people
    # A rotation of taste space: whoever liked the same still does, but they like something else.
    turned, _ = np.linalg.qr(stream(seed, "new_taste").standard_normal((TASTE_DIM, TASTE_DIM)))
    old = np.sqrt(1 - world.new_taste) * crowd.people.taste
    taste = rows_scaled(old + np.sqrt(world.new_taste) * crowd.people.taste @ turned)
    return replace(crowd.people, taste=taste, mood_prior=moods_of(nature.films, taste))


def reliance(world: World, day: Int64 | int, days: int) -> Float64:
    """Share of the choices made among the movies shown, on a day of the world."""
    first, last = world.relies
    return np.asarray(first + (last - first) * np.asarray(day) / max(1, days - 1))
