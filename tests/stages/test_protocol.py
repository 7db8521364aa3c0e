"""No stage learns from a period it must not see: its outputs stay the same, byte for byte.

Each stage runs on the tiny pipeline as it is, with other stars and movies where it must not look, and with
other stars where it must. A stage that reads validation or test asks events of a few people drawn; what the
others did in that period must not matter either, or something was fitted on the period.
"""

import contextlib
import hashlib
import importlib
import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from marquee.data.tables import interactions, schema
from marquee.data.tables.interactions import TEST, TRAIN, VALIDATION, Interactions
from marquee.evaluation.measures import events, metrics, ranks
from marquee.pictures import plots
from marquee.pipeline import paths
from marquee.pipeline.arrays import Array, Bool
from marquee.pipeline.params import Params
from marquee.serving.replay.candidate_lists import CandidateLists
from tests.fixtures.tiny_pipeline import PARAMS, RANKING, RETRIEVAL, Tiny
from tests.measured import compared
from tests.places import ROOT

DRAWN = 20
"""People of a period whose events are asked: half of those there are."""
FEW = {"n_trials": 1, "max_users": DRAWN}
SMALL = PARAMS.model_copy(
    update={
        "retrieval": PARAMS.retrieval | RETRIEVAL,
        "ranking": PARAMS.ranking | RANKING | {"epochs": 1, "batch_size": 128},
        "neighbours": PARAMS.neighbours | {"kept_per_movie": 5},
        "evaluation": PARAMS.evaluation.model_copy(
            update={"bootstrap_samples": 20, "max_users": DRAWN, "max_listed_users": DRAWN}
        ),
        **{
            f"tune_{name}": getattr(PARAMS, f"tune_{name}").model_copy(update=FEW)
            for name in ("retrieval", "ranking", "neighbours", "recommender")
        },
    }
)
UNWEIGHTED = SMALL.model_copy(
    update={
        "preprocess_data": SMALL.preprocess_data.model_copy(update={"min_movie_interactions": 2}),
    }
)
"""For stages that read no weights. With 1, whoever is asked about a movie would make it a known one alone."""
FINE = Path("fine")
"""What a stage found out on the way to its outputs, and does not write."""
Rows = Callable[[Interactions], Bool]


def period(*codes: int) -> Rows:
    return lambda table: np.isin(table.period, codes)


def of_people(code: int, drawn: bool) -> Rows:
    """Rows of a period by the people whose events the stage draws, or by all others."""

    def rows(table: Interactions) -> Bool:
        asked = events.of_period(table, code, DRAWN, SMALL.seed)
        people = np.unique(table.user_index[asked.rows])
        return (table.period == code) & (np.isin(table.user_index, people) == drawn)

    return rows


@dataclass(frozen=True)
class Protocol:
    """What a stage must not see, and what it must."""

    hidden: dict[str, Rows]
    seen: dict[str, Rows]
    reads_weights: bool = False
    """Then the movies of the periods it sees stay: weights know how many movies they are of."""

    def all_hidden(self, table: Interactions) -> Bool:
        """Rows of everything it must not see."""
        return np.logical_or.reduce([rows(table) for rows in self.hidden.values()])


TUNE = Protocol(
    hidden={"test": period(TEST), "validation of people not asked": of_people(VALIDATION, drawn=False)},
    seen={"train": period(TRAIN), "validation": of_people(VALIDATION, drawn=True)},
)
TRAIN_STAGE = Protocol(
    hidden={"test": period(TEST)}, seen={"train": period(TRAIN), "validation": period(VALIDATION)}
)
EXPORT = replace(TRAIN_STAGE, reads_weights=True)
EVALUATE = Protocol(
    hidden={"test of people not asked": of_people(TEST, drawn=False)},
    seen={
        "train": period(TRAIN),
        "validation": period(VALIDATION),
        "test": of_people(TEST, drawn=True),
    },
    reads_weights=True,
)
STAGES = {
    "tune_retrieval": TUNE,
    "tune_ranking": TUNE,
    "tune_neighbours": TUNE,
    "tune_recommender": TUNE,
    "train_retrieval": TRAIN_STAGE,
    "train_ranking": TRAIN_STAGE,
    "train_neighbours": TRAIN_STAGE,
    "export_models": EXPORT,
    "evaluate_retrieval": EVALUATE,
    "evaluate_ranking": EVALUATE,
    "evaluate_recommender": EVALUATE,
}
UNTOUCHED = {"fetch_data", "explore_data", "draw_training", "index_catalogue", "package_service"}
"""They fit nothing: they read whole tables to show or copy them, or what other stages made of them."""


