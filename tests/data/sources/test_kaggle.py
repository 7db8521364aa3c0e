"""Kaggle's copies of TMDB, as they are downloaded, with the rows that are known to be broken."""

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.data.sources import kaggle
from marquee.data.sources.files.rules import DataError
from tests.fuzz import fuzzed

MOVIES = """adult,budget,genres,id,original_language,overview,popularity,release_date,title,vote_average
False,1,"[{'id': 18, 'name': 'Drama'}]",862,en,"A toy, ""Woody"",
lives.",21.9,1995-10-30,Toy Story,7.7
False,2,[],11,en,Space.,42.1,1977-05-25,Star Wars,8.1
False,2,[],11,en,Space once more.,42.1,1977-05-25,Star Wars,8.1
False,0,[],5,ja,broken off here
 - Written by somebody,0.065736,/ff.jpg,1997-08-20,0,,1,,x,1
False,0,[],7,,,,1995-13-45,No such day,1
"""
CREDITS = """cast,crew,id
"[{'name': 'Tim Allen', 'order': 1, 'profile_path': None}, {'name': ""Tom O'Hanks"", 'order': 0}]",\
"[{'job': 'Director', 'name': 'John Lasseter'}, {'job': 'Writer', 'name': 'Joss'}]",862
"[{'name': 'Mark",[],11
"""
KEYWORDS = """id,keywords
862,"[{'id': 931, 'name': 'jealousy'}, {'id': 4290, 'name': 'toy'}]"
"""
IDS = [5, 7, 11, 862]


@pytest.fixture
def folder(tmp_path):
    for name, text in {"movies_metadata": MOVIES, "credits": CREDITS, "keywords": KEYWORDS}.items():
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


def of(found, number):
    return found.facts.set_index("tmdb_id").loc[number].to_dict()


def test_the_movies_dataset_is_read_with_its_broken_rows_counted(folder):
    found = kaggle.read(folder, IDS)
    assert of(found, 862) == {
        "overview": 'A toy, "Woody",\nlives.',
        "keywords": ["jealousy", "toy"],
        "cast": ["Tom O'Hanks", "Tim Allen"],
        "directors": ["John Lasseter"],
        "language": "en",
        "release_date": "1995-10-30",
    }
    assert of(found, 11) | {"keywords": [], "cast": []} == of(found, 11)
    assert of(found, 11)["overview"] == "Space."
    assert (of(found, 5)["overview"], of(found, 7)["release_date"]) == ("broken off here", "")
    assert found.about["bad_rows"] == {
        "movies_metadata.csv": {"not_a_number": 1, "duplicate": 1},
        "credits.csv": {"unreadable_list": 1},
    }
    assert sorted(found.about["md5"]) == ["credits.csv", "keywords.csv", "movies_metadata.csv"]


def test_films_that_nobody_asks_for_are_left_out(folder):
    assert kaggle.read(folder, [862]).facts["tmdb_id"].tolist() == [862]


def test_tmdb_5000_is_read(tmp_path):
    keywords, cast = json.dumps([{"id": 1, "name": "space war"}]), json.dumps([{"name": "Sam", "order": 0}])
    crew = json.dumps([{"job": "Director", "name": "James Cameron"}])
    pd.DataFrame(
        {
            "id": [19995],
            "keywords": [keywords],
            "original_language": ["en"],
            "overview": ["Moon."],
            "release_date": ["2009-12-10"],
        }
    ).to_csv(tmp_path / "tmdb_5000_movies.csv", index=False)
    pd.DataFrame({"movie_id": [19995], "title": ["Avatar"], "cast": [cast], "crew": [crew]}).to_csv(
        tmp_path / "tmdb_5000_credits.csv", index=False
    )
    assert of(kaggle.read(tmp_path, [19995]), 19995) == {
        "overview": "Moon.",
        "keywords": ["space war"],
        "cast": ["Sam"],
        "directors": ["James Cameron"],
        "language": "en",
        "release_date": "2009-12-10",
    }


def test_a_copy_without_its_credits_is_read_and_that_is_said(folder, caplog):
    (folder / "credits.csv").unlink()
    assert of(kaggle.read(folder, IDS), 862)["cast"] == []
    assert "credits.csv is missing: no film has cast and crew of it" in caplog.text


def test_a_file_of_another_kind_is_an_error_with_its_name(folder):
    (folder / "credits.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"credits\.csv cannot be read: Usecols do not match(.|\n)*anew"):
        kaggle.read(folder, IDS)


def test_ids_that_are_no_numbers_throughout_are_one_fault(folder):
    rows = "".join(f"{n},tt{n}\n" for n in range(60))
    (folder / "keywords.csv").write_text(f"keywords,id\n{rows}")
    with pytest.raises(DataError, match="60 of 60 rows have no number for id, the first tt0"):
        kaggle.read(folder, IDS)


@fuzzed(50)
@given(
    st.one_of(st.text(), st.sampled_from(["[" * 5000, "[" * 200 + "]" * 200, "[1]", "{}", "['a']", "nan"]))
)
def test_a_list_that_is_none_is_pointed_out_and_never_run(text):
    assert kaggle.objects_of(text) is None or isinstance(kaggle.objects_of(text), list)


@pytest.mark.parametrize("text", ["[{[]: 2}]", "{[]}", "[{'name': {1}, {}: 2}]"])
def test_a_list_of_what_cannot_be_a_key_is_none(text):
    assert kaggle.objects_of(text) is None


def test_names_are_texts_that_can_be_written(folder):
    (folder / "credits.csv").write_text(
        'cast,crew,id\n"[{""name"": "" A\\ud800B ""}, {""name"": """"}]",[],862\n'
    )
    assert of(kaggle.read(folder, IDS), 862)["cast"] == ["A?B"]


def test_lists_that_are_all_unreadable_are_one_fault(folder):
    rows = "".join(f"[{{'name': 'cut,[],{n}\n" for n in range(60))
    (folder / "movies_metadata.csv").write_text(
        "id,overview,original_language,release_date\n" + "".join(f"{n},A,en,1999-01-01\n" for n in range(60))
    )
    (folder / "credits.csv").write_text(f"cast,crew,id\n{rows}")
    with pytest.raises(DataError, match="60 of 60 lists of cast cannot be read"):
        kaggle.read(folder, range(60))


def test_code_in_the_place_of_a_list_is_not_run(tmp_path):
    assert kaggle.objects_of(f"[open({str(tmp_path / 'made')!r}, 'w')]") is None
    assert list(tmp_path.iterdir()) == []
