"""The table that everybody reads, and the walk of a source that is added to it."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from marquee.data.tables.interactions import VALIDATION
from marquee.evaluation.measures import events
from marquee.pipeline.arrays import Float32
from marquee.serving.recommender import bundle, bundle_files, manifest
from marquee.serving.recommender.recommender import Recommender
from marquee.serving.recommender.sources import registry
from marquee.serving.recommender.sources.source import Asked, Part, Source
from marquee.serving.replay import candidate_lists, histories
from marquee.serving.service import openapi
from marquee.serving.service.answers import Answers
from marquee.serving.service.responses import RecommendedMovie
from marquee.serving.service.schemas import RecommendRequest
from tests.fixtures.tiny_pipeline import NOW, VALUES, Tiny
from tests.places import ROOT
from tests.serving import small

FIRST_LETTERS = "first_letters.txt"


def by_letter(asked: Asked) -> Float32:
    """Movies whose title begins with the letter of the source's own file, the last of the catalogue first."""
    letter = asked.parts[FIRST_LETTERS]
    begins = np.array([title.startswith(letter) for title in asked.index.titles.title])
    return (begins * np.arange(1, len(asked.index) + 1)).astype(np.float32)


@pytest.fixture
def fourth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """A source with a file of its own, in the line after the first three of the registry."""
    left_by = tmp_path / "pipeline" / FIRST_LETTERS
    left_by.parent.mkdir()
    left_by.write_text("A")
    source = Source(
        name="alphabet",
        quota=lambda params: 3,
        scores=by_letter,
        above=0.0,
        weight=lambda params: 100.0,
        part=Part(FIRST_LETTERS, left_by, lambda path, num_movies: path.read_text()),
        shown="begins with the letter",
        found_by="its first letter",
    )
    monkeypatch.setattr(registry, "SOURCES", (*registry.SOURCES[:3], source))
    return source


def test_another_source_comes_with_its_file_from_the_pipeline_into_the_bundle_and_the_answers(
    tiny: Tiny, fourth: Source, tmp_path: Path
):
    with contextlib.chdir(tiny.root):
        files: dict[str, Path | bytes] = dict(bundle_files.parts_of_pipeline(additions=True).named())
        files[bundle_files.RECOMMENDER] = VALUES.model_dump_json().encode()
        manifest.write(files, tmp_path / "bundle")
    packaged = bundle.open_packaged(tmp_path / "bundle")
    assert packaged.bundle.of_sources[FIRST_LETTERS] == "A"
    answers = Answers(packaged)
    shown = answers.recommend(RecommendRequest(history=[], k=100), NOW).recommendations
    # Row numbers at a large weight: what it gives, the last three of the catalogue, comes first.
    assert fourth.name in {movie.source for movie in shown[:3]}
    assert {movie.movie_id for movie in shown[:3]} == set(tiny.bundle.titles.movie_id[-3:])


def test_tuning_collects_and_weighs_what_another_source_says(tiny: Tiny, fourth: Source):
    of_sources = {**tiny.bundle.of_sources, FIRST_LETTERS: "A"}
    with_letters = Recommender(
        bundle.Bundle(
            tiny.bundle.settings, tiny.bundle.query_tower, tiny.bundle.dcn, tiny.bundle.index, of_sources
        ),
        VALUES,
    )
    asked = histories.spread(events.of_period(tiny.interactions, VALIDATION, 1000, seed=1), 10)
    lists = candidate_lists.collect(with_letters, tiny.interactions, asked)
    assert lists.scores.shape == (len(registry.SOURCES), 10, sum(registry.quotas(VALUES)))
    answered = histories.answer(with_letters, tiny.interactions, asked, 10)
    np.testing.assert_array_equal(lists.ranks(VALUES), answered.rank)


def test_another_source_is_in_the_document_and_its_words_are_in_the_model_card(
    fourth: Source, tmp_path: Path
):
    described = openapi.document()["components"]["schemas"]["RecommendedMovie"]["properties"]["source"]
    assert described["enum"] == ["two_tower", "similar", "popular", fourth.name, "exploration"]
    with small.application(tmp_path, of_sources={FIRST_LETTERS: "F"}) as app, TestClient(app) as ask:
        words = ask.get("/model").json()["sources"]
        answered = ask.post("/recommend", json={"history": [], "k": 50}).json()
    assert words[3] == {
        "name": "alphabet",
        "shown": "begins with the letter",
        "shown_at_first": "begins with the letter",
        "found_by": "its first letter",
    }
    assert [one["name"] for one in words] == described["enum"]
    assert "alphabet" in {movie["source"] for movie in answered["recommendations"]}


def test_a_name_that_is_in_no_line_of_the_registry_is_no_source():
    with pytest.raises(
        ValueError, match=r"must be one of two_tower, similar, popular, .*exploration; received x"
    ):
        shown_from("x")
    assert shown_from("exploration").source == "exploration"


def shown_from(source: str) -> RecommendedMovie:
    return RecommendedMovie(
        movie_id=1,
        title="A",
        year=None,
        genres=[],
        score=1,
        predicted_rating=3,
        source=source,
        because=None,
        propensity=1.0,
    )


def test_the_retrieval_score_adds_up_the_sources_that_have_a_weight(monkeypatch: pytest.MonkeyPatch):
    # Two-tower at 1, similar at similar_weight 0.5, popular finds and does not rank.
    scores = np.array([[1.0, 2.0], [4.0, -2.0], [100.0, 900.0]], np.float32)
    monkeypatch.setattr(registry, "SOURCES", registry.SOURCES[:3])
    assert registry.retrieval_score(scores, VALUES).tolist() == [3.0, 1.0]


@pytest.mark.parametrize(
    "told_once",
    [
        *(f'"{words}"' for origin in registry.origins() for words in (origin.shown, origin.found_by)),
        *(f"params.{source.name}_quota" for source in registry.SOURCES),
    ],
)
def test_what_the_registry_says_is_written_nowhere_else(told_once: str):
    files = [path for room in ("marquee", "stages") for path in (ROOT / room).rglob("*.*")]
    sources = [path for path in files if path.suffix in (".py", ".js", ".html")]
    written = [path for path in sources if told_once in path.read_text(encoding="utf-8")]
    assert written == [ROOT / "marquee/serving/recommender/sources/registry.py"]
