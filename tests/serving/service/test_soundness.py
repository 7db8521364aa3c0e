"""Bundles whose manifest is right and whose models are not."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from marquee.pipeline.arrays import Float32
from marquee.serving.recommender import recommender
from marquee.serving.recommender.bundle import Bundle
from marquee.serving.recommender.manifest import BundleError
from marquee.serving.recommender.recommender import Recommender
from marquee.serving.service import soundness
from marquee.serving.service.model_card import MeasuredScore, ModelCard
from tests.serving import small
from tests.serving.small import DIM, MOVIES

CLAIMS = small.card().model_copy(
    update={
        "metrics": {
            "evaluate_retrieval": [MeasuredScore(metric="top_100_accuracy", model="two_tower", value=5.0)]
        }
    }
)
"""A card of a tower that finds more than luck would, even among so few movies that luck finds all."""


def away(inputs: dict[str, Any]) -> Float32:
    """A query far from what was watched."""
    return -inputs["vectors"].reshape(-1, DIM).mean(axis=0)


class Models:
    """In place of both exported models: whatever a test has them give."""

    stars: Any = staticmethod(lambda inputs: np.full(len(inputs["features"]), 3.5))
    query: Any = staticmethod(lambda inputs: inputs["vectors"].reshape(-1, DIM).mean(axis=0))

    def __init__(self, content: bytes) -> None:
        self._give = Models.query if content == b"query_tower" else Models.stars

    def __call__(self, **inputs: Any) -> Float32:
        given = np.asarray(self._give(inputs), np.float32)
        return given[None] if given.shape == (DIM,) else given


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setattr(recommender, "LiteRtModel", Models)
    return monkeypatch


def small_bundle() -> Bundle:
    """Each movie speaks for the next one, whose vector is nearly the same: the tower above finds it."""
    bundle = small.packaged().bundle
    turn = np.linspace(0, 3, MOVIES)[:, None] * np.arange(1, DIM + 1)
    near = np.concatenate([np.cos(turn), np.sin(turn)], axis=1)[:, :DIM].astype(np.float32)
    return dataclasses.replace(
        bundle, index=dataclasses.replace(bundle.index, candidates=near, by_column=None)
    )


def try_(card: ModelCard = CLAIMS) -> None:
    soundness.require_sound(Recommender(small_bundle(), small.VALUES), card)


@pytest.mark.usefixtures("asked")
def test_models_that_agree_with_the_rest_of_the_bundle_are_sound():
    try_()


@pytest.mark.parametrize(
    ("stars", "says"),
    [
        (lambda inputs: np.full(len(inputs["features"]), np.nan), "predicts ratings that are no numbers"),
        (lambda inputs: np.full(len(inputs["features"]), 0.5), r"it is off by \d\.\d\d stars from the mean"),
        (lambda inputs: np.tile([0.5, 5.0], len(inputs["features"]))[: len(inputs["features"])], "is off by"),
    ],
)
def test_a_dcn_of_another_run_is_refused(asked: pytest.MonkeyPatch, stars: Any, says: str):
    asked.setattr(Models, "stars", staticmethod(stars))
    with pytest.raises(BundleError, match=says):
        try_()


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (lambda _: np.full(DIM, np.inf), "gives vectors that are no numbers"),
        (lambda _: np.arange(DIM), "gives every history the same vector"),
        (
            away,
            r"stand above \d+% of the catalogue",
        ),
    ],
)
def test_a_query_tower_of_another_run_is_refused(asked: pytest.MonkeyPatch, query: Any, says: str):
    asked.setattr(Models, "query", staticmethod(query))
    with pytest.raises(BundleError, match=says):
        try_()


def test_a_tower_that_was_measured_to_find_no_more_than_luck_need_not_agree(asked: pytest.MonkeyPatch):
    asked.setattr(Models, "query", staticmethod(away))
    try_(small.card())
