import numpy as np
import pytest

from benchmarks import tutorial
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import Interactions
from marquee.evaluation.measures.events import Events
from marquee.models.features.pair import FEATURES
from marquee.models.ranking.rows import Rows
from marquee.models.retrieval.batches import Histories
from marquee.models.training.runtime import start_tensorflow


@pytest.fixture(autouse=True)
def _tensorflow() -> None:
    start_tensorflow(seed=1, threads=1)


def every_event(table: Interactions) -> Events:
    return Events(np.arange(len(table)), table.history_start, table.history_end)


def histories(table: Interactions) -> Histories:
    movies = table.num_movies
    nothing = np.zeros((movies, 0), np.float32)
    release = np.full(movies, 1969.0, np.float32)
    return Histories(table, Catalogue(nothing, nothing, nothing, release, nothing.astype(np.int32)))


def test_known_ids_are_numbered_from_one_and_the_others_share_row_zero():
    assert tutorial.rows_of_known(np.array([3, 0, 3], np.int32), 5).tolist() == [1, 0, 0, 2, 0]


def test_the_tutorials_rows_are_the_interactions(table: Interactions):
    batches = tutorial.shuffled_batches(tutorial.id_columns(table), batch_size=2, seed=1)
    pairs = [
        pair
        for batch in batches
        for pair in zip(batch["user_index"].numpy(), batch["movie_index"].numpy(), strict=True)
    ]
    assert sorted(pairs) == sorted(zip(table.user_index, table.movie_index, strict=True))
    assert len(pairs) == 6


def test_a_row_is_one_history_of_its_own_strictly_before_the_movie(table: Interactions):
    columns = tutorial.history_columns(histories(table), every_event(table), length=3)
    assert columns["target"].tolist() == [2, 0, 4, 0, 2, 4]
    assert columns["length"].tolist() == [0, 1, 1, 0, 1, 0]  # rows 1 and 2 share a second
    assert columns["movie_index"].tolist() == [
        [0, 0, 0],
        [2, 0, 0],
        [2, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
    ]
    assert np.count_nonzero(columns["features"][:, 1:]) == 0
    assert columns["features"][1, 0].tolist() == histories(table).rows[0].tolist()


def test_columns_gather_into_the_rows_they_came_from():
    features = np.arange(2 * len(FEATURES), dtype=np.float32).reshape(2, -1)
    rows = Rows(features, np.array([4, 1], np.int32), np.array([3.5, 5.0], np.float32))
    gathered = tutorial.gathered(dict(tutorial.feature_columns(rows)))
    assert gathered["features"].numpy().tolist() == features.tolist()
    assert gathered["rating"].tolist() == [3.5, 5.0]
    assert gathered["weight"].numpy().tolist() == [1.0, 1.0]
