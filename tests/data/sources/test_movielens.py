"""Every generation's layout becomes one schema."""

import numpy as np
import pytest

from marquee.data.sources import movielens
from marquee.data.sources.files import archives
from marquee.data.sources.files.rules import BadRows, DataError
from marquee.data.tables import schema

# Two people, three movies, one tie in time: the same content in every layout that can say it.
EXPECTED = {
    "user_id": [2, 1, 1],
    "movie_id": [1, 1, 3],
    "half_stars": [4, 10, 6],
    "timestamp": [880_000_000, 880_000_001, 880_000_001],
}
FLAGS_NONE, FLAGS_ACTION, FLAGS_CHILDREN = (
    "|".join(flags) for flags in ("1" + "0" * 18, "01" + "0" * 17, "00001" + "0" * 14)
)
ML_100K = {
    "ml-100k/u.data": b"1\t3\t3\t880000001\n1\t1\t5\t880000001\n2\t1\t2\t880000000\n",
    "ml-100k/u.item": (
        f"1|Matrix, The (1999)|01-Jan-1999||http://x|{FLAGS_ACTION}\n"
        f"2|unknown||||{FLAGS_NONE}\n"
        f"3|Misérables, Les (1995)|01-Jan-1995||http://x|{FLAGS_CHILDREN}\n"
    ).encode("latin-1"),
}
ML_1M = {
    "ml-1m/ratings.dat": b"1::3::3::880000001\n1::1::5::880000001\n2::1::2::880000000\n",
    "ml-1m/movies.dat": (
        "1::Matrix, The (1999)::Action\n2::unknown::(no genres listed)\n"
        "3::Misérables, Les (1995)::Children's\n"
    ).encode("latin-1"),
}
ML_10M = {
    "ml-10M100K/ratings.dat": ML_1M["ml-1m/ratings.dat"],
    "ml-10M100K/movies.dat": ML_1M["ml-1m/movies.dat"]
    .decode("latin-1")
    .encode()
    .replace(b"Children's", b"Children"),
}
CSV = {
    "ml-25m/ratings.csv": (
        b"userId,movieId,rating,timestamp\r\n1,3,3.0,880000001\r\n1,1,5.0,880000001\r\n2,1,2.0,880000000\r\n"
    ),
    "ml-25m/movies.csv": (
        "movieId,title,genres\r\n"
        '1,"Matrix, The (1999)",Action\r\n2,unknown,(no genres listed)\r\n'
        '"3","Misérables, Les (1995)",Children\r\n'
    ).encode(),
    "ml-25m/links.csv": b"movieId,imdbId,tmdbId\r\n1,0133093,603\r\n2,0000000,\r\n3,0113828,4415\r\n",
}


@pytest.fixture
def read(tmp_path, zipped):
    """Reads an archive of the given files; returns (tables, counts of dropped rows)."""

    def go(files, action="error"):
        path = tmp_path / "archive.zip"
        path.write_bytes(zipped(files))
        bad = BadRows(action)
        return movielens.read(archives.open_archive(path), bad), bad.as_dict()

    return go


@pytest.mark.parametrize("files", [ML_100K, ML_1M, ML_10M, CSV], ids=["100k", "1m", "10m", "csv"])
def test_every_generation_gives_the_same_interactions_sorted_by_time_user_and_movie(read, files):
    tables, dropped = read(files)
    assert tables.interactions.to_pydict() == EXPECTED
    assert tables.interactions.schema == schema.INTERACTIONS
    assert dropped == {}


@pytest.mark.parametrize("files", [ML_100K, ML_1M, ML_10M, CSV], ids=["100k", "1m", "10m", "csv"])
def test_every_generation_gives_the_same_movies_whatever_its_encoding(read, files):
    movies = read(files)[0].movies
    assert movies.schema == schema.MOVIES
    assert movies.drop_columns("tmdb_id").to_pydict() == {
        "movie_id": [1, 2, 3],
        "title": ["The Matrix", "unknown", "Les Misérables"],
        "year": [1999, 0, 1995],
        "genres": [["Action"], [], ["Children"]],
    }


def test_links_give_tmdb_ids_and_zero_where_there_is_none(read):
    assert read(CSV)[0].movies.column("tmdb_id").to_pylist() == [603, 0, 4415]
    assert read(ML_1M)[0].movies.column("tmdb_id").to_pylist() == [0, 0, 0]


def test_half_stars_of_ml_10m_are_read_exactly(read):
    rows = b"".join(b"%d::1::%s::880000000\n" % (n, s) for n, s in enumerate([b"0.5", b"1", b"3.5", b"5"]))
    tables, _ = read({**ML_10M, "ml-10M100K/ratings.dat": rows})
    assert tables.interactions.column("half_stars").to_pylist() == [1, 2, 7, 10]


def test_a_title_with_colons_in_the_old_layout_stays_whole(read):
    files = {
        **ML_1M,
        "ml-1m/movies.dat": b"1::Star Wars: Episode IV - A New Hope (1977)::Action|Sci-Fi\n3::X::Drama\n",
    }
    movies = read(files)[0].movies.to_pydict()
    assert movies["title"][0] == "Star Wars: Episode IV - A New Hope"
    assert movies["genres"][0] == ["Action", "Sci-Fi"]


