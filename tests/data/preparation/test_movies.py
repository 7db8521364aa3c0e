"""Source and metadata as one table of movies."""

import pandas as pd
import pyarrow as pa
import pytest

from marquee.data.preparation import movies
from marquee.data.tables import schema

LISTED = schema.table(
    {
        "movie_id": [20, 10],
        "title": ["Unknown", "Alien"],
        "year": [0, 1979],
        "genres": [[], ["Horror"]],
        "tmdb_id": [0, 1],
    },
    schema.MOVIES,
)
METADATA = schema.table(
    {"movie_id": [10], "overview": ["A crew in space."], "cast": [["Tom Skerritt"]], "language": ["en"]},
    schema.METADATA,
)


@pytest.fixture
def joined() -> pd.DataFrame:
    return movies.join(LISTED, METADATA)


def test_movies_are_numbered_by_their_ids(joined: pd.DataFrame):
    assert joined["movie_id"].tolist() == [10, 20]
    assert joined["movie_index"].tolist() == [0, 1]
    assert joined["title"].tolist() == ["Alien", "Unknown"]


def test_a_movie_without_metadata_has_empty_facts_and_no_null(joined: pd.DataFrame):
    alien, unknown = joined.to_dict("records")
    assert (alien["overview"], alien["cast"], alien["language"]) == (
        "A crew in space.",
        ["Tom Skerritt"],
        "en",
    )
    assert (unknown["overview"], unknown["cast"], unknown["language"]) == ("", [], "")
    assert (unknown["genres"], unknown["keywords"], unknown["directors"]) == ([], [], [])
    assert not joined.isna().any(axis=None)


def test_metadata_of_one_movie_may_stand_once():
    with pytest.raises(pd.errors.MergeError):
        movies.join(LISTED, pa.concat_tables([METADATA, METADATA]))


def test_the_written_table_reads_back_the_same(joined: pd.DataFrame, tmp_path):
    movies.write(joined, tmp_path / "movies.parquet")
    found = pd.read_parquet(tmp_path / "movies.parquet")
    assert found["title"].tolist() == ["Alien", "Unknown"]
    assert [list(names) for names in found["cast"]] == [["Tom Skerritt"], []]
