"""The catalogue's index, and movies that are added to it."""

import logging
from pathlib import Path

import pytest
import yaml

from marquee.pipeline import params, paths
from marquee.pipeline.files import read_json
from marquee.serving.recommender import bundle, bundle_files, catalogue_index
from marquee.serving.recommender.recommender import Recommender
from stages import index_catalogue
from tests.fixtures.tiny_pipeline import ADDED_ID, MOVIES, PARAMS, Tiny
from tests.places import ROOT

ADDED = """movie_id,title,year,genres,language,release_date,keywords,cast,directors,overview
900001,The Lord of the Rings: The Hunt for Gollum,2018,Adventure|Fantasy,en,2018-12-17,\
based on novel|epic|magic|friendship|mythology|sequel,Elijah Wood|Ian McKellen|Andy Serkis,Peter Jackson,
900002,Star Wars: Episode X,2018,Action|Adventure|Sci-Fi,en,2018-12-17,\
space opera|rebellion|robot|chosen one|space|aliens|sequel,Mark Hamill|Harrison Ford,George Lucas,
900003,Toy Story 9,2018,Adventure|Animation|Children|Comedy,en,2018-11-17,\
toys|friendship|family|escape|sequel,Tom Hanks|Tim Allen|Joan Cusack,John Lasseter,
"""
"""Sequels that were never made, of films in the embedded sample."""


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
        index_catalogue.run(PARAMS, logging.getLogger("test"))
        assert len(catalogue_index.read(paths.ADDITIONS_INDEX)) == 0
        assert paths.CATALOGUE_INDEX.rows.read_bytes() == before
        assert len(bundle.read(bundle_files.parts_of_pipeline(additions=True)).index) == MOVIES
    finally:
        paths.ADDITIONS.write_text(text, encoding="utf-8")
        index_catalogue.run(PARAMS, logging.getLogger("test"))


def test_only_indexing_and_packaging_depend_on_the_additions():
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]

    def readers(path: Path) -> list[str]:
        return [name for name, stage in pipeline.items() if path.as_posix() in stage.get("deps", [])]

    assert readers(paths.ADDITIONS) == ["index_catalogue"]
    assert readers(paths.ADDITIONS_INDEX.folder) == ["package_service"]
    assert readers(paths.BUNDLE) == []


@pytest.fixture(scope="module")
def with_sequels(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    """The repository's own models over its catalogue and films that nobody has rated."""
    if not (ROOT / paths.EXPORTED.winner).is_file():
        pytest.skip("models/exported is not here: run make repro first")
    if read_json(ROOT / paths.RAW.manifest)["source"] != "sample":
        pytest.skip("the models are of other data than the embedded sample")
    folder = tmp_path_factory.mktemp("sequels")
    (folder / "additions.csv").write_text(ADDED, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr(paths, "ADDITIONS", folder / "additions.csv")
        patch.setattr(paths, "metrics", lambda stage: folder / f"{stage}.json")
        for name in ("CATALOGUE_INDEX", "ADDITIONS_INDEX"):
            patch.setattr(paths, name, paths.Index(folder / name))
        index_catalogue.run(PARAMS, logging.getLogger("test"))
        values = params.read_best(params.RecommenderParams, paths.RECOMMENDER.best_params)
        return Recommender(bundle.read(bundle_files.parts_of_pipeline(additions=True)), values)


@pytest.mark.parametrize(
    ("series", "sequel"), [("The Lord of the Rings", 900001), ("Star Wars", 900002), ("Toy Story", 900003)]
)
def test_a_film_nobody_has_rated_is_recommended_to_who_liked_its_kind(
    with_sequels: Recommender, series: str, sequel: int
):
    titles = with_sequels.index.titles
    liked = [
        movie_id
        for movie_id, title in zip(titles.movie_id, titles.title, strict=True)
        if title.startswith(series) and movie_id < 900_000
    ]
    now = 1_546_300_800  # 2019-01-01, as the sample ends
    history, _ = with_sequels.history(liked, [5.0] * len(liked), None, now)
    shown = [titles.movie_id[movie.movie_index] for movie in with_sequels.recommend(history, now, 100)]
    assert next(movie_id for movie_id in shown if movie_id >= 900_000) == sequel
