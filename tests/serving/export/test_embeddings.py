"""Candidate embeddings of the exported tower."""

import numpy as np
import pytest

from marquee.data.tables.catalogue import Catalogue
from marquee.pipeline import paths
from marquee.serving.export import embeddings
from marquee.serving.recommender import catalogue_index
from marquee.serving.recommender.litert import LiteRtModel
from tests.fixtures.tiny_pipeline import Tiny


def test_candidates_are_those_of_the_two_tower_whatever_the_chunks(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tiny.root)
    trained = catalogue_index.read_trained(paths.EXPORTED)
    catalogue = Catalogue.read(paths.PROCESSED.movie_features)
    tower = LiteRtModel(paths.EXPORTED.candidate_tower.read_bytes())
    whole = tower(
        content=catalogue.content,
        names=catalogue.names,
        id_row=trained.retrieval_id_row,
        release=catalogue.release,
    )
    chunked = embeddings.embed(tower, catalogue, trained.retrieval_id_row, half=False)
    np.testing.assert_allclose(chunked, whole, atol=1e-6)


def test_embeddings_for_float16_are_numbers_that_float16_holds(tiny: Tiny, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tiny.root)
    trained = catalogue_index.read_trained(paths.EXPORTED)
    catalogue = Catalogue.read(paths.PROCESSED.movie_features)
    tower = LiteRtModel(paths.EXPORTED.candidate_tower.read_bytes())
    as_float16 = embeddings.embed(tower, catalogue, trained.retrieval_id_row, half=True)
    np.testing.assert_array_equal(as_float16, as_float16.astype(np.float16).astype(np.float32))
