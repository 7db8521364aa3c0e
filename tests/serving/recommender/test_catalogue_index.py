"""The catalogue's arrays on disk and in memory."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from marquee.data.tables.catalogue import Catalogue
from marquee.pipeline import paths
from marquee.serving.recommender import catalogue_index
from marquee.serving.recommender.catalogue_index import CatalogueIndex
from tests.fixtures.tiny_pipeline import Tiny


def test_an_index_is_read_back_as_it_was_written(tiny: Tiny, tmp_path: Path):
    index = paths.Index(tmp_path)
    catalogue_index.write(tiny.bundle.index, index)
    again = catalogue_index.read(index)
    assert again.titles == tiny.bundle.titles
    for name in ("candidates", "ranking_id_row", "popular"):
        _same(getattr(again, name), getattr(tiny.bundle.index, name))
    for field in fields(Catalogue):
        _same(
            getattr(again.movies.catalogue, field.name),
            getattr(tiny.bundle.index.movies.catalogue, field.name),
        )
    _same(again.movies.statistics.factors, tiny.bundle.index.movies.statistics.factors)


def test_equal_indexes_are_equal_bytes(tiny: Tiny, tmp_path: Path):
    for name in ("one", "two"):
        catalogue_index.write(tiny.bundle.index, paths.Index(tmp_path / name))
    for name in ("rows.npz", "titles.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(
    ("value", "stored"), [(0.5, np.float16), (1 / 3, np.float32), (1e6, np.float32)], ids=str
)
def test_only_what_float16_holds_exactly_is_stored_in_half_the_bytes(
    tiny: Tiny, tmp_path: Path, value: float, stored: type
):
    index = tiny.bundle.index
    changed = CatalogueIndex(
        np.full_like(index.candidates, value), index.ranking_id_row, index.popular, index.movies, index.titles
    )
    catalogue_index.write(changed, paths.Index(tmp_path))
    with np.load(tmp_path / "rows.npz") as arrays:
        assert arrays["candidates"].dtype == stored
    _same(catalogue_index.read(paths.Index(tmp_path)).candidates, changed.candidates)


def _same(one: np.ndarray, other: np.ndarray) -> None:
    np.testing.assert_array_equal(one, other)
    assert one.dtype == other.dtype
