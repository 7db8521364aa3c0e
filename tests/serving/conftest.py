"""A tiny pipeline up to the exported models: random weights, since nothing here asks for good answers."""

import contextlib
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from stages import params, paths, weights
from stages.data import catalogue, interactions, movie_encoder, schema
from stages.data.interactions import TEST, TRAIN, VALIDATION, Interactions
from stages.files import write_json
from stages.neighbours import fitting, item_item
from stages.params import Ranking, Retrieval
from stages.serving import bundle
from stages.serving.bundle import Bundle
from stages.serving.held_out import Winners
from stages.serving.recommender import Recommender

REPOSITORY = Path(__file__).resolve().parents[2]
USERS, MOVIES, ROWS = 40, 1200, 1500
ADDED_ID = 900_001
ADDITIONS = (
    "movie_id,title,year,genres,language,release_date,keywords,cast,directors,overview\n"
    f"{ADDED_ID},Amélie Anew,2031,Drama,fr,2031-02-03,word1|word2,Actor 7,Director 7,\n"
)
NOW = 1_600_000_000
VALUES = params.Recommender(
    two_tower_quota=100, similar_quota=20, popular_quota=10, popular_days=730, similar_weight=0.5,
    rating_weight=0.1, genre_at_most=10, genre_among=0, diversity=0.0, explore_share=0.5,
)  # fmt: skip
NEIGHBOURS = params.Neighbours(max_movies=MOVIES, kept_per_movie=5, other_weight=0.5, regularization=10.0)
GENRES, LANGUAGES = ["Comedy", "Drama", "Horror", "Western"], ["en", "fr", ""]
RETRIEVAL = {"history_length": 10, "embedding_dim": 8, "heads": 2, "blocks": 1, "epochs": 1}
RANKING = {"factors": 4, "embedding_dim": 4, "cross_layers": 1, "projection_dim": 4, "deep_layers": [8]}


@dataclass(frozen=True)
class Tiny:
    """A folder laid out as the repository is, and what was written there."""

    root: Path
    interactions: Interactions
    bundle: Bundle


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Processed tables, random weights, exported models and the metrics that the gates read."""
    root = tmp_path_factory.mktemp("marquee")
    with contextlib.chdir(root):
        table = _write_processed()
        _write_weights(table)
        item_item.write(
            fitting.fit(table.in_periods(TRAIN, VALIDATION), NEIGHBOURS), paths.NEIGHBOURS.weights
        )
        _export()
        _index()
        paths.RECOMMENDER.best_params.parent.mkdir()
        paths.RECOMMENDER.best_params.write_text(yaml.safe_dump(VALUES.model_dump()))
        write_json(paths.metrics("evaluate_retrieval"), {"two_tower": {"minus_popularity_low": 0.01}})
        write_json(paths.metrics("evaluate_ranking"), {"dcn": {"rmse": 0.9}})
        write_json(paths.metrics("evaluate_recommender"), {"recommender": {"ndcg_at_10": 0.1}})
        exported = bundle.read(bundle.parts_of_pipeline(additions=True))
    shutil.copy(REPOSITORY / "params.yaml", root)
    shutil.copy(REPOSITORY / "bentofile.yaml", root)
    (root / "stages").symlink_to(REPOSITORY / "stages")
    return Tiny(root, table, exported)


@pytest.fixture
def house(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The tiny pipeline's folder as the working directory; what a test packages there goes away again."""
    monkeypatch.chdir(tiny.root)
    yield tiny.root
    shutil.rmtree(paths.BUNDLE, ignore_errors=True)
    paths.metrics("package_service").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def recommender(tiny: Tiny) -> Recommender:
    return Recommender(tiny.bundle, VALUES)


