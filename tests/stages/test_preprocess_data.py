"""Stage `preprocess_data` on four movies and four ratings."""

import contextlib
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marquee.data.preparation import movie_encoder
from marquee.data.tables import interactions, schema
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import TEST, TRAIN, VALIDATION
from marquee.pipeline import paths
from marquee.pipeline.files import read_json
from marquee.pipeline.params import PreprocessData
from stages import preprocess_data
from tests.fixtures.tiny_pipeline import PARAMS

PREPROCESSING = PreprocessData(
    split="temporal",
    validation_cutoff=0.5,
    test_cutoff=0.75,
    positive_rating=4.0,
    min_user_interactions=1,
    min_movie_interactions=1,
    min_word_count=1,
    text_dim=2,
)
MOVIES = [
    {"movie_id": 10, "title": "Alien", "year": 1979, "genres": ["Horror", "Sci-Fi"], "tmdb_id": 1},
    {"movie_id": 20, "title": "Unknown", "year": 0, "genres": [], "tmdb_id": 0},
    {"movie_id": 30, "title": "Solaris", "year": 1972, "genres": ["Sci-Fi"], "tmdb_id": 2},
    {"movie_id": 40, "title": "Rio Bravo", "year": 1959, "genres": ["Western"], "tmdb_id": 3},
]
"""Movie 40 is rated in the test period alone; movie 20 has no metadata."""
FACTS = {10: ("A crew in space.", ["space"]), 30: ("A planet in space.", ["planet"]), 40: ("A sheriff.", [])}
DAY = schema.EARLIEST
RATED = [(7, 10, 8, DAY), (3, 30, 6, DAY + 1), (7, 20, 10, DAY + 2), (3, 40, 2, DAY + 3)]


def metadata() -> list[dict[str, object]]:
    nobody: list[str] = []
    return [
        {
            "movie_id": movie_id,
            "overview": overview,
            "keywords": keywords,
            "cast": nobody,
            "directors": nobody,
            "language": "en",
            "release_date": "",
        }
        for movie_id, (overview, keywords) in FACTS.items()
    ]


@pytest.fixture
def processed(tmp_path: Path) -> paths.Processed:
    raw, out = paths.Raw(tmp_path / "data/raw"), paths.Processed(tmp_path / "data/processed")
    raw.folder.mkdir(parents=True)
    rated = [dict(zip(schema.INTERACTIONS.names, row, strict=True)) for row in RATED]
    for rows, columns, path in (
        (rated, schema.INTERACTIONS, raw.interactions),
        (MOVIES, schema.MOVIES, raw.movies),
        (metadata(), schema.METADATA, raw.metadata),
    ):
        pq.write_table(pa.Table.from_pylist(rows, schema=columns), path)
    with contextlib.chdir(tmp_path):
        given = PARAMS.model_copy(update={"preprocess_data": PREPROCESSING})
        preprocess_data.run(given, logging.getLogger("test"))
    return out


def test_ids_become_row_numbers_by_user_then_time_each_with_its_period(processed):
    table = interactions.read(processed.interactions)
    assert (table.num_users, table.num_movies) == (2, 4)
    assert table.user_index.tolist() == [0, 0, 1, 1]
    assert table.movie_index.tolist() == [2, 3, 0, 1]
    assert table.half_stars.tolist() == [6, 2, 8, 10]
    assert table.period.tolist() == [TRAIN, TEST, TRAIN, VALIDATION]


def test_the_encoder_learns_from_movies_of_the_train_period_alone(processed):
    encoder = movie_encoder.read(processed.movie_encoder)
    assert encoder.genres == ["Horror", "Sci-Fi"]
    assert encoder.words == ["crew", "k:planet", "k:space", "planet", "space"]
    assert encoder.fallback_release == (1979.5 + 1972.5) / 2


def test_the_encoder_that_is_kept_makes_the_movie_features_that_are_kept(processed):
    features = Catalogue.read(processed.movie_features)
    again = movie_encoder.read(processed.movie_encoder).encode(pd.read_parquet(processed.movies))
    np.testing.assert_array_equal(again.content, features.content)
    np.testing.assert_array_equal(again.release, features.release)
    assert features.release.tolist() == [1979.5, 1976.0, 1972.5, 1959.5]


def test_the_manifest_counts_the_periods_and_the_columns(processed):
    manifest = read_json(processed.manifest)
    assert manifest["interactions"] == {"train": 2, "validation": 1, "test": 1, "context": 0}
    assert manifest["first_timestamp"] == {"train": DAY, "validation": DAY + 2, "test": DAY + 3}
    assert manifest["features"] == {"genres": 2, "language": 1, "text": 1}
