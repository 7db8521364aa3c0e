"""What people bring, after public reports: each small, fetched whole, read right or refused with its cure.

Reports: CsvHelper #1341, gdal #11863, apache/arrow #34314, huggingface/datasets #7566, Surprise #10, ARLib
#13, RecBole #1007, Ratings-To-Plex #4, csvbase #11, python-remotezip #34, dissect.target #1267, Kaggle's 20M.
"""

import contextlib
import gzip
import zipfile

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.data.sources import fetching
from marquee.data.sources.files.rules import DataError
from marquee.pipeline import paths
from marquee.pipeline.params import Data, Sample
from tests.fuzz import fuzzed
from tests.places import ROOT

SAMPLE = Sample(num_users=60, num_interactions=1500, first_year=2006, last_year=2010)
HEADER = "userId,movieId,rating,timestamp"
MOVIES = 'movieId,title,genres\n1,"Film, The (1990)",Drama\n2,Film 2 (1991),Comedy|Drama\n'
ROWS = [f"{user},{user % 2 + 1},{user % 10 / 2 + 0.5},{900_000_000 + user}" for user in range(1, 101)]


@pytest.fixture
def bring(tmp_path):
    """Writes files into a folder and fetches it; returns what was fetched."""
    folder = tmp_path / "own"
    folder.mkdir()

    def go(files, source=folder, **how):
        for name, content in files.items():
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        wanted = {
            "metadata": "none",
            "feedback": "none",
            "on_bad_rows": "error",
            "rating_scale": "stars",
        } | how
        return fetching.fetch(Data(source=str(source), **wanted), SAMPLE, 7, ROOT / paths.SAMPLE_FILMS)

    return go


def table(*rows, header=HEADER, end="\n"):
    return end.join([header, *rows]) + end


PLAIN = {"ratings.csv": table(*ROWS), "movies.csv": MOVIES}
READ = {
    "a mark of byte order and CRLF": {
        "ratings.csv": b"\xef\xbb\xbf" + table(*ROWS, end="\r\n").encode(),
        "movies.csv": b"\xef\xbb\xbf" + MOVIES.replace("\n", "\r\n").encode(),
        "links.csv": "movieId,imdbId,tmdbId\r\n1,1,862.0\r\n2,2,\r\n",
    },
    "ids that pandas made floats": {
        "ratings.csv": table(*[row.replace(",", ".0,", 2).replace(".0,", ".00,", 1) for row in ROWS]),
        "movies.csv": MOVIES.replace("\n1,", "\n1.0,"),
    },
    "an index of pandas in front": {
        "ratings.csv": table(*[f"{n},{row}" for n, row in enumerate(ROWS)], header=f",{HEADER}"),
        "movies.csv": MOVIES,
    },
    "semicolons": {
        "ratings.csv": table(*ROWS).replace(",", ";"),
        "movies.csv": "movieId;title;genres\n1;Film, The (1990);Drama\n2;Film 2 (1991);Comedy|Drama\n",
    },
    "tabs": {"ratings.csv": table(*ROWS).replace(",", "\t"), "movies.csv": MOVIES},
    "gzip": {"ratings.csv.gz": gzip.compress(table(*ROWS).encode()), "movies.csv": MOVIES},
    "Kaggle's names and quotes": {
        "rating.csv": table(*ROWS, header='"userId","movieId","rating","timestamp"'),
        "movie.csv": MOVIES,
    },
    "ml-1m unpacked": {
        "ratings.dat": "".join(f"{row.replace(',', '::')}\n" for row in ROWS),
        "movies.dat": "1::Film, The (1990)::Drama\n2::Film 2 (1991)::Comedy|Drama\n",
    },
    "no end of the last line": {"ratings.csv": table(*ROWS).rstrip(), "movies.csv": MOVIES.rstrip()},
}


@pytest.mark.parametrize("files", READ.values(), ids=list(READ))
def test_what_other_programs_write_is_read_as_what_it_means(bring, files):
    fetched = bring(files)
    assert fetched.interactions.equals(bring_plain(fetched))
    assert fetched.movies["title"].to_pylist() == ["The Film", "Film 2"]
    assert fetched.rows_dropped == 0


def bring_plain(fetched):
    users = list(range(1, 101))
    return pa.table(
        {
            "user_id": users,
            "movie_id": [user % 2 + 1 for user in users],
            "half_stars": [user % 10 + 1 for user in users],
            "timestamp": [900_000_000 + user for user in users],
        },
        schema=fetched.interactions.schema,
    )


