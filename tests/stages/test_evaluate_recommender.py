import csv
import logging
from pathlib import Path

from marquee.pipeline import paths, scores
from marquee.pipeline.files import read_json
from stages import evaluate_recommender as evaluate
from tests.fixtures.tiny_pipeline import PARAMS

EVALUATION = PARAMS.evaluation.model_copy(
    update={"bootstrap_samples": 20, "max_users": 1000, "max_listed_users": 1000}
)


def test_the_stage_reports_the_recommender_beside_baselines_and_repeats_itself(house: Path):
    written = []
    reports = paths.reports("evaluate_recommender")
    for _ in range(2):
        evaluate.run(PARAMS.model_copy(update={"evaluation": EVALUATION}), logging.getLogger("test"))
        written.append(
            (paths.metrics("evaluate_recommender").read_bytes(), (reports / "scores.csv").read_bytes())
        )
    assert written[0] == written[1]
    with (reports / "scores.csv").open() as file:
        rows = {(row["model"], row["metric"], row["group"]): row for row in csv.DictReader(file)}
    models = {model for model, _, _ in rows if model}
    assert models == {"recommender", "retrieval_only", "popularity", "ease"}
    for group in ("all", "no_history", "minus_popularity", "minus_ease", "minus_retrieval_only"):
        for metric in ("hit_rate_at_10", "ndcg_at_10", "mrr", "top_100_accuracy"):
            assert ("recommender", metric, group) in rows
    assert 0 < float(rows["recommender", "coverage", "all"]["value"]) < 1
    assert ("recommender", "novelty", "all") in rows
    numbers = read_json(paths.metrics("evaluate_recommender"))
    assert scores.find(numbers, "positive_events")["value"] > 0
    assert 0 < scores.find(numbers, "cold_share")["value"] < 1  # what only test rates is not warm
    assert numbers["ndcg_at_10"] == scores.find(numbers, "ndcg_at_10", "recommender")["value"]
    assert {row.get("metric") for row in numbers["scores"] if "model" in row} == {"ndcg_at_10"}
    assert (reports / "accuracy_by_k.csv").exists()
