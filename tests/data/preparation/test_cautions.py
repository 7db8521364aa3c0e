"""What misleads is said before anything is trained; what does not, is not."""

import re

import numpy as np
import pytest

from marquee.data.preparation import cautions

STARS, TIMES = np.array([3, 4], dtype=np.float32), np.array([900_000_001, 900_000_002])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"movies": 100}, "100 movies: a list of 100 holds them all(.*)below 0"),
        ({"rating": np.full(2, 5, dtype=np.float32)}, "all ratings are 5:(.*)retrieval_only"),
        ({"timestamp": np.array([864_000_000, 864_086_400])}, "whole days(.*)in seconds"),
    ],
)
def test_each_caution_names_its_cause_and_what_to_do(given, said):
    told = cautions.of(**({"rating": STARS, "timestamp": TIMES, "movies": 101} | given))
    assert len(told) == 1
    assert re.search(said, told[0])


def test_ordinary_data_need_no_caution():
    assert cautions.of(STARS, TIMES, 101) == []
