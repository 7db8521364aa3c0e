"""The stage tune_recommender on the tiny pipeline."""

import csv
import json
import logging
from pathlib import Path

import yaml

from stages import params, paths
from stages.params import PreprocessData, Ranking, Retrieval
from stages.serving import tune
from stages.serving.held_out import Winners
from stages.sweep import load_plan
from tests.serving.conftest import NEIGHBOURS


def test_the_weights_with_the_highest_value_win_and_the_rules_stay_as_they_are(house: Path):
    plan, knobs = load_plan("recommender", params.Recommender)
    winners = Winners(
        params.load_best(Retrieval, paths.RETRIEVAL.best_params),
        params.load_best(Ranking, paths.RANKING.best_params),
        NEIGHBOURS,
    )
    preprocessing = params.load("preprocess_data", PreprocessData)
    few = knobs.model_copy(update={"n_trials": 5})
    tune.run(plan, few, winners, preprocessing, 1, 1, logging.getLogger("test"))
    with (paths.reports("tune_recommender") / "trials.csv").open() as file:
        trials = list(csv.DictReader(file))
    best = max(trials, key=lambda trial: float(trial["value"]))
    chosen = yaml.safe_load(paths.RECOMMENDER.best_params.read_text())
    assert chosen["similar_weight"] == float(best["similar_weight"])
    assert chosen["rating_weight"] == float(best["rating_weight"])
    assert chosen["two_tower_quota"] == plan.fixed["two_tower_quota"]
    metrics = json.loads(paths.metrics("tune_recommender").read_text())
    assert metrics["best_value"] == float(best["value"])
    assert metrics["completed"] == 5
