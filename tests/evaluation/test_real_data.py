"""The evaluator against numbers measured independently on ml-latest-small.

Split 0.8 / 0.9 by interactions, cut in time; everything before the test period is fitted on.
"""

import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from marquee.data.tables.interactions import TEST, TRAIN, VALIDATION, Interactions
from marquee.evaluation.measures import metrics, report
from marquee.evaluation.measures.events import of_period
from marquee.evaluation.measures.ranks import rank_events
from marquee.models.baselines import baselines

ARCHIVE = "ml-latest-small.zip"
MIRROR = os.environ.get("MOVIELENS_MIRROR", "")
pytestmark = pytest.mark.skipif(
    not MIRROR or not (Path(MIRROR) / ARCHIVE).exists(),
    reason=f"MOVIELENS_MIRROR does not name a folder with {ARCHIVE}",
)
WITHIN = 0.005


@pytest.fixture(scope="module")
def interactions():
    with zipfile.ZipFile(Path(MIRROR) / ARCHIVE) as archive:
        with archive.open("ml-latest-small/ratings.csv") as file:
            ratings = pd.read_csv(file)
        with archive.open("ml-latest-small/movies.csv") as file:
            catalogue = np.sort(pd.read_csv(file)["movieId"].to_numpy())
    in_time = ratings["timestamp"].sort_values().to_numpy()
    validation_cutoff, test_cutoff = (in_time[int(share * len(in_time))] for share in (0.8, 0.9))
    assert test_cutoff == 1498029450
    ratings = ratings.sort_values(["userId", "timestamp", "movieId"])
    timestamp = ratings["timestamp"].to_numpy()
    period = np.select([timestamp >= test_cutoff, timestamp >= validation_cutoff], [TEST, VALIDATION], TRAIN)
    users = np.unique(ratings["userId"])
    return Interactions(
        np.searchsorted(users, ratings["userId"]).astype(np.int32),
        np.searchsorted(catalogue, ratings["movieId"]).astype(np.int32),
        (ratings["rating"].to_numpy() * 2).astype(np.uint8),
        timestamp.astype(np.int64),
        period.astype(np.uint8),
        num_users=len(users),
        num_movies=len(catalogue),
    )


@pytest.fixture(scope="module")
def fitted(interactions):
    return interactions.in_periods(TRAIN, VALIDATION)


@pytest.fixture(scope="module")
def retrieval(interactions, fitted):
    events = of_period(interactions, TEST, max_users=20_000, seed=7)
    events = events.only(interactions.rating[events.rows] >= 4)
    models = {
        "popularity": baselines.fit_popularity(fitted, 4.0),
        "recent_popularity": baselines.fit_recent_popularity(fitted, 730),
        "ease": baselines.fit_ease(fitted, 200.0, 12_000),
    }
    ranks = {
        name: rank_events(model.scorer(interactions), interactions, events, progress=False)
        for name, model in models.items()
    }
    asked = report.describe(interactions, fitted, events, 4.0)
    measured = report.rank_scores(ranks, asked, list(models), samples=200, seed=7)
    return {(score.model, score.metric, score.group): score.value for score in measured}


def test_the_events_are_those_counted_independently(interactions, retrieval):
    assert interactions.num_movies == 9742
    assert retrieval["", "positive_events", "all"] == 4088
    assert retrieval["", "positive_events", "no_history"] == 40
    assert retrieval["", "users", "all"] == 72
    assert retrieval["", "cold_share", "all"] == pytest.approx(0.159, abs=WITHIN)


@pytest.mark.parametrize(
    ("model", "group", "measured"),
    [
        ("popularity", "all", 0.2265),
        ("recent_popularity", "all", 0.302),
        ("ease", "all", 0.358),
        ("ease", "warm", 0.426),
    ],
)
def test_baselines_reach_what_was_measured_independently(retrieval, model, group, measured):
    assert retrieval[model, "top_100_accuracy", group] == pytest.approx(measured, abs=WITHIN)


def test_the_bias_model_reaches_the_rmse_measured_independently(interactions, fitted):
    events = of_period(interactions, TEST, max_users=20_000, seed=7)
    events = events.only(events.has_history)
    predicted = baselines.fit_movie_user_bias(fitted).predict(interactions, events)
    assert len(events) == 10_037
    assert metrics.rmse(predicted, interactions.rating[events.rows]) == pytest.approx(0.866, abs=0.01)