def test_a_separator_cut_by_the_end_of_a_block_is_still_one_separator(read, monkeypatch):
    # Blocks of 50 bytes cut "::" in the middle; 2,000 rows of known sum show that no row is lost or changed.
    monkeypatch.setattr("marquee.data.sources.files.texts.BLOCK", 50)
    rows = b"".join(b"%d::1::4::%d\n" % (n, 880_000_000 + n) for n in range(1, 2001))
    table = read({**ML_1M, "ml-1m/ratings.dat": rows})[0].interactions
    np.testing.assert_array_equal(table.column("user_id").to_numpy(), np.arange(1, 2001))
    np.testing.assert_array_equal(table.column("timestamp").to_numpy(), 880_000_000 + np.arange(1, 2001))


def test_columns_of_ones_own_folder_may_come_in_any_order_with_others_beside_them(tmp_path):
    (tmp_path / "ratings.csv").write_bytes(
        "\ufefftimestamp,device,rating,movieId,userId\n880000001,tv,4.5,1,7\n".encode()
    )
    (tmp_path / "movies.csv").write_text("genres,movieId,title\nDrama,1,Film (2000)\n")
    tables = movielens.read(archives.open_folder(tmp_path), BadRows("error"))
    assert tables.interactions.to_pylist() == [
        {"user_id": 7, "movie_id": 1, "half_stars": 9, "timestamp": 880_000_001}
    ]
    assert tables.movies.to_pylist() == [
        {"movie_id": 1, "title": "Film", "year": 2000, "genres": ["Drama"], "tmdb_id": 0}
    ]


def test_an_archive_without_its_movies_file_is_an_error_that_names_it(read):
    with pytest.raises(DataError, match=r"has no file movies\.dat; it has ratings\.dat"):
        read({"ml-1m/ratings.dat": ML_1M["ml-1m/ratings.dat"]})


@pytest.mark.parametrize(
    ("name", "line", "message", "rule"),
    [
        (
            "movies.csv",
            "x,Film (2000),Drama",
            r"movies\.csv, line 5: movieId x is not a whole",
            "not_a_number",
        ),
        (
            "movies.csv",
            "1,Film (2000),Drama",
            r"movies\.csv, line 5: movie 1 is listed a second",
            "duplicate",
        ),
        ("movies.csv", "9,Film", r"movies\.csv, line 5: 2 values, 3 are expected", "wrong_number_of_columns"),
        ("links.csv", "9,1,tt12", r"links\.csv, line 5: tmdbId tt12 is not a whole", "not_a_number"),
        ("links.csv", "1,1,5", r"links\.csv, line 5: movie 1 is linked a second", "duplicate"),
    ],
)
def test_a_bad_line_of_movies_or_links_is_named_or_dropped_and_counted(read, name, line, message, rule):
    files = {**CSV, f"ml-25m/{name}": CSV[f"ml-25m/{name}"] + line.encode() + b"\r\n"}
    with pytest.raises(DataError, match=message):
        read(files)
    tables, dropped = read(files, "drop")
    assert dropped == {name: {rule: 1}}
    assert tables.movies.column("movie_id").to_pylist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("line", "message", "rule"),
    [
        ("9,,Drama", "the title of movie 9 is empty", "empty_title"),
        ("9,Fi\0lm (1999),Drama", "movie 9 holds a control character: 'Fi\\\\x00lm'", "control_character"),
        (
            '9,Film (1999),"Action, Drama"',
            "the genres of movie 9 are Action, Drama; write",
            "genres_not_separated",
        ),
        ("9,Film (9999),Drama", "the year 9999 of movie 9 is not from 1870 to 2200", "year_out_of_range"),
    ],
)
def test_a_title_that_is_none_is_named_or_dropped_and_counted(read, line, message, rule):
    files = {**CSV, "ml-25m/movies.csv": CSV["ml-25m/movies.csv"] + line.encode() + b"\r\n"}
    with pytest.raises(DataError, match=rf"movies\.csv, line 5: {message}"):
        read(files)
    assert read(files, "drop")[1] == {"movies.csv": {rule: 1}}


def test_of_two_lines_of_a_movie_the_first_counts(read):
    files = dict(CSV)
    files["ml-25m/movies.csv"] += b"1,Another (2001),Drama\r\n"
    files["ml-25m/links.csv"] += b"1,1,5\r\n"
    tables, dropped = read(files, "drop")
    first = tables.movies.to_pylist()[0]
    assert (first["movie_id"], first["title"], first["year"], first["tmdb_id"]) == (
        1,
        "The Matrix",
        1999,
        603,
    )
    assert dropped == {"movies.csv": {"duplicate": 1}, "links.csv": {"duplicate": 1}}


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("ml-1m/movies.dat", b"4::Film", r"movies\.dat, line 4: 2 values, 3 are expected"),
        ("ml-100k/u.item", b"4|Film|||", r"u\.item, line 4: 5 values, 24 are expected"),
    ],
)
def test_a_short_line_of_the_old_layouts_is_named(read, file, line, message):
    files = ML_1M if "1m" in file else ML_100K
    with pytest.raises(DataError, match=message):
        read({**files, file: files[file] + line + b"\n"})


def test_links_of_movies_that_are_not_listed_are_counted(read):
    links = CSV["ml-25m/links.csv"] + b"99,1,5\r\n"
    assert read({**CSV, "ml-25m/links.csv": links})[0].about["links_without_movie"] == 1


def test_a_movies_file_that_is_not_utf_8_is_an_error_with_line_and_byte(read):
    movies = b"movieId,title,genres\n1,Ok,Drama\n3,Mis\xe9rables,Drama\n"
    with pytest.raises(
        DataError, match=r"movies\.csv, line 3: byte 0xe9 is not UTF-8\.\nSave the file as UTF-8"
    ):
        read({**CSV, "ml-25m/movies.csv": movies})
