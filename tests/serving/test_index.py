"""The catalogue's index, and movies that are added to it."""

import logging
from pathlib import Path

import numpy as np
import pytest
import yaml

from stages import params, paths
from stages.data import catalogue
from stages.serving import bundle, catalogue_index, embeddings, index
from stages.serving.litert import LiteRtModel
from stages.serving.recommender import Recommender
from tests.serving.conftest import ADDED_ID, MOVIES, REPOSITORY, Tiny

ADDED = (
    "movie_id,title,year,genres,language,release_date,keywords,cast,directors,overview\n"
    '900001,"Lord of the Rings: The Hunt for Gollum, The",2019,Adventure|Fantasy,en,2019-12-17,'
    "hobbit|ring|middle-earth|elf|wizard|quest,Ian McKellen|Elijah Wood|Viggo Mortensen,Peter Jackson,\n"
)


def test_candidates_are_those_of_the_two_tower_whatever_the_chunks(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tiny.root)
    trained = catalogue_index.read_trained(paths.EXPORTED)
    facts = catalogue.read(paths.PROCESSED.movie_features)
    tower = LiteRtModel(paths.EXPORTED.candidate_tower.read_bytes())
    whole = tower(
        content=facts.content, names=facts.names, id_row=trained.retrieval_id_row, release=facts.release
    )
    chunked = embeddings.embed(tower, facts, trained.retrieval_id_row, half=False)
    np.testing.assert_allclose(chunked, whole, atol=1e-6)


def test_halved_embeddings_are_numbers_that_float16_holds(tiny: Tiny, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tiny.root)
    trained = catalogue_index.read_trained(paths.EXPORTED)
    facts = catalogue.read(paths.PROCESSED.movie_features)
    tower = LiteRtModel(paths.EXPORTED.candidate_tower.read_bytes())
    halved = embeddings.embed(tower, facts, trained.retrieval_id_row, half=True)
    np.testing.assert_array_equal(halved, halved.astype(np.float16).astype(np.float32))


def test_a_movie_added_later_has_no_id_no_ratings_and_a_level_guessed_from_its_content(tiny: Tiny):
    everything, statistics = tiny.bundle.index, tiny.bundle.index.movies.statistics
    assert everything.titles.movie_id[MOVIES] == ADDED_ID
    assert everything.ranking_id_row[MOVIES] == 0
    assert everything.popular[MOVIES] == 0
    assert statistics.count[MOVIES] == 0
    assert statistics.bias[MOVIES] == statistics.content_bias[MOVIES]
    assert everything.movies.catalogue.release[MOVIES] == pytest.approx(2031 + 33 / 365.25, abs=0.01)


def test_without_additions_their_index_is_empty_and_the_catalogue_the_same(house: Path):
    before = paths.CATALOGUE_INDEX.rows.read_bytes()
    text = paths.ADDITIONS.read_text(encoding="utf-8")
    paths.ADDITIONS.write_text(text.splitlines()[0] + "\n", encoding="utf-8")
    try:
        index.run(logging.getLogger("test"))
        assert len(catalogue_index.read(paths.ADDITIONS_INDEX)) == 0
        assert paths.CATALOGUE_INDEX.rows.read_bytes() == before
        assert len(bundle.read(bundle.parts_of_pipeline(additions=True)).index) == MOVIES
    finally:
        paths.ADDITIONS.write_text(text, encoding="utf-8")
        index.run(logging.getLogger("test"))


def test_only_indexing_and_packaging_depend_on_the_additions():
    pipeline = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))["stages"]

    def readers(path: Path) -> list[str]:
        return [name for name, stage in pipeline.items() if path.as_posix() in stage.get("deps", [])]

    assert readers(paths.ADDITIONS) == ["index_catalogue"]
    assert readers(paths.ADDITIONS_INDEX.folder) == ["package_service"]
    assert readers(paths.BUNDLE) == []


def test_a_film_nobody_has_rated_is_recommended_to_who_likes_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if not (REPOSITORY / paths.EXPORTED.winner).is_file():
        pytest.skip("models/exported is not here: run make repro first")
    monkeypatch.chdir(REPOSITORY)
    additions = tmp_path / "additions.csv"
    additions.write_text(ADDED, encoding="utf-8")
    monkeypatch.setattr(paths, "ADDITIONS", additions)
    for name in ("CATALOGUE_INDEX", "ADDITIONS_INDEX"):
        monkeypatch.setattr(paths, name, paths.Index(tmp_path / name))
    index.run(logging.getLogger("test"))
    parts = bundle.parts_of_pipeline(additions=True)
    values = params.load_best(params.Recommender, paths.RECOMMENDER.best_params)
    recommender = Recommender(bundle.read(parts), values)
    titles = recommender.index.titles
    rings = [row for row, title in enumerate(titles.title) if "Lord of the Rings" in title][:3]
    if len(rings) < 3:
        pytest.skip("the data have no Lord of the Rings")
    ids = [titles.movie_id[row] for row in rings]
    now = 1_577_836_800  # 2020-01-01
    history, _ = recommender.history(ids, [5.0] * 3, None, now)
    shown = [titles.movie_id[movie.movie_index] for movie in recommender.recommend(history, now, 20)]
    assert 900001 in shown
