"""The published metrics, on events small enough to count by hand."""

import math

import numpy as np
import pytest

from marquee.data.tables.interactions import TEST, TRAIN
from marquee.evaluation.measures import report
from marquee.evaluation.measures.events import of_period

# Events 0-3 are of user 0, 4-6 of user 1; event 4 has no history, event 3 is not positive, 2 and 5 are cold.
ASKED = report.Asked(
    users=np.array([0, 0, 0, 0, 1, 1, 1], dtype=np.int32),
    ratings=np.array([5, 4, 4, 2, 5, 4, 4.5], dtype=np.float32),
    positive=np.array([True, True, True, False, True, True, True]),
    history_length=np.array([3, 3, 4, 5, 0, 1, 2]),
    popularity=np.array([9, 9, 0, 9, 9, 0, 9]),
)
RANKS = {
    "two_tower": np.array([1, 100, 101, 1, 50, 3, 500], dtype=np.int32),
    "popularity": np.array([200, 20, 101, 1, 500, 900, 500], dtype=np.int32),
    "ease": np.array([5, 200, 101, 1, 500, 900, 20], dtype=np.int32),
}
PREDICTED = {
    "dcn": np.array([4.5, 4, 4, 2, 3, 4, 4], dtype=np.float32),
    "movie_user_bias": np.array([4, 4, 4, 4, 4, 4, 4], dtype=np.float32),
}


@pytest.fixture(scope="module")
def retrieval():
    return report.retrieval_metrics(RANKS, ASKED, ["popularity", "ease"], samples=200, seed=0)


@pytest.fixture(scope="module")
def ratings():
    return report.rating_metrics(PREDICTED, ASKED, ["movie_user_bias"], samples=200, seed=0)


def test_events_are_counted(retrieval, ratings):
    assert retrieval["events"] == {"positive_events": 5, "users": 2, "cold_share": 0.4, "no_history": 1}
    assert ratings["events"] == {"rated_events": 6, "users": 2, "cold_share": 2 / 6, "no_history": 1}


