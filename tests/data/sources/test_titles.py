"""Titles and genres as MovieLens writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.data.sources.titles import split_genres, split_title


@pytest.mark.parametrize(
    ("text", "title", "year"),
    [
        ("Toy Story (1995)", "Toy Story", 1995),
        ("Matrix, The (1999)", "The Matrix", 1999),
        ("Beautiful Mind, A (2001)  ", "A Beautiful Mind", 2001),
        ("Avventura, L' (1960)", "L'Avventura", 1960),
        (
            "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
            "The City of Lost Children (La Cité des enfants perdus)",
            1995,
        ),
        ("Death Note: Desu nôto (2006–2007)", "Death Note: Desu nôto", 2006),
        ("Big Bang Theory, The (2007-)", "The Big Bang Theory", 2007),
        ("Babylon 5", "Babylon 5", 0),
        ("1900 (1976)", "1900", 1976),
        ("(500) Days of Summer (2009)", "(500) Days of Summer", 2009),
        (
            "Mona and the Time of Burning Love (Mona) (1983))",
            "Mona and the Time of Burning Love (Mona)",
            1983,
        ),
        ("Seven (a.k.a. Se7en) (1995)", "Seven (a.k.a. Se7en)", 1995),
        ("(1999)", "(1999)", 1999),
        ("Land Before Time III (1995) (V)", "Land Before Time III", 1995),
        ("Crow, The: Wicked Prayer (2005)", "The Crow: Wicked Prayer", 2005),
    ],
)
def test_a_title_is_taken_apart_into_name_and_year(text, title, year):
    assert split_title(text) == (title, year)


@pytest.mark.parametrize(
    "text", ["Paris, Texas", "I, Robot", "One, Two, Three", "Happy, Texas", "The", ", The"]
)
def test_what_only_looks_like_an_article_stays_where_it_is(text):
    assert split_title(text)[0] == text


@given(st.text(alphabet=st.characters(categories=("Lu", "Ll")), min_size=1), st.integers(1874, 2100))
def test_a_plain_name_and_its_year_come_back(name, year):
    assert split_title(f"{name} ({year})") == (name, year)


def test_genres_are_a_list_in_one_spelling_and_none_where_none_are_listed():
    assert split_genres("Animation|Children's|Comedy") == ["Animation", "Children", "Comedy"]
    assert split_genres("(no genres listed)") == []
    assert split_genres("unknown") == []
    assert split_genres("") == []
