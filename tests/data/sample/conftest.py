"""People simulated once for all tests of the sample."""

import pandas as pd
import pytest

from marquee.data.sample.sample import SimulatedData, simulate
from marquee.pipeline import params
from tests.places import ROOT

FILMS = ROOT / "data" / "sample" / "films.csv"
MIDDLE = params.Sample(num_users=900, num_interactions=54_000, first_year=2006, last_year=2018)


@pytest.fixture(scope="session")
def data() -> SimulatedData:
    return simulate(FILMS, MIDDLE, seed=7)


@pytest.fixture(scope="session")
def ratings(data: SimulatedData) -> pd.DataFrame:
    """Interactions with the stars, the release year, the year of the rating and the oracle's answer."""
    frame = data.interactions.merge(data.movies[["movie_id", "year"]], on="movie_id", validate="many_to_one")
    frame["stars"] = frame["half_stars"] / 2
    frame["rated_in"] = pd.to_datetime(frame["timestamp"], unit="s").dt.year
    return frame.assign(rank=data.oracle["rank"], expected=data.oracle["expected_rating"])
