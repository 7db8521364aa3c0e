"""Which movies of the catalogue a request lets through."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marquee.data.tables.facts import Titles
from marquee.pipeline.arrays import Bool


@dataclass(frozen=True)
class Wanted:
    """Which movies may be recommended; an empty or missing part lets all of them through.

    Attributes:
        genres: any of these.
        first_year: of release; with either year given, movies without one are out.
        last_year: of release.
        languages: any of these codes.
        excluded: movie indices that may not.
    """

    genres: frozenset[str] = frozenset()
    first_year: int | None = None
    last_year: int | None = None
    languages: frozenset[str] = frozenset()
    excluded: Sequence[int] = ()


ANY = Wanted()


class CatalogueFilter:
    """Genres, years and languages of the catalogue, ready to be asked."""

    def __init__(self, titles: Titles) -> None:
        self.genres = sorted({genre for genres in titles.genres for genre in genres})
        self.languages = sorted({language for language in titles.language if language})
        self.has_genre = _memberships(titles.genres, self.genres)
        self._speaks = _memberships([[language] for language in titles.language], self.languages)
        self._year = np.array(titles.year, dtype=np.int32)

    def allowed(self, wanted: Wanted) -> Bool:
        """(num_movies,) what may be shown; an array of the caller's own."""
        allowed = np.ones(len(self._year), dtype=bool)
        if wanted.genres:
            allowed &= self.has_genre[:, np.isin(self.genres, list(wanted.genres))].any(axis=1)
        if wanted.languages:
            allowed &= self._speaks[:, np.isin(self.languages, list(wanted.languages))].any(axis=1)
        if wanted.first_year is not None or wanted.last_year is not None:
            allowed &= self._year >= max(1, wanted.first_year or 1)
        if wanted.last_year is not None:
            allowed &= self._year <= wanted.last_year
        allowed[np.array(wanted.excluded, dtype=np.int64)] = False
        return allowed


def _memberships(lists: Sequence[Sequence[str]], names: Sequence[str]) -> Bool:
    """(n, names) bool, which of the names each list holds."""
    column = {name: position for position, name in enumerate(names)}
    held = np.zeros((len(lists), len(names)), dtype=bool)
    for row, values in enumerate(lists):
        held[row, [column[value] for value in values if value in column]] = True
    return held
