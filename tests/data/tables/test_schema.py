"""The raw tables: read as the schema has them, whole or with an error."""

import pandas as pd
import pandera.errors
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marquee.data.tables import schema
from marquee.data.tables.schema import SchemaError

RATED = {"user_id": [1], "movie_id": [2], "half_stars": [7], "timestamp": [900_000_000]}


def rated(**changes: list[int]) -> pd.DataFrame:
    return pa.table({**RATED, **changes}, schema=schema.INTERACTIONS).to_pandas()


def test_the_raw_tables_have_the_columns_that_were_agreed():
    assert schema.MOVIES.names == ["movie_id", "title", "year", "genres", "tmdb_id"]
    assert schema.MOVIES.field("year").type == pa.int16()
    assert schema.MOVIES.field("genres").type == pa.list_(pa.string())
    assert schema.METADATA.names == [
        *("movie_id", "overview", "keywords", "cast", "directors", "language", "release_date")
    ]
    assert schema.METADATA.field("overview").type == pa.string()


def test_ratings_from_half_a_star_to_five_since_1995_are_good():
    schema.RATED.validate(rated())


@pytest.mark.parametrize(
    "wrong",
    [
        {"half_stars": [11]},
        {"half_stars": [0]},
        {"timestamp": [788_918_399]},
        {name: values * 2 for name, values in RATED.items()},
    ],
    ids=["over five stars", "no star", "1994", "twice"],
)
def test_ratings_that_cannot_be_are_refused(wrong: dict[str, list[int]]):
    with pytest.raises(pandera.errors.SchemaError):
        schema.RATED.validate(rated(**wrong))


def test_a_table_is_read_with_the_types_of_its_schema(tmp_path):
    pq.write_table(pa.table(RATED), tmp_path / "rated.parquet")  # all int64
    assert schema.read(tmp_path / "rated.parquet", schema.INTERACTIONS).schema == schema.INTERACTIONS


def test_a_table_with_other_columns_is_an_error_that_names_the_file_and_both_lists(tmp_path):
    pq.write_table(pa.table({"user_id": [1]}), tmp_path / "rated.parquet")
    with pytest.raises(
        SchemaError, match=r"rated\.parquet must have the columns user_id, movie_id.*it has user_id"
    ):
        schema.read(tmp_path / "rated.parquet", schema.INTERACTIONS)


def test_facts_that_a_source_lacks_are_empty():
    table = schema.table({"movie_id": [4, 9], "title": ["Heat", "Ran"], "tmdb_id": [0, 11645]}, schema.MOVIES)
    assert table.to_pydict() == {
        "movie_id": [4, 9],
        "title": ["Heat", "Ran"],
        "year": [0, 0],
        "genres": [[], []],
        "tmdb_id": [0, 11645],
    }


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["text", "", None], pa.string()),
        ([["a"], [], None], pa.list_(pa.string())),
        ([7, 0, None], pa.int32()),
    ],
)
def test_a_column_is_filled_where_it_says_something(values: list[object], kind: pa.DataType):
    assert schema.filled(pa.chunked_array([pa.array(values, kind)])).tolist() == [True, False, False]
