"""The three stages on a small table, in a folder of their own."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from marquee.data.tables import interactions, schema
from marquee.evaluation.measures import events
from marquee.pipeline import paths
from marquee.pipeline.files import write_json
from marquee.pipeline.params import Evaluation, Params, Pruner, Tune
from tests.fixtures.tiny_pipeline import PARAMS
from tests.measured import compared
from tests.models.ranking import tables

pytestmark = pytest.mark.usefixtures("tensorflow")
LOG = logging.getLogger("test")
EVALUATION = Evaluation(bootstrap_samples=50, max_users=1000, max_listed_users=1000, recent_days=730)


def with_search(n_trials: int, **changed: object) -> Params:
    """Params of a search for the learning rate, the other knobs as in `tables`, some changed."""
    tune = Tune(
        n_trials=n_trials,
        timeout_minutes=5,
        max_users=100,
        n_startup_trials=1,
        pruner=Pruner(type="none", n_startup_trials=0, n_warmup_steps=0),
        search={"learning_rate": {"type": "float", "low": 0.005, "high": 0.02, "default": 0.01}},
    )
    return PARAMS.model_copy(
        update={
            "seed": 7,
            "preprocess_data": tables.PREPROCESSING,
            "evaluation": EVALUATION,
            "ranking": {**tables.PARAMS.model_dump(exclude={"learning_rate"}), **changed},
            "tune_ranking": tune,
        }
    )


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with processed tables in which people rate drama high and everything else low."""
    monkeypatch.chdir(tmp_path)
    table, catalogue = tables.table(30, 20, 1500), tables.catalogue(20)
    liked = catalogue.genres[table.movie_index, 0] > 0
    half_stars = np.where(liked, 9, 4) + table.user_index % 2
    table = interactions.Interactions(
        table.user_index,
        table.movie_index,
        half_stars.astype(np.uint8),
        table.timestamp,
        table.period,
        30,
        20,
    )
    interactions.write(table, paths.PROCESSED.interactions)
    catalogue.write(paths.PROCESSED.movie_features)
    write_json(paths.PROCESSED.manifest, {"made": "by a test"})
    paths.PARAMS.write_text("seed: 7\n")
    paths.RAW.folder.mkdir(parents=True)
    pq.write_table(schema.ORACLE.empty_table(), paths.RAW.oracle)
    return tmp_path


def write_oracle(table: interactions.Interactions) -> None:
    """One that knows every rating, as if people rated without noise."""
    columns = [table.user_index, table.movie_index, table.timestamp, np.ones(len(table)), table.rating]
    arrays = [pa.array(column).cast(field.type) for column, field in zip(columns, schema.ORACLE, strict=True)]
    pq.write_table(pa.table(arrays, schema=schema.ORACLE), paths.RAW.oracle)


def test_the_sweep_s_winner_is_trained_and_beats_the_means_on_test(house):
    from stages import evaluate_ranking, train_ranking, tune_ranking

    params = with_search(n_trials=2, epochs=8, batch_size=64)
    write_oracle(interactions.read(paths.PROCESSED.interactions))
    for stage in (tune_ranking, train_ranking, evaluate_ranking):
        stage.run(params, LOG)

    table = interactions.read(paths.PROCESSED.interactions)
    asked = events.of_period(table, interactions.TEST, 1000, 7)
    assert compared("evaluate_ranking", "rated_events") == asked.has_history.sum()
    assert compared("evaluate_ranking", "rated_events", group="no_history") == (~asked.has_history).sum()
    # The rule is noiseless: genre and person decide the rating, half a star lies between people.
    assert compared("evaluate_ranking", "rmse", "dcn") < 0.3
    assert compared("evaluate_ranking", "rmse", "global_mean") > 0.3
    assert compared("evaluate_ranking", "rmse", "oracle") == 0
    # Of nine tenths of 1500, all but a block of four, and a tenth of them again.
    assert compared("train_ranking", "rows") == pytest.approx(0.9 * 1500 * 3 / 4 * 1.1, abs=15)
    curve = pd.read_csv(paths.reports("train_ranking") / "loss.csv")
    assert curve["loss"].tolist() == sorted(curve["loss"], reverse=True)
    for name in ("calibration", "residuals"):
        assert (paths.reports("evaluate_ranking") / f"{name}.png").is_file()
        assert len(pd.read_csv(paths.reports("evaluate_ranking") / f"{name}.csv")) > 5


def test_tuning_does_not_read_the_test_period_even_where_it_lies_between(house):
    from stages import tune_ranking

    params = with_search(n_trials=1, epochs=1)
    table = interactions.read(paths.PROCESSED.interactions)
    period = np.random.default_rng(1).permutation(table.period)  # as `split: random` has it
    found = []
    for stars_of_test in (1, 10):
        half_stars = np.where(period == interactions.TEST, stars_of_test, table.half_stars).astype(np.uint8)
        changed = replace(table, period=period, half_stars=half_stars)
        interactions.write(changed, paths.PROCESSED.interactions)
        tune_ranking.run(params, LOG)
        found.append(compared("tune_ranking", "best_value"))
    assert found[0] == found[1]


def test_training_twice_writes_the_same_bytes(house):
    from stages import train_ranking

    paths.RANKING.folder.mkdir(parents=True)
    paths.RANKING.best_params.write_text(yaml.safe_dump(tables.PARAMS.model_dump()), encoding="utf-8")
    written = []
    for _ in range(2):
        train_ranking.run(with_search(n_trials=0), LOG)
        written.append(paths.RANKING.weights.read_bytes())
    assert written[0] == written[1]
