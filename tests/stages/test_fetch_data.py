"""Stage `fetch_data`: what `data` of params.yaml names becomes `data/raw`."""

import logging
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from marquee.pipeline import paths
from marquee.pipeline.files import read_json
from marquee.pipeline.params import Data
from stages import fetch_data
from tests.fixtures.tiny_pipeline import PARAMS

RATINGS = "userId,movieId,rating,timestamp\n5,2,4.0,900000009\n5,1,7.5,900000005\n4,1,0.5,900000001\n"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository beside a folder of ratings, one of which is bad."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "ratings.csv").write_text(RATINGS)
    (own / "movies.csv").write_text("movieId,title,genres\n1,Alien (1979),Horror\n2,Ran (1985),Drama\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_source_becomes_the_raw_tables_and_the_log_counts_them(house, caplog):
    data = Data(source="own", metadata="none", feedback="none", on_bad_rows="drop", rating_scale="stars")
    with caplog.at_level(logging.INFO):
        fetch_data.run(PARAMS.model_copy(update={"data": data}), logging.getLogger("fetch_data"))
    assert pq.read_table(paths.RAW.interactions)["half_stars"].to_pylist() == [1, 8]
    assert pq.read_table(paths.RAW.movies)["title"].to_pylist() == ["Alien", "Ran"]
    assert pq.read_table(paths.RAW.metadata).num_rows == 0
    assert pq.read_table(paths.RAW.oracle).num_rows == 0
    assert read_json(paths.RAW.manifest)["dropped_rows"] == {"ratings.csv": {"rating_out_of_range": 1}}
    assert [record.getMessage() for record in caplog.records] == [
        "source own, metadata none",
        "2 interactions, 2 movies, 0 with metadata; 1 rows dropped",
    ]
