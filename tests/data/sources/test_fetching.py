"""What is fetched and written, whatever the source; what is refused."""

import json
import os
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marquee.data.sources import fetching, loading, movielens, tmdb
from marquee.data.sources.files.network import Network
from marquee.data.sources.files.rules import DataError
from marquee.data.sources.loading import Fetched, Loader
from marquee.data.tables import schema
from marquee.pipeline import paths
from marquee.pipeline.params import Data, Sample
from tests.places import ROOT

SAMPLE = Sample(num_users=60, num_interactions=1500, first_year=2006, last_year=2010)
MIRROR = os.environ.get("MOVIELENS_MIRROR")


@pytest.fixture
def out(tmp_path):
    return paths.Raw(tmp_path / "raw")


@pytest.fixture
def own(tmp_path):
    """A folder of one's own: three ratings, two movies, of which one has a TMDB id."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\n5,2,4.0,900000009\n5,1,3.5,900000001\n4,1,0.5,900000001\n"
    )
    (folder / "movies.csv").write_text(
        'movieId,title,genres\n2,Film (2001),Drama\n1,"Matrix, The (1999)",Action\n'
    )
    (folder / "links.csv").write_text("movieId,imdbId,tmdbId\n1,1,603\n2,2,\n")
    return folder


@pytest.fixture
def snapshot(tmp_path):
    path = tmp_path / "snapshot.parquet"
    pd.DataFrame({"tmdbId": [603], "overview": ["A hacker."], "cast": [["Keanu"]]}).to_parquet(path)
    return path


def data(source, metadata="none", on_bad_rows="error", rating_scale="stars"):
    return Data(
        source=str(source),
        metadata=str(metadata),
        feedback="none",
        on_bad_rows=on_bad_rows,
        rating_scale=rating_scale,
    )


def fetch(out, wanted, **how):
    """Fetch and write, from the repository's films where the sample is asked for."""
    fetching.fetch(wanted, SAMPLE, seed=7, films=ROOT / paths.SAMPLE_FILMS, **how).write(out)


def contents(out):
    return {path.name: path.read_bytes() for path in out.folder.iterdir()}


def test_a_folder_with_a_snapshot_becomes_tables_and_a_manifest(out, own, snapshot):
    fetch(out, data(own, snapshot))
    assert pq.read_schema(out.interactions) == schema.INTERACTIONS
    assert pq.read_table(out.interactions).to_pydict() == {
        "user_id": [4, 5, 5],
        "movie_id": [1, 1, 2],
        "half_stars": [1, 7, 8],
        "timestamp": [900_000_001, 900_000_001, 900_000_009],
    }
    assert pq.read_table(out.movies).to_pydict()["title"] == ["The Matrix", "Film"]
    assert pq.read_table(out.metadata).to_pylist()[0]["cast"] == ["Keanu"]
    assert pq.read_table(out.oracle).num_rows == 0  # nobody knows what real people would have liked
    manifest = json.loads(out.manifest.read_text())
    assert manifest["counts"] == {
        "interactions": 3,
        "users": 2,
        "movies": 2,
        "rated_movies": 2,
        "movies_with_metadata": 1,
    }
    assert set(manifest["md5"]) == {"ratings.csv", "movies.csv", "links.csv"}
    assert manifest["metadata"]["movies_with_cast"] == 1
    assert "TMDB" in manifest["licences"][1]["citation"]


def test_the_same_source_gives_the_same_bytes_and_no_path(out, own, snapshot, tmp_path):
    fetch(out, data(own, snapshot))
    again = paths.Raw(tmp_path / "again")
    fetch(again, data(own, snapshot))
    assert contents(out) == contents(again)
    assert len(contents(out)) == 5
    assert all(str(tmp_path).encode() not in content for content in contents(out).values())


