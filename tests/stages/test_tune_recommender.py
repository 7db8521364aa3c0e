"""The stage tune_recommender on the tiny pipeline."""

import csv
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from marquee.pipeline import paths
from stages import tune_recommender
from tests.fixtures.tiny_pipeline import PARAMS
from tests.measured import compared


@pytest.fixture
def kept(house: Path) -> Iterator[Path]:
    """The tiny pipeline's folder, whose recommender other tests read too, as it was before."""
    before = paths.RECOMMENDER.best_params.read_bytes()
    yield house
    paths.RECOMMENDER.best_params.write_bytes(before)


def test_the_weights_with_the_highest_value_win_and_the_rules_stay_as_they_are(kept: Path):
    few = PARAMS.tune_recommender.model_copy(update={"n_trials": 5})
    params = PARAMS.model_copy(update={"tune_recommender": few})
    tune_recommender.run(params, logging.getLogger("test"))
    with (paths.reports("tune_recommender") / "trials.csv").open() as file:
        trials = list(csv.DictReader(file))
    best = max(trials, key=lambda trial: float(trial["value"]))
    chosen = yaml.safe_load(paths.RECOMMENDER.best_params.read_text())
    assert chosen["similar_weight"] == float(best["similar_weight"])
    assert chosen["rating_weight"] == float(best["rating_weight"])
    assert chosen["two_tower_quota"] == PARAMS.recommender["two_tower_quota"]
    assert compared("tune_recommender", "best_value") == float(best["value"])
    assert compared("tune_recommender", "completed") == 5
