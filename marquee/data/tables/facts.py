"""The facts of a movie, listed once: every table, file and page that holds movies reads this list.

Plain Python: the service imports it and has neither pyarrow nor pandas.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

Kind = Literal["number", "text", "names"]


@dataclass(frozen=True)
class Fact:
    """One fact of a movie, known from its release on. What grows with time (votes, revenue) is none.

    Attributes:
        name: its column in every table.
        kind: a whole number below 32,768, a text, or a list of names; decides how it is empty (0, "" or []).
        table: the raw table that holds it. Every source of ratings brings "movies"; "metadata" may come
            from elsewhere (`data.metadata`) and is missing for some movies.
        snapshot: its column in a Parquet snapshot of TMDB.
        required: whether a movie that is added must have it.
        between: the smallest and the largest number that can be right.
        pattern: a regular expression that the whole text follows where it is not empty.
    """

    name: str
    kind: Kind
    table: Literal["movies", "metadata"]
    snapshot: str = ""
    required: bool = False
    between: tuple[int, int] | None = None
    pattern: str = ""

    @property
    def empty(self) -> Any:
        """The value that says nothing; a new list each time."""
        return {"number": 0, "text": "", "names": []}[self.kind]


FACTS = (
    Fact("title", "text", "movies", required=True),
    Fact("year", "number", "movies", required=True, between=(1870, 2200)),
    Fact("genres", "names", "movies"),
    Fact("overview", "text", "metadata", snapshot="overview"),
    Fact("keywords", "names", "metadata", snapshot="keywords"),
    Fact("cast", "names", "metadata", snapshot="cast"),
    Fact("directors", "names", "metadata", snapshot="director"),
    Fact("language", "text", "metadata", snapshot="original_language"),
    Fact("release_date", "text", "metadata", snapshot="release_date", pattern=r"\d{4}-\d{2}-\d{2}"),
)
"""All facts, in the order of the raw tables' columns. A title is without its year, the year that of the
release, the leading people of a cast come first, a language is an ISO 639-1 code, a release date is
YYYY-MM-DD."""

OF_MOVIES = tuple(fact for fact in FACTS if fact.table == "movies")
OF_METADATA = tuple(fact for fact in FACTS if fact.table == "metadata")
NAMES = frozenset(fact.name for fact in FACTS if fact.kind == "names")


@dataclass(frozen=True)
class Titles:
    """The facts that a page shows, by movie_index; their names are those of `FACTS`.

    Attributes:
        movie_id: MovieLens' ids.
        title: without the year.
        year: of release; 0 where unknown.
        genres: names.
        language: its code; empty where unknown.
        directors: names.
        cast: names, the leading ones first.
    """

    movie_id: list[int]
    title: list[str]
    year: list[int]
    genres: list[list[str]]
    language: list[str]
    directors: Sequence[list[str]]
    cast: Sequence[list[str]]

    @classmethod
    def of(cls, movies: Mapping[Any, Iterable[Any]]) -> "Titles":
        """From the columns of a movies table; other columns are left out."""
        columns = {name: list(movies[name]) for name in SHOWN}
        lists = {name: [list(names) for names in columns[name]] for name in SHOWN if name in NAMES}
        return cls(**(columns | lists))

    def columns(self) -> dict[str, Sequence[Any]]:
        """The columns by name, in their order."""
        return {name: getattr(self, name) for name in SHOWN}

    def followed_by(self, added: "Titles") -> "Titles":
        """The movies of both, those of `added` behind."""
        return Titles(**{name: [*mine, *added.columns()[name]] for name, mine in self.columns().items()})


SHOWN = tuple(field.name for field in fields(Titles))
"""Names of the columns of `Titles`."""