def test_times_of_a_clock_are_read_as_utc(bring):
    rows = ["5,1,4,1998-07-09 16:00:01", "6,2,4,1998-07-09T16:00:02Z"]
    assert bring(PLAIN | {"ratings.csv": table(*rows)}).interactions["timestamp"].to_pylist() == [
        900_000_001,
        900_000_002,
    ]


def test_a_zip_of_ones_own_is_read_as_its_folder_would_be(bring, tmp_path):
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as archive:
        for name, text in PLAIN.items():
            archive.writestr(f"export/{name}", text)
    assert bring({}, tmp_path / "own.zip").interactions.equals(bring(PLAIN).interactions)


def test_watched_and_not_rated_is_a_source_too(bring):
    rows = [row.rsplit(",", 2)[0] + "," + row.rsplit(",", 1)[1] for row in ROWS]
    files = PLAIN | {"ratings.csv": table(*rows, header="userId,movieId,timestamp")}
    with pytest.raises(DataError, match=r"column rating is missing(.|\n)*set data.rating_scale to unary"):
        bring(files)
    assert set(bring(files, rating_scale="unary").interactions["half_stars"].to_pylist()) == {10}


WRONG = {
    "the header twice": (
        {"ratings.csv": table(*ROWS[:50], HEADER, *ROWS[50:])},
        r"line 52: userId userId is not a whole number",
        {"ratings.csv": {"not_a_number": 1}},
    ),
    "a rating in the future": ({"ratings.csv": table("1,1,4,2469398400")}, "is later than", None),
    "a column twice": (
        {"ratings.csv": table(*[f"{row},3" for row in ROWS], header=f"{HEADER},rating")},
        r"ratings\.csv, line 1: column rating is there more than once",
        None,
    ),
    "lines of the first Macs": ({"ratings.csv": table(*ROWS, end="\r")}, "carriage returns alone", None),
    "no table at all": ({"ratings.csv": "x" * (9 << 20)}, r"a line has more than 8,388,608 bytes", None),
    "a value without end": (
        {"ratings.csv": table(*ROWS, f"1,1,{'9' * 100_000},900000000")},
        r"rating 9{300} \.\.\. is",
        {"ratings.csv": {"rating_out_of_range": 1}},
    ),
    "UTF-16": ({"ratings.csv": table(*ROWS).encode("utf-16")}, r"ratings\.csv is not UTF-8", None),
    "a lost quote": (
        {"movies.csv": MOVIES.replace('(1990)"', "(1990)")},
        r"movies\.csv, line 2: a quote that opens here",
        None,
    ),
    "a blank line in front": ({"ratings.csv": "\n" + table(*ROWS)}, r"ratings\.csv, line 1 is blank", None),
    "a lost quote among ratings": (
        {
            "ratings.csv": table(
                *[f'{row},"good' if n == 3 else f"{row},x" for n, row in enumerate(ROWS)],
                header=f"{HEADER},tag",
            )
        },
        r"ratings\.csv, line 5: a quote that opens here is not closed on its line",
        None,
    ),
    "every row of another width": (
        {"ratings.csv": table(*[f"{row},x" for row in ROWS])},
        r"5 values, 4 are expected",
        None,
    ),
    "gzip called CSV": ({"ratings.csv": gzip.compress(b"userId")}, r"call it ratings\.csv\.gz", None),
    "a workbook called CSV": (
        {"movies.csv": b"PK\x03\x04 and more"},
        r"movies\.csv is no text: it is a zip",
        None,
    ),
    "movies of the first Macs": ({"movies.csv": MOVIES.replace("\n", "\r")}, "carriage returns alone", None),
    "a blank line before the movies": ({"movies.csv": "\n" + MOVIES}, r"movies\.csv, line 1 is blank", None),
    "other capitals": (
        {"ratings.csv": table(*ROWS, header="user_id,MovieID,rating,timestamp")},
        "Rename user_id to userId, MovieID to movieId",
        None,
    ),
    "microseconds": (
        {"ratings.csv": table(*[f"{row}000000" for row in ROWS])},
        "or by 1000000 if it holds microseconds",
        None,
    ),
    "bytes of zero": ({"movies.csv": MOVIES.replace("Film 2", "Fi\0lm")}, "control character", {}),
}


@pytest.mark.parametrize(("files", "message", "dropped"), WRONG.values(), ids=list(WRONG))
def test_what_is_wrong_is_named_shortly_whatever_is_done_with_bad_rows(bring, files, message, dropped):
    with pytest.raises(DataError, match=message) as error:
        bring(PLAIN | files)
    assert len(str(error.value)) < 1000
    if dropped is None:
        with pytest.raises(DataError, match=message):
            bring({}, on_bad_rows="drop")
    elif dropped:
        assert bring({}, on_bad_rows="drop").about["dropped_rows"] == dropped