def test_top_100_accuracy_is_over_positive_events_with_a_history(retrieval):
    model = retrieval["two_tower"]
    # User 0 hits 2 of 3, user 1 1 of 2; warm 2 of 3, cold 1 of 2.
    assert model["top_100_accuracy"] == 3 / 5
    assert model["top_100_accuracy_by_user"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert model["top_100_accuracy_warm"] == 2 / 3
    assert model["top_100_accuracy_cold"] == 1 / 2
    assert (model["top_100_accuracy_low"], model["top_100_accuracy_high"]) == pytest.approx((1 / 2, 2 / 3))


def test_events_without_a_history_are_reported_apart(retrieval, ratings):
    assert retrieval["two_tower"]["top_100_accuracy_no_history"] == 1.0
    assert retrieval["popularity"]["top_100_accuracy_no_history"] == 0.0
    assert ratings["dcn"]["rmse_no_history"] == 2.0


def test_lists_have_a_single_relevant_movie(retrieval):
    model = retrieval["two_tower"]
    assert model["hit_rate_at_10"] == 2 / 5
    assert model["ndcg_at_10"] == pytest.approx((1 + 1 / 2) / 5)
    assert model["mrr"] == pytest.approx((1 + 1 / 100 + 1 / 101 + 1 / 3 + 1 / 500) / 5)


def test_the_best_baseline_is_compared_pair_by_pair(retrieval):
    model = retrieval["two_tower"]
    # EASE hits 2 of 5, popularity 1 of 5.
    assert model["best_baseline"] == "ease"
    assert model["minus_best_baseline"] == pytest.approx(1 / 5)
    # User 0 gains one of three, user 1 none: draws of user 1 alone give 0, of user 0 alone 1 / 3.
    assert model["minus_best_baseline_low"] == 0.0
    assert model["minus_best_baseline_high"] == pytest.approx(1 / 3)
    assert model["minus_popularity"] == pytest.approx(2 / 5)
    assert "minus_best_baseline" not in retrieval["ease"]


def test_ratings_are_measured_and_compared(ratings):
    model, baseline = ratings["dcn"], ratings["movie_user_bias"]
    # Errors 0.5, 0, 0, 0 and 0, 0.5 against 1, 0, 0, 2 and 0, 0.5.
    assert model["rmse"] == pytest.approx(math.sqrt(0.5 / 6))
    assert baseline["rmse"] == pytest.approx(math.sqrt(5.25 / 6))
    assert model["rmse_by_user"] == pytest.approx((math.sqrt(0.25 / 4) + math.sqrt(0.25 / 2)) / 2)
    assert model["minus_best_baseline"] == pytest.approx(math.sqrt(0.5 / 6) - math.sqrt(5.25 / 6))
    assert model["best_baseline"] == "movie_user_bias"
    # User 1 liked all it rated; user 0's one dislike comes last with dcn, ties with the bias model.
    assert (model["auc"], baseline["auc"]) == (1.0, 0.5)
    # Positives first for both people; tied, user 0's first positive comes after the dislike.
    assert (model["mrr"], baseline["mrr"]) == (1.0, 0.75)


def test_events_are_described_from_the_table_and_the_fitted_period(table):
    interactions = table(
        (0, 0, 4.0, 1, TRAIN), (1, 0, 3.0, 1, TRAIN), (1, 0, 4.0, 5, TEST), (1, 1, 3.5, 6, TEST), num_movies=2
    )
    events = of_period(interactions, TEST, 10, seed=0)
    asked = report.describe(interactions, interactions.in_periods(TRAIN), events, positive_rating=4.0)
    assert asked.users.tolist() == [1, 1]
    assert asked.ratings.tolist() == [4.0, 3.5]
    assert asked.positive.tolist() == [True, False]
    assert asked.history_length.tolist() == [1, 2]
    assert asked.popularity.tolist() == [2, 0]


def test_lists_are_measured_against_the_fitted_period(table):
    fitted = table((0, 0, 4.0, 1, TRAIN), (0, 0, 4.0, 2, TRAIN), (1, 1, 4.0, 1, TRAIN), num_movies=4)
    measured = report.list_metrics(np.array([[0, 2]], dtype=np.int32), fitted)
    # Movie 0 was rated by one of two people (twice): log2(3 / 2); movie 2 by nobody: log2(3).
    assert measured["coverage"] == 0.5
    assert measured["novelty"] == pytest.approx((math.log2(1.5) + math.log2(3)) / 2)


def test_a_period_without_positive_events_is_not_a_number():
    nothing = ASKED.only(np.zeros(7, dtype=bool))
    ranks = {name: rank[:0] for name, rank in RANKS.items()}
    result = report.retrieval_metrics(ranks, nothing, ["ease"], samples=10, seed=0)
    assert result["events"]["positive_events"] == 0
    assert math.isnan(result["two_tower"]["top_100_accuracy"])


def test_a_model_that_answered_other_events_is_refused():
    with pytest.raises(report.ReportError, match="dcn must answer each of the 7 events once; it answered 6"):
        report.rating_metrics({"dcn": PREDICTED["dcn"][:6]}, ASKED, [], samples=10, seed=0)


def test_a_diverged_model_is_refused():
    broken = PREDICTED["dcn"].copy()
    broken[2] = np.nan
    with pytest.raises(report.ReportError, match="dcn predicted 1 of 7 values that are not finite"):
        report.rating_metrics({"dcn": broken}, ASKED, [], samples=10, seed=0)


def test_an_unmeasured_baseline_is_named():
    with pytest.raises(report.ReportError, match=r"Baseline ease was not measured\. Known: dcn"):
        report.rating_metrics({"dcn": PREDICTED["dcn"]}, ASKED, ["ease"], samples=10, seed=0)


def test_every_model_has_its_share_of_what_the_oracle_reaches():
    numbers = {"events": {"users": 3}, "ours": {"mrr": 0.3}, "oracle": {"mrr": 0.4}}
    shared = report.with_share_of_oracle(numbers, "mrr")
    assert shared["ours"]["share_of_oracle"] == pytest.approx(0.75)
    assert shared["oracle"]["share_of_oracle"] == 1.0
    assert shared["events"] == {"users": 3}


def test_without_an_oracle_there_is_no_share_of_it():
    assert report.with_share_of_oracle({"ours": {"mrr": 0.3}}, "mrr") == {"ours": {"mrr": 0.3}}
