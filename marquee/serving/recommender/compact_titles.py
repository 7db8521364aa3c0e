"""Titles in a tenth of the memory: Python's lists of texts take a hundred bytes for every name they hold."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import overload

import numpy as np
import orjson

from marquee.data.tables.facts import Titles


class PackedNames(Sequence[list[str]]):
    """Lists of names, read-only, in one piece of text; each is made when it is asked for."""

    def __init__(self, lists: Iterable[Sequence[str]]) -> None:
        packed = [orjson.dumps(names) for names in lists]
        self._end = np.cumsum([0, *map(len, packed)], dtype=np.int64)
        self._packed = b"".join(packed)

    def __len__(self) -> int:
        return len(self._end) - 1

    @overload
    def __getitem__(self, row: int) -> list[str]: ...
    @overload
    def __getitem__(self, row: slice) -> list[list[str]]: ...
    def __getitem__(self, row: int | slice) -> list[str] | list[list[str]]:
        if isinstance(row, slice):
            return [self[one] for one in range(*row.indices(len(self)))]
        start = range(len(self))[row]  # refuses what is out of range, and counts from the end
        names: list[str] = orjson.loads(self._packed[self._end[start] : self._end[start + 1]])
        return names

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def compact(titles: Titles) -> Titles:
    """The same facts: people packed, as a page asks for them one movie at a time; what many share, once."""
    known: dict[str, str] = {}
    lists: dict[tuple[str, ...], list[str]] = {}
    return replace(
        titles,
        genres=[
            lists.setdefault(tuple(names), [known.setdefault(name, name) for name in names])
            for names in titles.genres
        ],
        language=[known.setdefault(code, code) for code in titles.language],
        directors=PackedNames(titles.directors),
        cast=PackedNames(titles.cast),
    )
