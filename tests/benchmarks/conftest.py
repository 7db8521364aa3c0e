"""Six interactions of three people on five movies; two share a second."""

import numpy as np
import pytest

from marquee.data.tables.interactions import Interactions


@pytest.fixture
def table() -> Interactions:
    return Interactions(
        user_index=np.array([0, 0, 0, 1, 1, 3], np.int32),
        movie_index=np.array([2, 0, 4, 0, 2, 4], np.int32),
        half_stars=np.array([8, 6, 10, 9, 2, 8], np.uint8),
        timestamp=np.array([100, 200, 200, 50, 60, 70], np.int64),
        period=np.zeros(6, np.uint8),
        num_users=4,
        num_movies=5,
    )
