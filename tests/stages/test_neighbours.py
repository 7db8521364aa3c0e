"""tune_neighbours and train_neighbours, from files to files."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
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

USERS, MOVIES, SEEN = 240, 500, 6


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """People who each see six of eleven neighbouring movies and like half; the last forty only later."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(USERS), SEEN).astype(np.int32)
    seen = np.stack([rng.permutation(11)[:SEEN] for _ in range(USERS)]) + np.arange(USERS)[:, None] * 7
    period = np.where(user < 200, TRAIN, VALIDATION).astype(np.uint8)
    table = Interactions(
        user,
        (seen.ravel() % MOVIES).astype(np.int32),
        rng.choice([6, 8], len(user)).astype(np.uint8),
        np.arange(len(user), dtype=np.int64),
        period,
        num_users=USERS,
        num_movies=MOVIES,
    )
    interactions.write(table, paths.PROCESSED.interactions)
    return tmp_path


def accuracy(table: Interactions, neighbours: Neighbours) -> float:
    """Of liked movies of validation, the share among the 100 best after what the person saw, one by one."""
    weights = fitting.fit(table.in_periods(TRAIN), neighbours)
    hits = []
    for row in np.flatnonzero((table.period == VALIDATION) & (table.rating >= 4)):
        before = np.flatnonzero((table.user_index == table.user_index[row]) & (np.arange(len(table)) < row))
        if len(before) == 0:
            continue
        scores = np.zeros(MOVIES)
        for one in before:
            strength = 1.0 if table.rating[one] >= 4 else neighbours.other_weight
            movie = table.movie_index[one]
            entries = slice(weights.start[movie], weights.start[movie + 1])
            scores[weights.movie_index[entries]] += strength * weights.weight[entries]
        scores[table.movie_index[before]] = -np.inf
        hits.append(np.count_nonzero(scores >= scores[table.movie_index[row]]) <= 100)
    return float(np.mean(hits))


def test_the_sweep_s_winner_finds_most_on_validation_and_is_what_training_reads(folder: Path):
    log = logging.getLogger("test")
    # So few people that only a light regularization leaves anything to choose.
    regularization = PARAMS.tune_neighbours.search["regularization"] | {"low": 0.1, "default": 100.0}
    changes = {"n_trials": 4, "search": {"regularization": regularization}}
    sweep = PARAMS.tune_neighbours.model_copy(update=changes)
    fixed = {name: value for name, value in PARAMS.neighbours.items() if name != "kept_per_movie"}
    few = PARAMS.model_copy(update={"tune_neighbours": sweep, "neighbours": fixed | {"kept_per_movie": 4}})
    tune_neighbours.run(few, log)
    neighbours = params.read_best(Neighbours, paths.NEIGHBOURS.best_params)
    table = interactions.read(paths.PROCESSED.interactions)
    trials = pd.read_csv(paths.sweep("tune_neighbours").trials)
    assert 0 < trials["value"].min() < trials["value"].max() < 1
    best = compared("tune_neighbours", "best_value")
    assert best == trials["value"].max() == pytest.approx(accuracy(table, neighbours), abs=1e-6)

    train_neighbours.run(few, log)
    expected = fitting.fit(table.in_periods(TRAIN, VALIDATION), neighbours)
    written = item_item.read(paths.NEIGHBOURS.weights)
    np.testing.assert_array_equal(written.weight, expected.weight)
    np.testing.assert_array_equal(written.movie_index, expected.movie_index)
    with_any = np.count_nonzero(np.diff(expected.start))
    assert compared("train_neighbours", "movies") == with_any
    assert compared("train_neighbours", "weights") == len(expected.weight)
