"""What sweeps of candidate sources are judged by."""

import numpy as np
import pytest

from marquee.data.tables.interactions import TRAIN, VALIDATION
from marquee.evaluation.measures.events import Events
from marquee.models.tuning import validation
from marquee.pipeline.arrays import Float32
from tests.fixtures.tables import Table


def test_asked_are_positive_events_of_validation_with_a_history(table: Table) -> None:
    interactions = table(
        (0, 0, 5.0, 1, TRAIN),
        (0, 1, 4.0, 2, VALIDATION),  # the only one: liked, and something came before
        (0, 2, 3.5, 3, VALIDATION),  # not liked
        (1, 1, 5.0, 4, VALIDATION),  # nothing before
        num_movies=3,
    )
    asked = validation.positive_events(interactions, 4.0, max_users=10, seed=1)
    assert asked.rows.tolist() == [1]


@pytest.mark.parametrize(("ahead", "accuracy"), [(99, 1.0), (100, 0.0)])
def test_accuracy_is_the_share_of_movies_among_the_best_100_of_those_unseen(
    table: Table, ahead: int, accuracy: float
) -> None:
    interactions = table(
        (0, 0, 5.0, 1, TRAIN),
        (0, 1, 5.0, 2, VALIDATION),
        (0, 2, 5.0, 3, VALIDATION),
        num_movies=3 + ahead,
    )
    asked = validation.positive_events(interactions, 4.0, max_users=10, seed=1)

    def scorer(events: Events) -> Float32:
        # Movie 0 leads and is always seen. Unseen first: those ahead, 1, 2; at the second event: those, 2.
        return np.tile(np.array([9, 2, 1, *[3] * ahead], np.float32), (len(events), 1))

    assert validation.accuracy(scorer, interactions, asked) == accuracy
