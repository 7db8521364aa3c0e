"""data/additions.csv, good lines and bad ones."""

from pathlib import Path

import pytest

from marquee.serving.export import additions
from marquee.serving.export.additions import AdditionsError
from tests.places import ROOT

HEADER = "movie_id,title,year,genres,language,release_date,keywords,cast,directors,overview"
GOOD = (
    '900001,"Robots, Too",2031,Animation|Comedy,en,2031-05-01,robot|family,A. One|B. Two,C. Three,'
    '"A robot, again."'
)


def read(tmp_path: Path, *lines: str, header: str = HEADER):
    file = tmp_path / "additions.csv"
    file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return additions.read(file, known_ids=[1, 2])


def test_a_line_becomes_a_row_with_its_lists_split(tmp_path: Path):
    (row,) = read(tmp_path, GOOD).to_dict("records")
    assert row["movie_id"] == 900001
    assert row["title"] == "Robots, Too"
    assert row["genres"] == ["Animation", "Comedy"]
    assert row["cast"] == ["A. One", "B. Two"]
    assert row["overview"] == "A robot, again."


def test_the_header_alone_adds_nothing(tmp_path: Path):
    assert len(read(tmp_path)) == 0


def test_the_file_in_git_can_be_read():
    assert set(additions.read(ROOT / "data/additions.csv", []).columns) == set(HEADER.split(","))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (GOOD.replace("900001", "2"), "line 2: movie_id 2 is taken by the data"),
        (GOOD.replace("900001", "x"), "line 2: movie_id: .* received 'x'"),
        (GOOD.replace("2031,", "1,"), "line 2: year: "),
        (GOOD.replace("2031-05-01", "May 2031"), "line 2: release_date: .* received 'May 2031'"),
        (GOOD.replace('"Robots, Too"', ""), "line 2: title: "),
        (GOOD + ",more", "line 2: too many values: "),
        ("900001,Robots", "line 2: year: .* received None"),
    ],
    ids=["taken", "id", "year", "date", "title", "long", "short"],
)
def test_a_bad_line_is_named_with_the_rule_it_breaks(tmp_path: Path, line: str, says: str):
    with pytest.raises(AdditionsError, match=says):
        read(tmp_path, line)


def test_an_id_may_stand_once(tmp_path: Path):
    with pytest.raises(AdditionsError, match="line 3: movie_id 900001 is taken by line 2"):
        read(tmp_path, GOOD, GOOD)


def test_columns_may_come_in_any_order_and_a_fact_without_a_column_is_empty(tmp_path: Path):
    found = read(tmp_path, "2031,900001,Robots", header="year,movie_id,title")
    assert found[["movie_id", "title", "year"]].to_numpy().tolist() == [[900001, "Robots", 2031]]
    (row,) = found.to_dict("records")
    assert (row["genres"], row["cast"], row["overview"], row["language"]) == ([], [], "", "")


@pytest.mark.parametrize(
    "header",
    ["id,title", "movie_id,title", "movie_id,title,year,colour", "movie_id,title,year,title"],
    ids=["other", "missing", "unknown", "twice"],
)
def test_a_wrong_header_is_an_error_that_shows_it_and_what_is_allowed(tmp_path: Path, header: str):
    says = f"must name movie_id, title, year, and may name .*overview.*; it is {header}"
    with pytest.raises(AdditionsError, match=says):
        read(tmp_path, header=header)


def test_a_missing_file_is_an_error_that_says_where_to_get_it(tmp_path: Path):
    with pytest.raises(AdditionsError, match="Restore it from Git"):
        additions.read(tmp_path / "additions.csv", [])
