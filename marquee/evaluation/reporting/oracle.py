"""The best reachable answer, where the data is simulated and the simulator is known."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from marquee.data.tables.interactions import Interactions
from marquee.pipeline.arrays import Float32, Int32


class OracleError(ValueError):
    """The oracle's table does not fit the interactions."""


@dataclass(frozen=True)
class Oracle:
    """What a recommender that knew the simulator would answer, one row per interaction.

    Attributes:
        rank: (n,) int32 of the movie among those unseen, 1 is best.
        expected_rating: (n,) float32 in stars.
    """

    rank: Int32
    expected_rating: Float32


def read(path: Path, interactions: Interactions) -> Oracle | None:
    """Read the oracle of simulated data; None for data of real people, whose table is empty.

    Ids and indices have the same order, so sorting both by user, time and movie aligns them.

    Raises:
        OracleError: the table is of other data.
    """
    frame = pd.read_parquet(path).sort_values(["user_id", "timestamp", "movie_id"], ignore_index=True)
    if frame.empty:
        return None
    if not np.array_equal(frame["timestamp"].to_numpy(), interactions.timestamp):
        raise OracleError(f"{path} is of other interactions than data/processed. Run `dvc repro`.")
    return Oracle(
        frame["rank"].to_numpy().astype(np.int32), frame["expected_rating"].to_numpy().astype(np.float32)
    )
