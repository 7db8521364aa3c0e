"""Snapshots of metadata, patchy as they are, and the join by TMDB's id."""

import contextlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.data.sources import metadata
from marquee.data.sources.files.rules import DataError
from marquee.data.tables import facts, schema
from marquee.data.tables.facts import Fact
from tests.fuzz import fuzzed


@pytest.fixture
def snapshot(tmp_path):
    """Writes columns as a Parquet snapshot and reads it back."""

    def go(**columns):
        path = tmp_path / "snapshot.parquet"
        pd.DataFrame(columns).to_parquet(path)
        return metadata.read_snapshot(path)

    return go


def movies(*tmdb_ids):
    return pa.table(
        {
            "movie_id": range(1, len(tmdb_ids) + 1),
            "title": [""] * len(tmdb_ids),
            "year": [0] * len(tmdb_ids),
            "genres": [[]] * len(tmdb_ids),
            "tmdb_id": tmdb_ids,
        },
        schema=schema.MOVIES,
    )


def test_missing_values_and_dates_that_are_none_become_empty(snapshot):
    found = snapshot(
        tmdbId=[603, 11],
        overview=[" A hacker. ", np.nan],
        original_language=["en", None],
        release_date=["1999-03-31", "May 1977"],
        keywords=[["hacker", "", None], None],
        cast=[["Keanu"], None],
        director=[None, ["George"]],
        vote_average=[8.2, 8.5],
    )
    assert found.to_dict("records") == [
        {
            "tmdb_id": 603,
            "overview": "A hacker.",
            "keywords": ["hacker"],
            "cast": ["Keanu"],
            "directors": [],
            "language": "en",
            "release_date": "1999-03-31",
        },
        {
            "tmdb_id": 11,
            "overview": "",
            "keywords": [],
            "cast": [],
            "directors": ["George"],
            "language": "",
            "release_date": "",
        },
    ]


def test_a_snapshot_may_lack_every_column_but_the_id(snapshot):
    found = snapshot(tmdbId=[603.0, np.nan])
    assert found["tmdb_id"].tolist() == [603, 0]
    assert found["overview"].tolist() == ["", ""]
    assert found["cast"].tolist() == [[], []]


@pytest.fixture
def with_runtime(monkeypatch):
    """One more fact in the list: a number."""
    listed = (*facts.OF_METADATA, Fact("minutes", "number", "metadata", snapshot="runtime"))
    monkeypatch.setattr(facts, "OF_METADATA", listed)
    monkeypatch.setattr(metadata, "COLUMNS", [*metadata.COLUMNS, "minutes"])


def test_one_more_fact_in_the_list_is_one_more_column(snapshot, with_runtime):
    found = snapshot(tmdbId=[603, 11], runtime=[136.0, np.nan])
    assert found["minutes"].tolist() == [136, 0]
    assert found["minutes"].dtype == "int16"


@pytest.mark.parametrize("wrong", [40_000, 1.5, "long"])
def test_a_number_that_cannot_be_is_an_error_that_shows_it(snapshot, with_runtime, wrong):
    with pytest.raises(DataError, match=rf"column runtime holds {wrong!r}; whole numbers below 32,768"):
        snapshot(tmdbId=[603], runtime=[wrong])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"tmdb_id": [1]}, r"column tmdbId is missing; it has tmdb_id\. Rename tmdb_id to tmdbId"),
        ({"overview": ["x"]}, r"column tmdbId is missing; it has overview\. Add tmdbId"),
        ({"tmdbId": ["603", "tt1"]}, r"tmdbId 'tt1' is not a whole number"),
        ({"tmdbId": [603], "cast": ["Keanu|Carrie"]}, r"column cast holds 'Keanu\|Carrie'; lists of names"),
    ],
)
def test_a_snapshot_that_cannot_be_joined_is_an_error_that_says_why(snapshot, columns, message):
    with pytest.raises(DataError, match=message):
        snapshot(**columns)


def test_a_file_that_is_not_parquet_is_an_error(tmp_path):
    path = tmp_path / "snapshot.parquet"
    path.write_text("tmdbId\n603\n")
    with pytest.raises(DataError, match=r"snapshot\.parquet is not a whole Parquet file"):
        metadata.read_snapshot(path)