@pytest.mark.parametrize("choice", ["none", "included"])
def test_movielens_brings_no_metadata_of_its_own(out, own, choice):
    fetch(out, data(own, choice))
    assert pq.read_table(out.metadata).to_pydict() == {name: [] for name in schema.METADATA.names}
    assert len(json.loads(out.manifest.read_text())["licences"]) == 1


def test_dropped_rows_are_in_the_manifest_by_file_and_rule(out, own):
    with (own / "ratings.csv").open("a") as file:
        file.write("5,9,4,900000000\n5,1,9,900000000\n")
    with pytest.raises(DataError, match=r"ratings\.csv, line 5: movieId 9 is not in movies\.csv"):
        fetch(out, data(own))
    assert not out.folder.exists()
    fetch(out, data(own, on_bad_rows="drop"))
    dropped = json.loads(out.manifest.read_text())["dropped_rows"]
    assert dropped == {"ratings.csv": {"unknown_movie": 1, "rating_out_of_range": 1}}


@pytest.mark.parametrize(
    ("source", "metadata", "message"),
    [
        (
            "ml-25",
            "none",
            r'data\.source "ml-25" is unknown.*Did you mean "ml-25m"\?\nAllowed: sample, ml-latest-small',
        ),
        (
            "/nowhere/at/all",
            "none",
            r'data\.source "/nowhere/at/all" is unknown, and no such path exists\.\nAllowed',
        ),
        ("sample", "tmdb_api", r'data\.metadata "tmdb_api" is unknown.*Did you mean "tmdb-api"\?'),
        ("sample", "/nowhere.parquet", r"or the path of a Parquet snapshot"),
    ],
)
def test_an_unknown_source_is_named_with_what_is_allowed_and_what_comes_near(out, source, metadata, message):
    with pytest.raises(DataError, match=message):
        fetch(out, data(source, metadata))


def test_a_full_disk_leaves_no_half_written_file(out, own, monkeypatch):
    def fills(table, where, **options):
        Path(where).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(loading.pq, "write_table", fills)
    with pytest.raises(
        OSError, match=r"interactions\.parquet could not be written: .*No space left.*\nFree some"
    ):
        fetch(out, data(own))
    assert list(out.folder.iterdir()) == []


def test_one_more_kind_of_source_is_one_more_loader(out):
    rated = pa.table(
        {"user_id": [1], "movie_id": [2], "half_stars": [9], "timestamp": [900_000_000]},
        schema=schema.INTERACTIONS,
    )
    movies = schema.table({"movie_id": [2], "title": ["Alien"], "tmdb_id": [0]}, schema.MOVIES)

    def load(request):
        assert (request.source, request.seed, request.bad.action) == ("diary", 7, "error")
        about = {"source": "diary"}
        return Fetched(rated, movies, schema.METADATA.empty_table(), about, [{"holder": "me"}])

    fetch(out, data("diary"), loaders=[*fetching.LOADERS, Loader(load, names=("diary",))])
    assert pq.read_table(out.interactions).to_pylist() == rated.to_pylist()
    assert pq.read_table(out.movies).to_pylist() == [
        {"movie_id": 2, "title": "Alien", "year": 0, "genres": [], "tmdb_id": 0}
    ]
    assert json.loads(out.manifest.read_text())["licences"] == [{"holder": "me"}]
    with pytest.raises(DataError, match=r'Did you mean "diary"\?\nAllowed: .*, or diary\.'):
        fetch(out, data("dairy"), loaders=[*fetching.LOADERS, Loader(load, names=("diary",))])


def test_an_archive_is_downloaded_from_where_it_is_published(out, server, zipped, own, tmp_path, monkeypatch):
    monkeypatch.delenv("MOVIELENS_MIRROR", raising=False)
    monkeypatch.setenv("MARQUEE_CACHE", str(tmp_path / "cache"))
    archive = zipped({f"ml-latest/{path.name}": path.read_bytes() for path in own.iterdir()})
    server.answer = lambda handler: handler.reply(200, archive)
    published = partial(movielens.load_archive, network=Network(server.base_url))
    fetch(out, data("ml-latest"), loaders=[Loader(published, names=("ml-latest",))])
    assert [path for path, _ in server.asked] == ["/ml-latest.zip"]
    manifest = json.loads(out.manifest.read_text())
    assert manifest["source"] == "ml-latest"
    assert list(manifest["md5"]) == ["ml-latest.zip"]
    assert "Harper" in manifest["licences"][0]["citation"]