def changed(table: Interactions, rows: Bool, movies_too: bool = True) -> Interactions:
    """Other stars in these rows and, where asked, other movies, at the same times."""
    rows_of_movies = rows & movies_too
    movies = np.where(rows_of_movies, (table.movie_index + 17) % table.num_movies, table.movie_index).astype(
        np.int32
    )
    half_stars = np.where(rows, 11 - table.half_stars, table.half_stars).astype(np.uint8)
    order = np.lexsort((movies, table.timestamp, table.user_index))
    return replace(table, movie_index=movies[order], half_stars=half_stars[order])


@contextlib.contextmanager
def copy_of(tiny: Tiny, folder: Path) -> Iterator[None]:
    """A copy of the tiny pipeline as the working directory."""
    shutil.copytree(tiny.root, folder, symlinks=True)
    with contextlib.chdir(folder):
        yield
    shutil.rmtree(folder)


def outputs_of(stage: str, params: Params = SMALL) -> dict[str, str]:
    """Run the stage here; the hash of every file that dvc.yaml lists as its output."""
    importlib.import_module(f"stages.{stage}").run(params, logging.getLogger(stage))
    listed = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]
    entries = [*listed.get("outs", []), *listed.get("metrics", [])]
    places = [Path(next(iter(entry)) if isinstance(entry, dict) else entry) for entry in entries] + [FINE]
    files = [file for place in places for file in (sorted(place.rglob("*")) if place.is_dir() else [place])]
    return {str(file): hashlib.md5(file.read_bytes()).hexdigest() for file in files if file.is_file()}


def run_on(
    tiny: Tiny, folder: Path, stage: str, rows: Rows | None, movies_too: bool = True
) -> dict[str, str]:
    with copy_of(tiny, folder):
        if rows is not None:
            table = interactions.read(paths.PROCESSED.interactions)
            which = rows(table)
            assert which.any()
            interactions.write(changed(table, which, movies_too), paths.PROCESSED.interactions)
        return outputs_of(stage, SMALL if STAGES[stage].reads_weights else UNWEIGHTED)


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few steps without a graph, which takes seconds to trace; coarse pictures; models exported before."""
    from marquee.models.retrieval.fitting import FittedTwoTower
    from marquee.models.retrieval.two_tower import TwoTower
    from marquee.serving.variants import model_files

    graph = TwoTower.compile
    monkeypatch.setattr(
        TwoTower, "compile", lambda model, optimizer: graph(model, optimizer, run_eagerly=True)
    )
    monkeypatch.setattr(FittedTwoTower, "encode", property(lambda two_tower: two_tower.model.queries))
    monkeypatch.setitem(plots.STYLE, "savefig.dpi", 40)
    monkeypatch.setattr(model_files, "write", lambda *_: None)  # of weights that no table here changes


@pytest.fixture
def finely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every rank, rating and score in FINE: a mean over a few events, rounded, may hide a leak."""
    rank_events, rmse, objective = ranks.rank_events, metrics.rmse, CandidateLists.objective

    def keep(*arrays: Array) -> None:
        with FINE.open("ab") as file:
            file.writelines(array.tobytes() for array in arrays)

    def ranked(*given: Any, **named: Any) -> Array:
        found = rank_events(*given, **named)
        keep(found)
        return found

    def rated(predicted: Array, rating: Array) -> float:
        keep(predicted)
        return rmse(predicted, rating)

    def judged(lists: CandidateLists, *given: Any) -> float:
        keep(lists.scores, lists.predicted_rating)
        return objective(lists, *given)

    monkeypatch.setattr(ranks, "rank_events", ranked)
    monkeypatch.setattr(metrics, "rmse", rated)
    monkeypatch.setattr(CandidateLists, "objective", judged)


