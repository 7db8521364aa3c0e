"""A bundle made by hand: real titles, random vectors, and arithmetic in place of the exported models."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.facts import Titles
from marquee.events import segments
from marquee.events.segments import Counted
from marquee.models.features.movies import Movies, MovieStatistics
from marquee.models.neighbours.item_item import ItemItem
from marquee.pipeline import params
from marquee.pipeline.arrays import Float32
from marquee.serving.recommender import recommender
from marquee.serving.recommender.bundle import Bundle, Packaged, Settings
from marquee.serving.recommender.catalogue_index import CatalogueIndex
from marquee.serving.recommender.sources import similar
from marquee.serving.service import deployment, model_card, service
from marquee.serving.service.model_card import ModelCard
from tests.fixtures.tiny_pipeline import resolved

NAMED = (
    ("The Matrix", 1999, ["Action", "Sci-Fi"], "en", ["Lana Wachowski"], ["Keanu Reeves"]),
    ("Amélie (Le Fabuleux destin d'Amélie Poulain)", 2001, ["Comedy", "Romance"], "fr", [], []),
    ("Spider-Man", 2002, ["Action"], "en", ["Sam Raimi"], ["Tobey Maguire"]),
    ("An Untitled Film", 0, [], "", [], []),
)
MOVIES, DIM = 60, 6
NOW = 1_600_000_000
VALUES = params.RecommenderParams(
    **resolved(
        "recommender",
        {
            "two_tower_quota": 100,
            "similar_quota": 10,
            "popular_quota": 10,
            "similar_weight": 0.3,
            "rating_weight": 0.1,
            "genre_at_most": 8,
            "genre_among": 10,
            "diversity": 0.1,
            "explore_share": 0.2,
            "explore_temperature": 1.0,
        },
    )
)
EVENTS = params.EventsParams(
    enabled=True, queue_length=100, segment_mb=1.0, flush_seconds=0.1, retention_days=90.0, max_gb=1.0
)
SERVING = params.Serving(
    max_body_kb=100,
    max_in_flight=8,
    deadline_seconds=5.0,
    watch_seconds=60.0,
    events=EVENTS,
    challenger=params.ChallengerParams(mode="split", share=0.5, experiment="1"),
)
HASH = "ab" * 32
RECORDED_SECONDS = 5.0
"""Until a record is given up that should have been written within one."""


class Arithmetic:
    """In place of an exported model: numbers that follow from the inputs."""

    def __init__(self, content: bytes) -> None:
        self._tower = content == b"query_tower"

    def __call__(self, **inputs: Any) -> Float32:
        """A query (1, D) near the latest movies, or stars (n,)."""
        if self._tower:
            mean = inputs["vectors"].reshape(-1, DIM).mean(axis=0) + inputs["features"].mean()
            return (mean + np.float32(0.1))[None].astype(np.float32)
        pull = inputs["features"].mean(axis=1) + inputs["content"].sum(axis=1)
        return (0.5 + 4.5 / (1 + np.exp(-np.nan_to_num(pull)))).astype(np.float32)


def id_of(row: int) -> int:
    """The movie_id of a row."""
    return 10 * row + 5


def packaged(of_sources: Mapping[str, Any] | None = None) -> Packaged:
    """Sixty movies, the first four with names of their own; and the files of sources that a test adds."""
    rng = np.random.default_rng(0)
    rest = [
        (
            f"Film Number {row}",
            1950 + row,
            [["Drama"], ["Comedy"], ["Drama", "Action"]][row % 3],
            "en",
            [],
            [],
        )
        for row in range(len(NAMED), MOVIES)
    ]
    title, year, genres, language, directors, cast = (
        list(column) for column in zip(*NAMED, *rest, strict=True)
    )
    ids = [id_of(row) for row in range(MOVIES)]
    titles = Titles(ids, title, year, genres, language, directors, cast)
    catalogue = Catalogue(
        genres=np.eye(3, dtype=np.float32)[rng.integers(0, 3, MOVIES)],
        language=np.zeros((MOVIES, 0), np.float32),
        text=np.zeros((MOVIES, 4), np.float32),
        release=np.array([row or 1990 for row in year], np.float32),
        names=np.zeros((MOVIES, 0), np.int32),
    )
    bias = rng.normal(0, 0.3, MOVIES).astype(np.float32)
    statistics = MovieStatistics(
        global_mean=np.float32(3.5),
        content_weights=np.zeros(9, np.float32),
        bias=bias,
        content_bias=bias,
        spread=np.ones(MOVIES, np.float32),
        count=np.arange(MOVIES, 0, -1).astype(np.float32),
        factors=rng.normal(0, 0.1, (MOVIES, 2)).astype(np.float32),
        taste_weights=np.zeros((21, 2), np.float32),
        taste=rng.normal(0, 0.3, (MOVIES, 2)).astype(np.float32),
    )
    index = CatalogueIndex(
        candidates=rng.normal(size=(MOVIES, DIM)).astype(np.float32),
        ranking_id_row=np.arange(MOVIES, dtype=np.int32),
        popular=np.arange(MOVIES, 0, -1).astype(np.float32),
        movies=Movies(catalogue, statistics),
        titles=titles,
    )
    # Each movie speaks for the next one.
    neighbours = ItemItem(
        start=np.append(np.arange(MOVIES), MOVIES - 1),
        movie_index=np.arange(1, MOVIES, dtype=np.int32),
        weight=np.full(MOVIES - 1, 0.5, np.float32),
    )
    settings = Settings(history_length=10, embedding_dim=DIM, positive_rating=4.0, other_weight=0.2)
    read = {similar.NEIGHBOURS.name: neighbours, **(of_sources or {})}
    return Packaged(Bundle(settings, b"query_tower", b"dcn", index, read), VALUES, HASH)


def card() -> ModelCard:
    """A card of nothing real."""
    raw = {
        "source": "sample",
        "simulated": True,
        "metadata": {"source": "included"},
        "md5": {"films.csv": "0" * 32},
        "counts": {"users": 9, "movies": MOVIES, "interactions": 99},
        "licences": [{"data": "films", "holder": "Marquee", "licence": "MIT", "citation": "none"}],
    }
    processed = {
        "split": "temporal",
        "interactions": {"train": 80, "validation": 10, "test": 9, "context": 0},
        "first_timestamp": {"train": 0, "validation": 86_400, "test": 1_507_546_089},
    }
    metrics = {
        stage: {"scores": [{"metric": "rmse", "model": "dcn", "value": 0.9}]}
        for stage in (*model_card.DESCRIBED, "tune_ranking")
    }
    requirements = {"rmse_at_most": {"required": 1.2, "passed": 1}}
    return model_card.build(raw, processed, metrics, requirements, ["pydantic==2.14.3", "numpy==2.4.6"])


@contextmanager
def application(
    folder: Path, serving: params.Serving = SERVING, of_sources: Mapping[str, Any] | None = None
) -> Iterator[Any]:
    """The whole ASGI app of the service, over the bundle made by hand; events go into the folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recommender, "LiteRtModel", Arithmetic)
        patch.setattr(deployment, "open_packaged", lambda *_: packaged(of_sources))
        patch.setattr(deployment.model_card, "read", lambda _: card())
        patch.setattr(deployment.limits, "read", lambda _: serving)
        patch.setattr(service, "ROOT", folder)
        patch.setenv(service.EVENTS, str(folder))
        yield service.Marquee.to_asgi()


def recorded(folder: Path, kind: str, count: int = 1, visitor_id: str | None = None) -> list[Any]:
    """The records of a kind (and visitor) in a folder of segments, open ones too, once there are so many."""
    end = time.monotonic() + RECORDED_SECONDS
    while True:
        found = [
            record
            for record in segments.read(folder, Counted(), include_open=True)
            if record.kind == kind and visitor_id in (None, record.visitor_id)
        ]
        if len(found) >= count or time.monotonic() > end:
            return found
        time.sleep(0.05)
