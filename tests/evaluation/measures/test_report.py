"""The published metrics, on events small enough to count by hand."""

import math

import numpy as np
import pytest

from marquee.data.tables.interactions import TEST, TRAIN
from marquee.evaluation.measures import report
from marquee.evaluation.measures.events import of_period
from marquee.pipeline.scores import EVERYTHING, Score

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


def numbers(scores):
    """(model, metric, group) -> score, each once."""
    found = {(score.model, score.metric, score.group): score for score in scores}
    assert len(found) == len(scores)
    return found


@pytest.fixture(scope="module")
def retrieval():
    return report.rank_scores(RANKS, ASKED, ["popularity", "ease"], samples=200, seed=0)


@pytest.fixture(scope="module")
def ratings():
    return report.rating_scores(PREDICTED, ASKED, ["movie_user_bias"], samples=200, seed=0)


@pytest.mark.parametrize(
    ("stage", "counted"),
    [
        ("retrieval", {"positive_events": 5, "users": 2, "cold_share": 0.4, "no_history": 1}),
        ("ratings", {"rated_events": 6, "users": 2, "cold_share": 2 / 6, "no_history": 1}),
    ],
)
def test_events_are_counted(stage, counted, request):
    facts = [score for score in request.getfixturevalue(stage) if not score.model]
    names = [score.group if score.group != EVERYTHING else score.metric for score in facts]
    assert dict(zip(names, (score.value for score in facts), strict=True)) == counted


def test_top_100_accuracy_is_over_positive_events_with_a_history(retrieval):
    of = {group: score for (model, metric, group), score in numbers(retrieval).items()
          if (model, metric) == ("two_tower", "top_100_accuracy")}  # fmt: skip
    # User 0 hits 2 of 3, user 1 1 of 2; warm 2 of 3, cold 1 of 2.
    assert of["all"].value == 3 / 5
    assert of["by_user"].value == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert (of["warm"].value, of["cold"].value) == (2 / 3, 1 / 2)
    assert (of["all"].low, of["all"].high) == pytest.approx((1 / 2, 2 / 3))


def test_events_without_a_history_are_reported_apart(retrieval, ratings):
    found = numbers(retrieval)
    assert found["two_tower", "top_100_accuracy", "no_history"].value == 1.0
    assert found["two_tower", "mrr", "no_history"].value == 1 / 50
    assert found["popularity", "top_100_accuracy", "no_history"].value == 0.0
    assert numbers(ratings)["dcn", "rmse", "no_history"].value == 2.0


def test_lists_have_a_single_relevant_movie_and_every_metric_its_interval(retrieval):
    found = {metric: score for (model, metric, group), score in numbers(retrieval).items()
             if (model, group) == ("two_tower", "all")}  # fmt: skip
    assert found["hit_rate_at_10"].value == 2 / 5
    assert found["ndcg_at_10"].value == pytest.approx((1 + 1 / 2) / 5)
    assert found["mrr"].value == pytest.approx((1 + 1 / 100 + 1 / 101 + 1 / 3 + 1 / 500) / 5)
    assert all(score.low <= score.value <= score.high for score in found.values())


def test_every_baseline_is_compared_pair_by_pair(retrieval):
    found = numbers(retrieval)
    # EASE hits 2 of 5, popularity 1 of 5.
    paired = found["two_tower", "top_100_accuracy", "minus_ease"]
    assert paired.value == pytest.approx(1 / 5)
    # User 0 gains one of three, user 1 none: draws of user 1 alone give 0, of user 0 alone 1 / 3.
    assert (paired.low, paired.high) == pytest.approx((0.0, 1 / 3))
    assert found["two_tower", "top_100_accuracy", "minus_popularity"].value == pytest.approx(2 / 5)
    assert found["two_tower", "hit_rate_at_10", "minus_popularity"].value == pytest.approx(2 / 5)
    assert ("ease", "top_100_accuracy", "minus_popularity") not in found


def test_the_headline_is_the_gain_over_the_best_baseline_and_above_0_is_better(retrieval, ratings):
    shown = report.Headline("top_100_accuracy", "two_tower", ["popularity", "ease"]).shown(retrieval)
    assert shown == pytest.approx({"top_100_accuracy": 3 / 5, "gain": 1 / 5, "gain_low": 0.0})
    errors = report.Headline("rmse", "dcn", ["movie_user_bias"], higher_is_better=False).shown(ratings)
    paired = numbers(ratings)["dcn", "rmse", "minus_movie_user_bias"]
    assert errors["rmse"] == pytest.approx(math.sqrt(0.5 / 6))
    assert (errors["gain"], errors["gain_low"]) == (-paired.value, -paired.high)
    assert errors["gain"] > 0