def test_movies_that_share_an_id_share_the_facts_and_repeated_rows_count_once(snapshot):
    # Movies 1 and 3 are both 603, movie 2 has no id, movie 4 is not covered; 603 comes twice.
    found = snapshot(tmdbId=[77, 603, 603], overview=["other", "first", "second"])
    joined = metadata.join(movies(603, 0, 603, 11), found, "snapshot")
    assert joined.table.schema == schema.METADATA
    assert joined.table.select(["movie_id", "overview"]).to_pylist() == [
        {"movie_id": 1, "overview": "first"},
        {"movie_id": 3, "overview": "first"},
    ]
    assert joined.coverage == {
        "movies": 4,
        "movies_with_tmdb_id": 3,
        "movies_with_metadata": 2,
        "movies_with_overview": 2,
        "movies_with_keywords": 0,
        "movies_with_cast": 0,
        "movies_with_directors": 0,
        "movies_with_language": 0,
        "movies_with_release_date": 0,
        "movies_sharing_a_tmdb_id": 2,
        "repeated_tmdb_ids_in_metadata": 1,
    }


def test_metadata_for_other_movies_are_an_error(snapshot):
    found = snapshot(tmdbId=[77, 78])
    with pytest.raises(
        DataError, match=r"its 2 films are none of the 1 movies with a TMDB id: it is metadata for oth"
    ):
        metadata.join(movies(603, 0), found, "snapshot.parquet")
    with pytest.raises(
        DataError, match=r"none of the 2 movies has a TMDB id.*\nGive the source a links\.csv"
    ):
        metadata.join(movies(0, 0), found, "snapshot.parquet")


def test_tmdbs_own_lists_of_things_with_a_name_are_lists_of_names(snapshot):
    cast = [[{"id": 6384, "name": "Keanu Reeves"}, {"id": 2975, "name": " Laurence Fishburne "}], []]
    found = snapshot(tmdbId=[603, 11], cast=cast)
    assert found["cast"].tolist() == [["Keanu Reeves", "Laurence Fishburne"], []]


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"cast": [[1, 2]]}, "column cast holds 1; lists of names are expected"),
        ({"cast": [[{"id": 1}]]}, "column cast holds .*'id': 1.*; lists of names are expected"),
        ({"overview": [1.5]}, "column overview holds 1.5; texts are expected"),
        ({"tmdbId": [1.5]}, "tmdbId 1.5 is not a whole number"),
    ],
)
def test_what_is_no_text_does_not_become_one(snapshot, columns, problem):
    with pytest.raises(DataError, match=problem):
        snapshot(**{"tmdbId": [603], **columns})


def test_a_column_nearly_called_as_a_fact_is_told(snapshot, caplog):
    found = snapshot(tmdbId=[603], Overview=["x"], directors=[["Lana"]], vote_average=[8.2])
    assert found["overview"].tolist() == [""]
    assert "column Overview is not read; rename it to overview if it is that" in caplog.text
    assert "column directors is not read; rename it to director if it is that" in caplog.text
    assert "vote_average" not in caplog.text


def test_a_day_that_no_year_has_is_no_release_date(snapshot):
    found = snapshot(tmdbId=[1, 2, 3], release_date=["1995-13-45", "1995-02-30", "1996-02-29"])
    assert found["release_date"].tolist() == ["", "", "1996-02-29"]


def test_a_long_value_is_cut_where_it_is_quoted(snapshot):
    with pytest.raises(DataError) as error:
        snapshot(tmdbId=[603], cast=["x y " * 10_000])
    assert len(str(error.value)) < 1000


@fuzzed(40)
@given(
    st.lists(st.tuples(st.integers(0, 1 << 14), st.integers(1, 255)), min_size=1, max_size=4), st.booleans()
)
def test_a_snapshot_damaged_anywhere_is_read_or_is_an_error_of_the_data(tmp_path_factory, flips, cut):
    path = tmp_path_factory.mktemp("damaged") / "snapshot.parquet"
    films = {"tmdbId": range(50), "overview": ["A film."] * 50, "cast": [["Ann", "Bo"]] * 50}
    pd.DataFrame(films).to_parquet(path)
    data = bytearray(path.read_bytes())
    for at, by in flips:
        data[at % len(data)] ^= by
    path.write_bytes(data[: flips[0][0] % len(data)] if cut else data)
    with contextlib.suppress(DataError):
        assert list(metadata.read_snapshot(path).columns) == metadata.COLUMNS
