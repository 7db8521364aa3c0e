"""The list of movie facts, and what is made of it."""

from marquee.data.tables import facts
from marquee.data.tables.facts import Titles

TWO = {
    "movie_id": [3, 5],
    "title": ["Alien", "Amélie"],
    "year": [1979, 0],
    "genres": [("Horror",), ()],
    "language": ["en", ""],
    "directors": [["Ridley Scott"], []],
    "cast": [["Sigourney Weaver", "Tom Skerritt"], []],
    "overview": ["A crew in space.", ""],
}


def test_a_fact_is_empty_as_its_kind_is():
    empty = {fact.name: fact.empty for fact in facts.FACTS}
    assert (empty["year"], empty["overview"], empty["cast"]) == (0, "", [])


def test_empty_lists_are_never_one_list():
    (cast,) = (fact for fact in facts.FACTS if fact.name == "cast")
    cast.empty.append("Somebody")
    assert cast.empty == []


def test_every_fact_has_one_name_and_one_column_in_a_snapshot():
    names = [fact.name for fact in facts.FACTS]
    columns = [fact.snapshot for fact in facts.OF_METADATA]
    assert len(set(names)) == len(names)
    assert len(set(columns)) == len(columns)
    assert all(columns)


def test_a_page_shows_an_id_and_facts_of_the_list_alone():
    assert facts.SHOWN[0] == "movie_id"
    assert set(facts.SHOWN[1:]) <= {fact.name for fact in facts.FACTS}


def test_titles_are_the_shown_columns_with_plain_lists():
    titles = Titles.of(TWO)
    assert titles.genres == [["Horror"], []]
    assert titles.cast == [["Sigourney Weaver", "Tom Skerritt"], []]
    assert titles.year == [1979, 0]
    assert list(titles.columns()) == ["movie_id", "title", "year", "genres", "language", "directors", "cast"]


def test_titles_of_added_movies_stand_behind():
    joined = Titles.of(TWO).followed_by(Titles.of({name: values[:1] for name, values in TWO.items()}))
    assert joined.title == ["Alien", "Amélie", "Alien"]
    assert joined.directors == [["Ridley Scott"], [], ["Ridley Scott"]]