def test_a_small_file_is_not_dropped_whole(bring):
    rows = [f"{n},1,9,900000000" for n in range(1, 40)]
    with pytest.raises(DataError, match="39 of 40 rows break this rule: that is one fault"):
        bring(PLAIN | {"ratings.csv": table("77,1,4,900000000", *rows)}, on_bad_rows="drop")


def test_a_header_may_have_the_separator_in_a_quoted_name(bring):
    rows = [f'{row},"a, b"' for row in ROWS]
    files = PLAIN | {"ratings.csv": table(*rows, header=f'{HEADER},"note, long"')}
    assert len(bring(files).interactions) == 100


def test_each_line_of_an_old_list_is_decoded_by_itself(bring):
    movies = "1::Amélie (2001)::Drama\n".encode() + "2::Caché – Hidden (2005)::Drama\n".encode("cp1252")
    fetched = bring({"ratings.dat": "1::1::4::900000000\n1::2::4::900000000\n", "movies.dat": movies})
    assert fetched.movies["title"].to_pylist() == ["Amélie", "Caché – Hidden"]


def test_names_with_backslashes_and_many_long_names_in_a_zip(bring, tmp_path):
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as archive:
        for name, text in PLAIN.items():
            archive.writestr(f"export\\{name}", text)
    assert len(bring({}, tmp_path / "own.zip").interactions) == 100
    with zipfile.ZipFile(tmp_path / "long.zip", "w") as archive:
        for n in range(12):
            archive.writestr(chr(97 + n) * 60_000, "")
    with pytest.raises(DataError, match="holds no ratings") as error:
        bring({}, tmp_path / "long.zip")
    assert len(str(error.value)) < 1000


def test_kaggles_films_for_movies_without_an_id_are_other_movies(bring, tmp_path):
    (tmp_path / "movies_metadata.csv").write_text(
        "id,overview,original_language,release_date\n1,A,en,1999-01-01\n"
    )
    with pytest.raises(DataError, match="none of the 2 movies has a TMDB id"):
        bring(PLAIN, metadata=str(tmp_path))


@pytest.mark.parametrize("value", ["x" * 5000, "\0"])
def test_a_source_that_no_path_can_be_is_unknown(bring, value):
    for how in ({"source": value}, {"metadata": value}):
        with pytest.raises(DataError, match="is unknown, and no such path exists") as error:
            bring(PLAIN, **how)
        assert len(str(error.value)) < 1000


def test_an_archive_of_another_kind_says_what_to_do(bring, tmp_path):
    for name in ("ml-1m.tar", "ml-1m.tar.gz"):
        (tmp_path / name).touch()
        with pytest.raises(DataError, match="a kind that is not read: unpack it and name the folder"):
            bring({}, tmp_path / name)


@pytest.mark.parametrize("key", ["source", "metadata"])
def test_no_name_at_all_is_no_folder(bring, key):
    how = {"source": ""} if key == "source" else {"metadata": ""}
    with pytest.raises(DataError, match=f'data.{key} "" is unknown, since it is empty'):
        bring(PLAIN, **how)


def test_a_file_of_kaggles_copy_names_its_folder(bring, tmp_path):
    (tmp_path / "credits.csv").touch()
    with pytest.raises(DataError, match=r"it is a file: name its folder(.|\n)*Kaggle's files"):
        bring(PLAIN, metadata=str(tmp_path / "credits.csv"))


@fuzzed(40)
@given(
    name=st.sampled_from(["ratings.csv", "movies.csv", "links.csv", "ratings.dat", "u.data"]),
    edits=st.lists(st.tuples(st.integers(0, 1 << 12), st.binary(max_size=4)), min_size=1, max_size=5),
)
def test_files_changed_anywhere_are_read_or_are_an_error_of_the_data(tmp_path_factory, name, edits):
    folder = tmp_path_factory.mktemp("changed")
    links = "movieId,imdbId,tmdbId\n1,1,862\n"
    for file, text in (PLAIN | {"links.csv": links}).items():
        (folder / file).write_text(text)
    data = bytearray((folder / name).read_bytes() if (folder / name).exists() else table(*ROWS).encode())
    for at, new in edits:
        place = at % len(data) if data else 0
        data[place : place + len(new)] = new
    (folder / name).write_bytes(data)
    with contextlib.suppress(DataError):
        wanted = Data(
            source=str(folder), metadata="none", feedback="none", on_bad_rows="drop", rating_scale="stars"
        )
        fetched = fetching.fetch(wanted, SAMPLE, 7, ROOT / paths.SAMPLE_FILMS)
        assert set(fetched.interactions["movie_id"].to_pylist()) <= set(
            fetched.movies["movie_id"].to_pylist()
        )
