"""The stage tune_recommender on the tiny pipeline."""

import csv
import json
import logging
from pathlib import Path

import yaml

from marquee.models.tuning.sweep import load_plan
from marquee.pipeline import params, paths
from marquee.pipeline.params import PreprocessData, Ranking, Retrieval
from marquee.serving.export.held_out import Winners
from stages import tune_recommender as tune
from tests.fixtures.tiny_pipeline import NEIGHBOURS


def test_the_weights_with_the_highest_value_win_and_the_rules_stay_as_they_are(house: Path):
    plan, knobs = load_plan("recommender", params.RecommenderParams)
    winners = Winners(
        params.read_best(Retrieval, paths.RETRIEVAL.best_params),
        params.read_best(Ranking, paths.RANKING.best_params),
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
