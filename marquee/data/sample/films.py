"""The hand-kept catalogue of the sample: real films, facts only, one line each in a CSV."""

import csv
from pathlib import Path

import pandas as pd

GENRES = frozenset(
    {"Action", "Adventure", "Animation", "Children", "Comedy", "Crime", "Documentary", "Drama", "Fantasy"}
    | {"Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"}
)
"""MovieLens' own names."""

COLUMNS = ["title", "year", "genres", "director", "cast", "language", "keywords"]
FIRST_FILM = 1888
LAST_YEAR = 2100


class FilmsError(ValueError):
    """The catalogue breaks a rule; the message names the line, the rule and what was received."""


def read_films(path: Path) -> pd.DataFrame:
    """Read the catalogue, in the file's order.

    Returns:
        title, year (int), genres, director, cast, keywords (lists of strings), language.

    Raises:
        FilmsError: another header, a field that breaks its rule, or a film that is there twice.
    """
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines)
        header = next(reader, [])
        if header != COLUMNS:
            raise FilmsError(f"{path}: the columns must be {COLUMNS}; they are {header}.")
        rows = [_parsed(row, f"{path}, line {reader.line_num}") for row in reader]
    if not rows:
        raise FilmsError(f"{path} holds no film. Restore it from Git.")
    films = pd.DataFrame(rows, columns=COLUMNS)
    twice = films.duplicated(["title", "year"])
    if twice.any():
        title, year = films.loc[twice, ["title", "year"]].iloc[0]
        raise FilmsError(f"{path}: {title} ({year}) is there twice. Remove one line.")
    return films


def _parsed(row: list[str], where: str) -> list[object]:
    if len(row) != len(COLUMNS):
        raise FilmsError(f"{where}: {len(COLUMNS)} fields are expected, {len(row)} found. Quote commas.")
    title, year, genres, director, cast, language, keywords = (field.strip() for field in row)
    if not title:
        raise FilmsError(f"{where}: the title is empty. Add it or remove the line.")
    if not year.isdigit() or not FIRST_FILM <= int(year) <= LAST_YEAR:
        raise FilmsError(f"{where}: {year!r} is not a year of release. Correct it.")
    unknown = [genre for genre in _split(genres) if genre not in GENRES]
    if unknown or not genres:
        raise FilmsError(f"{where}: genres {unknown or 'are empty'}. Known: {', '.join(sorted(GENRES))}.")
    if len(language) != 2 or not (language.isascii() and language.islower()):
        raise FilmsError(f"{where}: language {language!r} is not an ISO 639-1 code such as en. Correct it.")
    return [title, int(year), _split(genres), _split(director), _split(cast), language, _split(keywords)]


def _split(field: str) -> list[str]:
    return [part for part in field.split("|") if part]