def test_tmdb_by_api_asks_for_the_movies_that_have_an_id(out, server, own, tmp_path, monkeypatch):
    monkeypatch.setenv("TMDB_API_KEY", "a-key-that-nobody-sees")
    monkeypatch.setenv("MARQUEE_CACHE", str(tmp_path / "cache"))
    server.answer = lambda handler: handler.reply(200, b'{"overview": "A hacker."}')
    fetch(out, data(own, "tmdb-api"), tmdb_network=tmdb.Network(server.base_url))
    assert [path.split("?")[0] for path, _ in server.asked] == ["/movie/603"]
    assert pq.read_table(out.metadata).to_pylist()[0]["overview"] == "A hacker."
    assert json.loads(out.manifest.read_text())["metadata"]["not_found_at_tmdb"] == 0
    assert all(b"a-key-that-nobody-sees" not in content for content in contents(out).values())


def test_the_sample_comes_with_its_own_metadata_and_is_called_simulated(out, tmp_path):
    fetch(out, data("sample", "included"))
    manifest = json.loads(out.manifest.read_text())
    assert manifest["simulated"] is True
    assert manifest["counts"]["movies_with_metadata"] == manifest["counts"]["movies"]
    assert pq.read_schema(out.interactions) == schema.INTERACTIONS
    assert pq.read_schema(out.metadata) == schema.METADATA
    assert pq.read_schema(out.oracle) == schema.ORACLE
    assert pq.read_table(out.oracle).num_rows == manifest["counts"]["interactions"]
    again = paths.Raw(tmp_path / "again")
    fetch(again, data("sample", "included"))
    assert contents(out) == contents(again)


@pytest.mark.skipif(not MIRROR, reason="MOVIELENS_MIRROR is not set: no real archive at hand")
def test_the_real_ml_latest_small_has_its_published_counts_and_the_snapshot_covers_it(out):
    snapshot = Path(str(MIRROR)) / "tmdb-ml-latest-small.parquet"
    if not snapshot.exists():
        pytest.skip("MOVIELENS_MIRROR holds no TMDB snapshot")
    fetch(out, data("ml-latest-small", snapshot))
    manifest = json.loads(out.manifest.read_text())
    assert manifest["counts"] == {
        "interactions": 100_836,
        "users": 610,
        "movies": 9_742,
        "rated_movies": 9_724,
        "movies_with_metadata": 9_638,
    }
    assert manifest["metadata"]["movies_with_tmdb_id"] == 9_734
    movies = pq.read_table(out.movies).to_pandas()
    assert movies.loc[movies["movie_id"] == 2571, ["title", "year", "tmdb_id"]].to_numpy().tolist() == [
        ["The Matrix", 1999, 603]
    ]


@pytest.mark.parametrize(
    ("name", "because"),
    [("own.zip", "is not a whole zip archive"), ("ratings.csv", "it is a file: name its folder")],
)
def test_a_path_that_exists_is_not_said_to_be_missing(out, tmp_path, name, because):
    (tmp_path / name).touch()
    with pytest.raises(DataError, match=because):
        fetch(out, data(tmp_path / name))


def test_a_home_folder_and_a_folder_as_metadata_are_named(out, own):
    with pytest.raises(DataError, match="~ is not expanded: write the whole path"):
        fetch(out, data("~/ratings"))
    with pytest.raises(DataError, match=r"without movies_metadata\.csv or tmdb_5000_movies\.csv: add"):
        fetch(out, data(own, own))
