"""tune_neighbours and train_neighbours, from files to files."""

import logging
from pathlib import Path

import numpy as np
import pytest

from marquee.data.tables import interactions
from marquee.data.tables.interactions import TRAIN, VALIDATION, Interactions
from marquee.models.neighbours import fitting, item_item
from marquee.pipeline import params, paths
from marquee.pipeline.params import Neighbours
from stages import train_neighbours, tune_neighbours
from tests.fixtures.tiny_pipeline import PARAMS
from tests.measured import compared
from tests.places import ROOT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sixty people who each see eight neighbouring movies of forty, in order."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    user = np.repeat(np.arange(60), 8).astype(np.int32)
    movie = ((np.repeat(np.arange(60), 8) * 7 + np.tile(np.arange(8), 60)) % 40).astype(np.int32)
    time = np.arange(480, dtype=np.int64)
    period = np.where(user < 50, TRAIN, VALIDATION).astype(np.uint8)
    order = np.lexsort((movie, time, user))
    table = Interactions(
        user, movie[order], np.full(480, 8, np.uint8), time, period, num_users=60, num_movies=40
    )
    interactions.write(table, paths.PROCESSED.interactions)
    return tmp_path


def test_the_sweep_writes_a_winner_that_training_reads(folder: Path):
    log = logging.getLogger("test")
    sweep = PARAMS.tune_neighbours.model_copy(update={"n_trials": 3})
    three_trials = PARAMS.model_copy(update={"tune_neighbours": sweep})
    tune_neighbours.run(three_trials, log)
    neighbours = params.read_best(Neighbours, paths.NEIGHBOURS.best_params)
    assert compared("tune_neighbours", "best_value") > 0

    train_neighbours.run(PARAMS, log)
    table = interactions.read(paths.PROCESSED.interactions)
    expected = fitting.fit(table.in_periods(TRAIN, VALIDATION), neighbours)
    written = item_item.read(paths.NEIGHBOURS.weights)
    np.testing.assert_array_equal(written.weight, expected.weight)
    assert compared("train_neighbours", "movies") == 40
    assert compared("train_neighbours", "weights") == len(expected.weight)
