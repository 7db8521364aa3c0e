"""The embedded data set: real films, simulated people. `docs/sample.md` documents the model.

Nobody here is a real person, and no popularity or rating here says anything about a real film.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from marquee.data.sample import oracle
from marquee.data.sample.films import FACT_OF, read_films
from marquee.data.sample.people import make_people
from marquee.data.sample.taste import Films, People, make_films
from marquee.data.sample.visits import Visits, choose, plan_visits, rate
from marquee.data.tables import facts
from marquee.data.tables.facts import Fact
from marquee.pipeline import params
from marquee.pipeline.arrays import Int64


class SampleError(ValueError):
    """The `sample` section of params.yaml asks for what cannot be; the message names the key."""


@dataclass(frozen=True)
class SimulatedData:
    """The raw tables (`marquee/data/tables/schema.py`) and, for the oracle, the simulator's own state.

    Attributes:
        interactions, movies, metadata: frames in the raw schema.
        films, people, visits: what the simulator knows; `visits` is in the order ratings were given.
        chosen: (n,) row in `movies` of each rating of `visits`.
        order: (n,) row of `visits` behind each row of `interactions`.
        first_year: of the simulation.
    """

    interactions: pd.DataFrame
    movies: pd.DataFrame
    metadata: pd.DataFrame
    films: Films
    people: People
    visits: Visits
    chosen: Int64
    order: Int64
    first_year: int

    @cached_property
    def oracle(self) -> pd.DataFrame:
        """What the best reachable recommender says of each interaction: `schema.ORACLE`, row by row."""
        rank, expected = oracle.foresee(self.films, self.people, self.visits, self.chosen, self.first_year)
        frame = self.interactions[["user_id", "movie_id", "timestamp"]].copy()
        frame["rank"] = rank[self.order].astype(np.int16)
        frame["expected_rating"] = expected[self.order].astype(np.float32)
        return frame


def simulate(films: Path, params: params.Sample, seed: int) -> SimulatedData:
    """Simulate people rating the films of a catalogue; the same seed gives the same frames.

    Args:
        films: the catalogue (`data/sample/films.csv`).
        params: number of people, ratings aimed at, first and last year.
        seed: of every draw.

    Raises:
        FilmsError: the catalogue breaks a rule.
        SampleError: the parameters contradict each other or the catalogue.
    """
    catalogue = read_films(films)
    _check(params, catalogue)
    years = (params.first_year, params.last_year)
    latent = make_films(catalogue, years, seed)
    people = make_people(latent, params.num_users, years, seed)
    visits = plan_visits(latent, people, params.num_interactions, params.last_year, seed)
    chosen = choose(latent, people, visits, params.first_year, seed)
    interactions = pd.DataFrame(
        {
            "user_id": (visits.user + 1).astype(np.int32),
            "movie_id": (chosen + 1).astype(np.int32),
            "half_stars": rate(latent, people, visits, chosen, seed),
            "timestamp": visits.timestamp,
        }
    )
    order = np.lexsort((chosen, visits.user, visits.timestamp))
    return SimulatedData(
        interactions=interactions.iloc[order].reset_index(drop=True),
        movies=_table(catalogue, facts.OF_MOVIES).assign(tmdb_id=np.zeros(len(catalogue), dtype=np.int32)),
        metadata=_table(catalogue, facts.OF_METADATA),
        films=latent,
        people=people,
        visits=visits,
        chosen=chosen,
        order=order,
        first_year=params.first_year,
    )


def _check(params: params.Sample, catalogue: pd.DataFrame) -> None:
    if not 1995 <= params.first_year <= params.last_year:
        raise SampleError(
            f"params.yaml: sample.first_year {params.first_year} and sample.last_year {params.last_year} "
            "must be in order, and 1995 (when MovieLens opened) or later. Change one."
        )
    released = int((catalogue["year"] < params.first_year).sum())
    if not released:
        raise SampleError(
            f"No film was released before sample.first_year {params.first_year}; take a later year."
        )
    if params.num_interactions > params.num_users * released // 4:
        raise SampleError(
            f"params.yaml: sample.num_interactions {params.num_interactions} is more than a quarter of what "
            f"{params.num_users} people could rate of {released} films. Ask for fewer or add people."
        )


def _table(catalogue: pd.DataFrame, listed: Iterable[Fact]) -> pd.DataFrame:
    """A row per film: its id and these facts; empty what the catalogue does not know.

    Overviews are not written, and of the release only the year is known: a made-up day would not be a fact.
    """
    known = {FACT_OF.get(str(name), str(name)): catalogue[name] for name in catalogue}
    size = len(catalogue)
    columns = {fact.name: known.get(fact.name, [fact.empty for _ in range(size)]) for fact in listed}
    return pd.DataFrame({"movie_id": np.arange(1, size + 1, dtype=np.int32), **columns})
