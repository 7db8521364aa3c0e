"""Which ratings are the newest, and what is refused before anything is trained."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from marquee.data.sources.loading import write_table
from marquee.data.tables import schema
from marquee.events import records
from marquee.monitoring.collection import tables
from marquee.monitoring.collection.tables import Rows
from marquee.monitoring.promotion import periods
from marquee.monitoring.promotion.periods import Cutoffs, RetrainError
from marquee.pipeline import paths
from marquee.pipeline.files import write_json
from tests.events import examples
from tests.fixtures.tiny_pipeline import PARAMS

NOON = 1_700_049_600
"""2023-11-15, 12:00 UTC."""
MIDNIGHT = 1_700_006_400
DAY = 86_400
KNOBS = PARAMS.monitoring.promotion.model_copy(update={"compare_days": 1, "validation_days": 2})


def test_days_are_whole_and_count_the_newest_ratings_own():
    assert periods.cutoffs(NOON, KNOBS) == Cutoffs("2023-11-13", "2023-11-15")
    week = KNOBS.model_copy(update={"compare_days": 7})
    assert periods.cutoffs(NOON, week) == Cutoffs("2023-11-07", "2023-11-09")
    assert periods.cutoffs(MIDNIGHT, KNOBS).start == MIDNIGHT
    assert periods.cutoffs(MIDNIGHT - 1, KNOBS).start == MIDNIGHT - DAY


def test_enough_is_as_many_ratings_in_each_period_as_people_are_needed():
    found = periods.cutoffs(NOON, KNOBS)
    three = np.repeat([MIDNIGHT - 9 * DAY, MIDNIGHT - DAY, NOON], 3)
    periods.require_enough(three, found, 3)
    with pytest.raises(RetrainError, match=r"train 3, validation 3, comparison 2; each needs 3 at least"):
        periods.require_enough(three[:-1], found, 3)
    with pytest.raises(
        RetrainError, match=r"validation 0.*begins on 2023-11-13, the comparison on 2023-11-15"
    ):
        periods.require_enough(three[[0, 1, 2, 6, 7, 8]], found, 3)


def test_recorded_ratings_count_beside_those_fetched(tmp_path: Path):
    raw = paths.Raw(tmp_path / "raw")
    rated = {"user_id": [1], "movie_id": [5], "half_stars": [8], "timestamp": [MIDNIGHT]}
    write_table(pa.table(rated, schema=schema.INTERACTIONS), raw.interactions)
    movies = {"movie_id": [5], "title": ["Five"], "tmdb_id": [0]}
    write_table(schema.table(movies, schema.MOVIES), raw.movies)
    assert periods.times(raw, tmp_path / "events").tolist() == [MIDNIGHT]

    rows = Rows()
    rated_now = examples.feedback(time=NOON + 0.9, movie_id=5, event="rated", rating=4.0)
    rows.add(records.parse(records.to_line(rated_now)))
    tables.merge(tmp_path / "events" / "2023-11-15", rows)
    assert periods.times(raw, tmp_path / "events").tolist() == [MIDNIGHT, NOON]


def test_without_fetched_ratings_it_is_said_what_to_run(tmp_path: Path):
    with pytest.raises(
        RetrainError, match=r"interactions\.parquet is missing\. Run `dvc pull` or `dvc repro`"
    ):
        periods.times(paths.Raw(tmp_path), tmp_path)


def test_a_bundle_was_fitted_until_the_test_period_of_its_data(tmp_path: Path):
    about = {"split": "temporal", "first_timestamp": {"train": 1, "validation": 2, "test": 3}}
    write_json(tmp_path / "manifest.json", about)
    assert periods.fitted_until(tmp_path / "manifest.json") == 3


def test_a_champion_of_another_split_may_have_seen_everything_and_is_compared_on_nothing(tmp_path: Path):
    write_json(tmp_path / "manifest.json", {"split": "random", "first_timestamp": {"test": 3}})
    with pytest.raises(RetrainError, match="split as 'random'"):
        periods.fitted_until(tmp_path / "manifest.json")