def _write_processed() -> Interactions:
    rng = np.random.default_rng(0)
    user, movie = np.sort(rng.integers(0, USERS, ROWS)), rng.integers(0, MOVIES, ROWS)
    time = rng.integers(NOW - 10_000_000, NOW - 1_000_000, ROWS) // 1000 * 1000  # some ties
    order = np.lexsort((movie, time, user))
    user, movie, time = user[order].astype(np.int32), movie[order].astype(np.int32), time[order]
    cutoffs = np.quantile(time, [0.8, 0.9])
    period = np.array([TRAIN, VALIDATION, TEST], np.uint8)[np.searchsorted(cutoffs, time, side="right")]
    half_stars = rng.integers(1, 11, ROWS).astype(np.uint8)
    table = Interactions(user, movie, half_stars, time, period, USERS, MOVIES)
    interactions.write(table, paths.PROCESSED.interactions)
    movies = _movies(rng)
    encoder = movie_encoder.fit(movies, np.ones(MOVIES, bool), text_dim=6, min_word_count=1, seed=1)
    movie_encoder.write(encoder, paths.PROCESSED.movie_encoder)
    catalogue.write(encoder.encode(movies), paths.PROCESSED.movie_features)
    pq.write_table(pa.Table.from_pandas(movies, preserve_index=False), paths.PROCESSED.movies)
    counts = {"users": USERS, "movies": MOVIES, "interactions": ROWS}
    licence = {"data": "a test", "holder": "nobody", "licence": "MIT", "citation": "none"}
    raw = {"source": "sample", "simulated": True, "metadata": {"source": "included"}, "md5": {}}
    write_json(paths.RAW.manifest, raw | {"counts": counts, "licences": [licence]})
    periods = {"split": "temporal", "interactions": {"train": 1200}, "first_timestamp": {"train": NOW}}
    write_json(paths.PROCESSED.manifest, periods)
    pq.write_table(schema.ORACLE.empty_table(), paths.RAW.oracle)
    return table


def _movies(rng: np.random.Generator) -> pd.DataFrame:
    """Titles that differ in a number, one genre each, words that texts can be told apart by."""
    year = rng.integers(1950, 2019, MOVIES)
    return pd.DataFrame(
        {
            "movie_id": np.arange(MOVIES) * 10 + 5,
            "title": [f"Amélie {row}" for row in range(MOVIES)],
            "year": np.where(np.arange(MOVIES) == 0, 0, year),
            "genres": [[GENRES[row]] for row in rng.integers(0, len(GENRES), MOVIES)],
            "language": [LANGUAGES[row] for row in rng.integers(0, len(LANGUAGES), MOVIES)],
            "keywords": [[f"word{word}" for word in words] for words in rng.integers(0, 30, (MOVIES, 3))],
            "cast": [[f"Actor {row % 40}"] for row in range(MOVIES)],
            "directors": [[f"Director {row % 25}"] for row in range(MOVIES)],
            "overview": [""] * MOVIES,
            "release_date": [""] * MOVIES,
        }
    )


def resolved(section: str, tune: str, changes: dict[str, object]) -> dict[str, object]:
    """A model's knobs as params.yaml has them, searched ones at their default, some changed."""
    values = params.read(REPOSITORY / "params.yaml")
    searched = {name: knob["default"] for name, knob in values[tune]["search"].items()}
    return values[section] | searched | changes


def _write_weights(table: Interactions) -> None:
    from stages.ranking import data
    from stages.ranking.dcn import Dcn
    from stages.retrieval import fitting
    from stages.runtime import start_tensorflow

    start_tensorflow(seed=1, threads=1)
    facts = catalogue.read(paths.PROCESSED.movie_features)
    preprocessing = params.load("preprocess_data", params.PreprocessData, REPOSITORY / "params.yaml")
    chosen = resolved("retrieval", "tune_retrieval", RETRIEVAL), resolved("ranking", "tune_ranking", RANKING)
    fitted = (TRAIN, VALIDATION)
    for folder, values in zip((paths.RETRIEVAL, paths.RANKING), chosen, strict=True):
        folder.folder.mkdir(parents=True)
        folder.best_params.write_text(yaml.safe_dump(values))
    two_tower = fitting.build(table.in_periods(*fitted), facts, Retrieval(**chosen[0]), preprocessing)
    dcn = Dcn(facts, data.known_movies(table, fitted, preprocessing), Ranking(**chosen[1]))
    rng = np.random.default_rng(1)
    for variable in dcn.residual.variables:  # zero before training: the features would not matter
        variable.assign(rng.normal(0, 0.1, variable.shape))
    weights.write(two_tower.model, paths.RETRIEVAL.weights)
    weights.write(dcn, paths.RANKING.weights)


def _export() -> None:
    from stages.serving import export

    preprocessing = params.load("preprocess_data", params.PreprocessData, REPOSITORY / "params.yaml")
    winners = Winners(
        params.load_best(Retrieval, paths.RETRIEVAL.best_params),
        params.load_best(Ranking, paths.RANKING.best_params),
        NEIGHBOURS,
    )
    tolerance = params.load("export_models", params.ExportModels, REPOSITORY / "params.yaml")
    log = logging.getLogger("test")
    export.run(winners, VALUES.popular_days, preprocessing, tolerance, seed=1, threads=1, log=log)


def _index() -> None:
    from stages.serving import index

    paths.ADDITIONS.write_text(ADDITIONS, encoding="utf-8")
    index.run(logging.getLogger("test"))