def test_what_is_compared_is_the_headline_of_every_model_its_differences_and_the_counts(retrieval):
    compared = report.Headline("top_100_accuracy", "two_tower", ["ease"]).compared(retrieval)
    assert [(score.model, score.group) for score in compared if score.model] == [
        ("two_tower", "all"), ("two_tower", "minus_popularity"), ("two_tower", "minus_ease"),
        ("popularity", "all"), ("ease", "all"),
    ]  # fmt: skip
    assert {score.metric for score in compared if score.model} == {"top_100_accuracy"}
    assert len([score for score in compared if not score.model]) == 4


def test_ratings_are_measured_and_compared(ratings):
    found = numbers(ratings)
    # Errors 0.5, 0, 0, 0 and 0, 0.5 against 1, 0, 0, 2 and 0, 0.5.
    assert found["dcn", "rmse", "all"].value == pytest.approx(math.sqrt(0.5 / 6))
    assert found["movie_user_bias", "rmse", "all"].value == pytest.approx(math.sqrt(5.25 / 6))
    by_user = (math.sqrt(0.25 / 4) + math.sqrt(0.25 / 2)) / 2
    assert found["dcn", "rmse", "by_user"].value == pytest.approx(by_user)
    difference = math.sqrt(0.5 / 6) - math.sqrt(5.25 / 6)
    assert found["dcn", "rmse", "minus_movie_user_bias"].value == pytest.approx(difference)
    # User 1 liked all it rated; user 0's one dislike comes last with dcn, ties with the bias model.
    assert [found[name, "auc", "all"].value for name in PREDICTED] == [1.0, 0.5]
    # Positives first for both people; tied, user 0's first positive comes after the dislike.
    assert [found[name, "mrr", "all"].value for name in PREDICTED] == [1.0, 0.75]


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
    coverage, novelty = report.list_scores({"ours": np.array([[0, 2]], dtype=np.int32)}, fitted)
    # Movie 0 was rated by one of two people (twice): log2(3 / 2); movie 2 by nobody: log2(3).
    assert coverage == Score("coverage", 0.5, "ours")
    assert novelty.value == pytest.approx((math.log2(1.5) + math.log2(3)) / 2)


def test_a_period_without_positive_events_is_not_a_number():
    nothing = ASKED.only(np.zeros(7, dtype=bool))
    ranks = {name: rank[:0] for name, rank in RANKS.items()}
    result = report.rank_scores(ranks, nothing, ["ease"], samples=10, seed=0)
    assert numbers(result)["", "positive_events", "all"].value == 0
    assert math.isnan(numbers(result)["two_tower", "top_100_accuracy", "all"].value)
    shown = report.Headline("top_100_accuracy", "two_tower", ["ease"]).shown(result)
    assert all(math.isnan(value) for value in shown.values())


def test_a_model_that_answered_other_events_is_refused():
    with pytest.raises(report.ReportError, match="dcn must answer each of the 7 events once; it answered 6"):
        report.rating_scores({"dcn": PREDICTED["dcn"][:6]}, ASKED, [], samples=10, seed=0)


def test_a_diverged_model_is_refused():
    broken = PREDICTED["dcn"].copy()
    broken[2] = np.nan
    with pytest.raises(report.ReportError, match="dcn predicted 1 of 7 values that are not finite"):
        report.rating_scores({"dcn": broken}, ASKED, [], samples=10, seed=0)


def test_an_unmeasured_baseline_is_named():
    with pytest.raises(report.ReportError, match=r"Baseline ease was not measured\. Known: dcn"):
        report.rating_scores({"dcn": PREDICTED["dcn"]}, ASKED, ["ease"], samples=10, seed=0)


def test_every_model_has_its_share_of_what_the_oracle_reaches():
    measured = [Score("users", 3), Score("mrr", 0.3, "ours"), Score("mrr", 0.4, "oracle")]
    measured.append(Score("mrr", 0.1, "ours", "cold"))
    shares = {score.model: score.value for score in report.shares_of_oracle(measured, "mrr")}
    assert shares == {"ours": pytest.approx(0.75), "oracle": 1.0}


def test_without_an_oracle_there_is_no_share_of_it():
    assert report.shares_of_oracle([Score("mrr", 0.3, "ours")], "mrr") == []
