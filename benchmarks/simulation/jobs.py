"""What is simulated, job by job: each can run in a process of its own."""

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.simulation import crowd, junk, lab, off_policy, recording
from benchmarks.simulation.crowd import Crowd
from benchmarks.simulation.living import Life, Lived
from benchmarks.simulation.off_policy import Contexts
from benchmarks.simulation.recording import Kept
from benchmarks.simulation.worlds import STATIONARY, World
from marquee.monitoring.evidence import reference
from marquee.monitoring.evidence.reference import Reference

SHARE, DAYS = 0.8, 32
"""Of a world: people as many as the sample has, and the days that their period is rolled up to."""
VOLUME = 2000
"""Requests of a world that changes, within which the change should be found."""
OTHER_PEOPLE = 1000
"""Added to the seed of a world that changes: nobody of its people lives in a stationary one."""


@dataclass(frozen=True)
class Stationary:
    """A life without drift.

    Attributes:
        kept: what it left.
        contexts: some of its moments, for the off-policy runs.
    """

    kept: Kept
    contexts: Contexts


@functools.cache
def reference_of_bundle() -> Reference:
    """The reference as `make monitor` builds it."""
    here = lab.opened()
    knobs, prepared = here.params.monitoring, here.params.preprocess_data
    return reference.build(
        here.packaged, here.table, prepared.positive_rating, knobs.max_visitors, here.params.seed
    )


def stationary(seed: int) -> Stationary:
    """Everybody of a crowd, all days of the world."""
    here = lab.opened()
    life, on = _life(STATIONARY, seed, DAYS)
    lives = list(life.until(DAYS, here.recommender, on, explore=True))
    contexts = off_policy.contexts(here.recommender, life, lives, seed)
    return Stationary(_keep(lives, junk_of=None), contexts)


def changed(world: World, seed: int) -> Kept:
    """A crowd in a world that changes, for as many days as VOLUME requests take."""
    here = lab.opened()
    gathered = crowd.gather(here.nature, SHARE, OTHER_PEOPLE + seed)
    days = max(2, -(-VOLUME * DAYS // gathered.requests))
    life, on = _life(world, OTHER_PEOPLE + seed, days + 1, gathered)
    lives = list(life.until(days + 1, here.recommender, on, explore=True))
    lives = sorted(lives, key=lambda lived: lived.moment.time)[:VOLUME]
    return _keep(lives, junk_of=seed if world.junk else None)


def _life(world: World, seed: int, days: int, people: Crowd | None = None) -> tuple[Life, list[np.ndarray]]:
    here = lab.opened()
    people = people or crowd.gather(here.nature, SHARE, seed)
    life = Life(here.nature, people, world, days, here.ratings, seed)
    return life, crowd.world_days(people, here.nature, DAYS, seed)


def _keep(lives: list[Lived], junk_of: int | None) -> Kept:
    here = lab.opened()
    with tempfile.TemporaryDirectory() as folder:
        return recording.keep(
            here.recommender,
            here.packaged.content_hash,
            lives,
            here.params.preprocess_data.positive_rating,
            Path(folder),
            None if junk_of is None else functools.partial(junk.lines, seed=junk_of),
        )
