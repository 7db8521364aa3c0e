import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marquee.serving.service import title_search
from marquee.serving.service.title_search import TitleSearch

TITLES = [
    ("The Matrix", 1999),
    ("The Matrix Reloaded", 2003),
    ("Amélie (Le Fabuleux destin d'Amélie Poulain)", 2001),
    ("Spider-Man", 2002),
    ("Star Wars: Episode IV - A New Hope", 1977),
    ("Heat", 1995),
    ("The Heat", 2013),
    ("In the Heat of the Night", 1967),
    ("L.A. Confidential", 1997),
    ("WALL·E", 2008),
    ("Lilo & Stitch", 2002),
    ("The Godfather: Part II", 1974),
    ("Shrek", 2001),
    ("Sherlock Holmes", 2009),
    ("The Matrix", 1990),
    ("Smørrebrød", 1980),
]
POPULARITY = np.arange(len(TITLES), 0, -1).astype(np.float32)
POPULARITY[5:8] = [10, 10, 1000]
SEARCH = TitleSearch([title for title, _ in TITLES], [year for _, year in TITLES], POPULARITY)


def found(text: str, k: int = 10) -> list[str]:
    return [TITLES[row][0] for row in SEARCH.search(text, k)]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("the matrix reloaded", "The Matrix Reloaded"),
        ("MATRIX RELOADED", "The Matrix Reloaded"),
        ("Matrix Reloaded, The", "The Matrix Reloaded"),
        ("relo", "The Matrix Reloaded"),
        ("teh matrix reloaded", "The Matrix Reloaded"),
        ("amelie", "Amélie (Le Fabuleux destin d'Amélie Poulain)"),
        ("AMÉLIE", "Amélie (Le Fabuleux destin d'Amélie Poulain)"),
        (
            "Ame\u0301lie",
            "Amélie (Le Fabuleux destin d'Amélie Poulain)",
        ),  # the accent as a character of its own
        ("fabuleux destin", "Amélie (Le Fabuleux destin d'Amélie Poulain)"),
        ("spiderman", "Spider-Man"),
        ("spider man", "Spider-Man"),
        ("starwars", "Star Wars: Episode IV - A New Hope"),
        ("star wras", "Star Wars: Episode IV - A New Hope"),
        ("la confidential", "L.A. Confidential"),
        ("walle", "WALL·E"),
        ("lilo and stich", "Lilo & Stitch"),
        ("godfater", "The Godfather: Part II"),
        ("godfa", "The Godfather: Part II"),
        ("gdofa", "The Godfather: Part II"),  # unfinished and mistyped
        ("godfather part two", "The Godfather: Part II"),  # a word it does not hold
        ("smorrebrod", "Smørrebrød"),
    ],
)
def test_a_movie_is_found_however_its_title_is_typed(text: str, title: str):
    assert found(text)[0] == title


def test_whole_titles_come_first_then_beginnings_then_the_most_popular():
    assert found("heat") == ["Heat", "The Heat", "In the Heat of the Night"]
    assert SEARCH.search("matrix", 10) == [0, 14, 1]  # two of that name, the more popular first


def test_a_year_tells_movies_of_one_title_apart():
    assert SEARCH.search("matrix 1990", 1) == [14]


def test_a_whole_word_with_a_typo_comes_before_a_beginning_with_one():
    assert found("sherk")[:2] == ["Shrek", "Sherlock Holmes"]


@pytest.mark.parametrize("text", ["", " ", "?!", "zzzzqqq", "matrix zzzzqqq", "\x00", "🎬"])
def test_what_is_in_no_title_finds_nothing(text: str):
    assert found(text) == []


def test_no_more_than_k_are_found():
    assert len(found("the", 2)) == 2
    assert TitleSearch([], [], np.empty(0, np.float32)).search("the", 5) == []


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.integers(1, 20))
def test_any_text_is_an_answer_of_at_most_k_different_movies(text: str, k: int):
    rows = SEARCH.search(text, k)
    assert len(rows) == len(set(rows)) <= k


@pytest.mark.parametrize("row", range(len(TITLES)))
def test_every_movie_is_found_by_its_own_title_and_year(row: int):
    title, year = TITLES[row]
    assert SEARCH.search(f"{title} {year}", 1) == [row]


def _alignment(one: str, other: str) -> int:
    """Optimal string alignment, written down plainly."""
    table = [[i + j if i * j == 0 else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            table[i][j] = min(
                table[i - 1][j] + 1,
                table[i][j - 1] + 1,
                table[i - 1][j - 1] + (one[i - 1] != other[j - 1]),
            )
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    return table[-1][-1]


WORD = st.text("abc", min_size=3, max_size=9)


@given(WORD, st.lists(WORD, min_size=1, max_size=5))
def test_edits_are_those_of_the_plain_table_up_to_three(word: str, others: list[str]):
    lengths = np.array([len(other) for other in others])
    whole, beginning = title_search.edits(word, title_search.spell(others), lengths)
    assert whole.tolist() == [min(3, _alignment(word, other)) for other in others]
    nearest = [min(_alignment(word, other[:end]) for end in range(len(other) + 1)) for other in others]
    assert beginning.tolist() == [min(3, distance) for distance in nearest]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("Matrix, The", ["the", "matrix"]),
        ("Bucket List, The ", ["the", "bucket", "list"]),
        ("Good, the Bad, and the Ugly", ["good", "the", "bad", "and", "the", "ugly"]),
        ("The Matrix", ["the", "matrix"]),
    ],
)
def test_an_article_after_a_comma_stands_in_front(typed: str, words: list[str]):
    assert title_search.query_words(typed) == words
