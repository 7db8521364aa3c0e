"""The hand-kept catalogue of the sample: real films, facts only, a line per film in a CSV file."""

import csv
from pathlib import Path

import pandas as pd

from marquee.data.tables import facts
from marquee.data.tables.facts import Fact

GENRES = frozenset(
    {"Action", "Adventure", "Animation", "Children", "Comedy", "Crime", "Documentary", "Drama", "Fantasy"}
    | {"Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"}
)
"""MovieLens' own names."""

COLUMNS = ["title", "year", "genres", "director", "cast", "language", "keywords"]
"""The file's columns; further facts of `facts.FACTS` may follow under their own names."""

FACT_OF = {"director": "directors"}
"""Column -> fact, where the two differ in name."""


class FilmsError(ValueError):
    """The catalogue breaks a rule; the message names the line, the rule and what was received."""


def read_films(path: Path) -> pd.DataFrame:
    """Read the catalogue, in the file's order.

    Returns:
        title, year (int), genres, director, cast, keywords (lists of strings), language, and the further
        facts of the file.

    Raises:
        FilmsError: another header, a field that breaks its rule, or a film that is there twice.
    """
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines)
        header = next(reader, [])
        known = {fact.name for fact in facts.FACTS} - set(FACT_OF.values())
        if header[: len(COLUMNS)] != COLUMNS or not set(header[len(COLUMNS) :]) <= known - set(COLUMNS):
            raise FilmsError(f"{path}: the columns must be {COLUMNS}; they are {header}.")
        rows = [_parsed(header, row, f"{path}, line {reader.line_num}") for row in reader]
    if not rows:
        raise FilmsError(f"{path} holds no film. Restore it from Git.")
    films = pd.DataFrame(rows, columns=header)
    twice = films.duplicated(["title", "year"])
    if twice.any():
        title, year = films.loc[twice, ["title", "year"]].iloc[0]
        raise FilmsError(f"{path}: {title} ({year}) is there twice. Remove one line.")
    return films


def _parsed(header: list[str], row: list[str], where: str) -> dict[str, object]:
    if len(row) != len(header):
        raise FilmsError(f"{where}: {len(header)} fields are expected, {len(row)} found. Quote commas.")
    film = dict(zip(header, (field.strip() for field in row), strict=True))
    if not film["title"]:
        raise FilmsError(f"{where}: the title is empty. Add it or remove the line.")
    for fact in facts.FACTS:
        _check_number(fact, film.get(fact.name), where)
    unknown = [genre for genre in _split(film["genres"]) if genre not in GENRES]
    if unknown or not film["genres"]:
        raise FilmsError(f"{where}: genres {unknown or 'are empty'}. Known: {', '.join(sorted(GENRES))}.")
    language = film["language"]
    if len(language) != 2 or not (language.isascii() and language.islower()):
        raise FilmsError(f"{where}: language {language!r} is not an ISO 639-1 code such as en. Correct it.")
    return {name: _value(FACT_OF.get(name, name), field) for name, field in film.items()}


def _check_number(fact: Fact, field: str | None, where: str) -> None:
    if field is None or fact.kind != "number" or (not field and not fact.required):
        return
    low, high = fact.between or (0, 2**15 - 1)
    if not field.isdecimal() or not low <= int(field) <= high:
        raise FilmsError(f"{where}: {fact.name} {field!r} is not a number from {low} to {high}. Correct it.")


def _value(name: str, field: str) -> object:
    kind = next(fact.kind for fact in facts.FACTS if fact.name == name)
    if kind == "names":
        return _split(field)
    return int(field or 0) if kind == "number" else field


def _split(field: str) -> list[str]:
    return [part for part in field.split("|") if part]