@pytest.mark.usefixtures("quickly", "finely")
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_sees_its_periods_and_no_other(stage: str, tiny: Tiny, tmp_path: Path):
    protocol = STAGES[stage]
    as_it_is = run_on(tiny, tmp_path / "house", stage, None)
    assert as_it_is
    if run_on(tiny, tmp_path / "house", stage, protocol.all_hidden) != as_it_is:
        alone = {
            name: run_on(tiny, tmp_path / "house", stage, rows) for name, rows in protocol.hidden.items()
        }
        leaks = [name for name, found in alone.items() if found != as_it_is]
        pytest.fail(f"{stage} leaks: it sees {' and '.join(leaks or ['two hidden parts together'])}")
    for name, rows in protocol.seen.items():
        other = run_on(tiny, tmp_path / "house", stage, rows, movies_too=not protocol.reads_weights)
        assert other != as_it_is, f"{stage} does not see {name}"


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("stage", ["evaluate_retrieval", "evaluate_ranking", "evaluate_recommender"])
def test_a_movie_that_only_test_rates_is_cold(stage: str, tiny: Tiny, tmp_path: Path):
    # Whoever is asked about a movie rates it: other movies of people not asked would not show this.
    table = tiny.interactions
    asked = events.of_period(table, TEST, DRAWN, SMALL.seed)
    asked = asked.only(asked.has_history)
    if stage != "evaluate_ranking":
        asked = asked.only(table.rating[asked.rows] >= SMALL.preprocess_data.positive_rating)
    known = table.movie_index[period(TRAIN, VALIDATION)(table)]
    cold = ~np.isin(table.movie_index[asked.rows], known)
    assert 0 < cold.mean() < 1
    with copy_of(tiny, tmp_path / "house"):
        outputs_of(stage)
        assert compared(stage, "cold_share") == pytest.approx(cold.mean(), abs=1e-6)


def test_the_catalogue_is_encoded_by_the_train_period_alone(tiny: Tiny, tmp_path: Path):
    def features(rows: Rows | None) -> list[str]:
        with copy_of(tiny, tmp_path / "house"):
            table = interactions.read(paths.PROCESSED.interactions)
            which = np.zeros(len(table), dtype=bool) if rows is None else rows(table)
            _write_raw(changed(table, which))
            outputs = outputs_of("preprocess_data", _split_as_the_table_is(table))
            names = (paths.PROCESSED.movie_features, paths.PROCESSED.movie_encoder)
            return [outputs[str(name)] for name in names]

    as_it_is = features(None)
    assert features(period(VALIDATION, TEST)) == as_it_is, "the encoder saw what comes after train"
    assert features(period(TRAIN)) != as_it_is


def _split_as_the_table_is(table: Interactions) -> Params:
    share = [float((table.period < code).mean()) for code in (VALIDATION, TEST)]
    choices = {"validation_cutoff": share[0], "test_cutoff": share[1], "min_word_count": 1, "text_dim": 6}
    return SMALL.model_copy(update={"preprocess_data": SMALL.preprocess_data.model_copy(update=choices)})


def _write_raw(table: Interactions) -> None:
    movies = pq.read_table(paths.PROCESSED.movies).to_pandas()
    rated = pd.DataFrame(
        {
            "user_id": table.user_index,
            "movie_id": movies["movie_id"].to_numpy()[table.movie_index],
            "half_stars": table.half_stars,
            "timestamp": table.timestamp,
        }
    )
    movies["tmdb_id"] = 0
    for frame, kind, path in (
        (rated, schema.INTERACTIONS, paths.RAW.interactions),
        (movies, schema.MOVIES, paths.RAW.movies),
        (movies, schema.METADATA, paths.RAW.metadata),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pandas(frame[kind.names], schema=kind, preserve_index=False), path)


def test_every_stage_is_tried_here_or_fits_nothing():
    scripts = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__", "preprocess_data"}
    assert scripts - UNTOUCHED == set(STAGES)
