"""Folders of one's own, as other programs and people leave them."""

import csv

import pytest

from marquee.data.sources import movielens
from marquee.data.sources.files import archives
from marquee.data.sources.files.rules import BadRows, DataError
from tests.data.sources.test_movielens import CSV, EXPECTED

ROWS_OF_TEXT = [f"visitor-{n:02},1,3,890000000" for n in range(60)]


@pytest.mark.parametrize("on_bad_rows", ["error", "drop"])
@pytest.mark.parametrize(
    "lines",
    ['10,"Film 10 (1969),Drama\n11,"Film 11 (1970)",Drama\n', '10,"Film 10,Drama\n11,Film 11",Drama\n'],
    ids=["the next title is quoted", "the next title is not"],
)
def test_a_lost_quote_is_named_where_it_opens_and_swallows_no_movie(tmp_path, lines, on_bad_rows):
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,9,4,900000000\n")
    (tmp_path / "movies.csv").write_text(f"movieId,title,genres\n9,Film 9,Drama\n{lines}")
    with pytest.raises(DataError, match=r"movies\.csv, line 3: a quote that opens here"):
        movielens.read(archives.open_folder(tmp_path), BadRows(on_bad_rows))


@pytest.mark.parametrize("name", ["ratings.tsv", "my-ratings.csv", "ml-25m"])
def test_a_folder_without_ratings_says_what_lies_there_and_what_to_do(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(DataError, match=rf"it has {name}; one of ratings\.csv, rating\.csv(.|\n)*rename"):
        movielens.read(archives.open_folder(tmp_path), BadRows("error"))


def test_an_unpacked_archive_of_an_old_generation_is_read_as_a_folder(tmp_path):
    (tmp_path / "ratings.dat").write_text("1::9::4::900000000\n")
    (tmp_path / "movies.dat").write_text("9::Film 9 (1969)::Drama\n")
    tables = movielens.read(archives.open_folder(tmp_path), BadRows("error"))
    assert tables.interactions.column("half_stars").to_pylist() == [8]
    assert tables.movies.column("title").to_pylist() == ["Film 9"]


@pytest.mark.parametrize(("separator", "word"), [(";", "semicolons"), ("\t", "tabs")])
def test_semicolons_and_tabs_separate_as_well_and_the_manifest_says_so(tmp_path, separator, word):
    for name, text in CSV.items():
        with (tmp_path / name.rpartition("/")[2]).open("w", newline="") as file:
            csv.writer(file, delimiter=separator).writerows(csv.reader(text.decode().splitlines()))
    tables = movielens.read(archives.open_folder(tmp_path), BadRows("error"))
    assert tables.interactions.to_pydict() == EXPECTED
    assert tables.movies["title"].to_pylist() == ["The Matrix", "unknown", "Les Misérables"]
    assert tables.movies["tmdb_id"].to_pylist() == [603, 0, 4415]
    assert tables.about["ratings_separated_by"] == word


def test_people_known_by_texts_are_numbered_in_the_order_of_these_and_the_manifest_says_so(tmp_path):
    rows = [f"{name},1,4,{880_000_000 + n}" for n, name in enumerate(["zoe", "7", "zoe", "a1", " a1 "])]
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n1,Film (1990),Drama\n")
    (tmp_path / "ratings.csv").write_text(
        "\n".join(["userId,movieId,rating,timestamp", *rows, *ROWS_OF_TEXT])
    )
    tables = movielens.read(archives.open_folder(tmp_path), BadRows("error"))
    assert tables.interactions["user_id"].to_pylist()[:5] == [63, 1, 63, 2, 2]
    assert tables.about["user_ids"] == "texts, numbered from 1 in their order"


def test_some_texts_among_numbers_are_one_fault_and_make_nobody_a_text(tmp_path):
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n1,Film (1990),Drama\n")
    rows = [f"{n},1,4,{880_000_000 + n}" for n in range(61)]
    (tmp_path / "ratings.csv").write_text(
        "\n".join(["userId,movieId,rating,timestamp", *rows, *ROWS_OF_TEXT])
    )
    for action in ("error", "drop"):
        with pytest.raises(DataError, match=r"60 of 121 rows(.|\n)*or texts throughout"):
            movielens.read(archives.open_folder(tmp_path), BadRows(action))


def test_nobody_among_people_known_by_texts_is_a_bad_row(tmp_path):
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n1,Film (1990),Drama\n")
    (tmp_path / "ratings.csv").write_text(
        "\n".join(["userId,movieId,rating,timestamp", *ROWS_OF_TEXT, ",1,4,880000000"])
    )
    with pytest.raises(DataError, match=r"line 62: userId \(empty\) is no id"):
        movielens.read(archives.open_folder(tmp_path), BadRows("error"))
    bad = BadRows("drop")
    assert len(movielens.read(archives.open_folder(tmp_path), bad).interactions) == 60
    assert bad.as_dict() == {"ratings.csv": {"not_a_number": 1}}


def test_of_a_long_header_a_message_quotes_the_beginning_only(tmp_path):
    (tmp_path / "ratings.csv").touch()
    (tmp_path / "movies.csv").write_text("column," * 10_000 + "\n")
    with pytest.raises(DataError) as error:
        movielens.read(archives.open_folder(tmp_path), BadRows("error"))
    assert len(str(error.value)) < 600


def test_one_fault_in_many_movies_is_named_and_never_dropped(tmp_path):
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,9,4,900000000\n")
    rows = "".join(f"{n},Film {n},\"[{{'id': 18, 'name': 'Drama'}}]\"\n" for n in range(60))
    (tmp_path / "movies.csv").write_text(f"movieId,title,genres\n{rows}")
    message = r"line 2: the genres of movie 0 are \[\{'id(.|\n)*60 of 60 rows break this rule"
    with pytest.raises(DataError, match=message):
        movielens.read(archives.open_folder(tmp_path), BadRows("drop"))
