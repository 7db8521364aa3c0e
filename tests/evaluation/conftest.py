"""Small tables written as rows."""

from collections.abc import Callable

import numpy as np
import pytest

from stages.data.interactions import Interactions

Row = tuple[int, int, float, int, int]
Table = Callable[..., Interactions]


def _table(*rows: Row, num_movies: int, num_users: int | None = None) -> Interactions:
    """Rows of (user, movie, stars, timestamp, period), in any order."""
    ordered = sorted(rows, key=lambda row: (row[0], row[3], row[1]))
    user, movie, stars, timestamp, period = map(np.array, zip(*ordered, strict=True))
    return Interactions(
        user.astype(np.int32),
        movie.astype(np.int32),
        (stars * 2).astype(np.uint8),
        timestamp.astype(np.int64),
        period.astype(np.uint8),
        num_users=int(user.max()) + 1 if num_users is None else num_users,
        num_movies=num_movies,
    )


@pytest.fixture(scope="session")
def table() -> Table:
    """A maker of interactions from rows of (user, movie, stars, timestamp, period)."""
    return _table
