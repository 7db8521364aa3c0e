import pytest

from marquee.data.tables.facts import Titles
from marquee.serving.recommender.compact_titles import PackedNames, compact

LISTS = [["Zoë Bell", 'O\'Neil, "Al"'], [], ["李安"], []]


def test_lists_of_names_come_back_as_they_were():
    packed = PackedNames(LISTS)
    assert list(packed) == LISTS
    assert len(packed) == 4
    assert packed[-2] == ["李安"]
    assert packed[1:3] == LISTS[1:3]
    assert [*packed, ["added"]][-1] == ["added"]


def test_a_row_that_is_not_there_is_an_index_error():
    with pytest.raises(IndexError):
        PackedNames(LISTS)[4]


def test_compact_titles_say_the_same():
    titles = Titles([1, 2], ["A", "B"], [1990, 0], [["Drama"], ["Drama"]], ["en", "en"], LISTS[:2], LISTS[2:])
    small = compact(titles)
    assert {name: list(column) for name, column in small.columns().items()} == titles.columns()
    assert small.genres[0] is small.genres[1]
