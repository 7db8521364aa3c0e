import json
import logging
from pathlib import Path

from marquee.pipeline import paths
from marquee.pipeline.params import Evaluation, PreprocessData, load
from stages import evaluate_recommender as evaluate
from tests.fixtures.tiny_pipeline import NEIGHBOURS, VALUES

EVALUATION = Evaluation(bootstrap_samples=20, max_users=1000, max_listed_users=1000, recent_days=730)


def test_the_stage_reports_the_recommender_beside_baselines_and_repeats_itself(house: Path):
    written = []
    for _ in range(2):
        preprocessing, log = load("preprocess_data", PreprocessData), logging.getLogger("test")
        evaluate.run(VALUES, NEIGHBOURS, preprocessing, EVALUATION, 1, log)
        written.append(paths.metrics("evaluate_recommender").read_bytes())
    assert written[0] == written[1]
    numbers = json.loads(written[0])
    assert set(numbers) == {"events", "recommender", "retrieval_only", "popularity", "ease"}
    assert set(numbers["recommender"]) >= {
        "hit_rate_at_10", "hit_rate_at_10_low", "ndcg_at_10_high", "mrr", "top_100_accuracy",
        "coverage", "novelty", "minus_popularity", "minus_ease", "minus_retrieval_only", "no_history",
    }  # fmt: skip
    assert 0 < numbers["recommender"]["coverage"] < 1
    assert numbers["events"]["positive_events"] > 0
    assert (paths.reports("evaluate_recommender") / "accuracy_by_k.csv").exists()
