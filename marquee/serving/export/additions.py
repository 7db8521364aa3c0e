"""Movies added after the data were taken: `data/additions.csv`, a line a movie.

Nobody has rated them. What the file says of a film is all the models know, as with any new film.
"""

import csv
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

LISTS = ("genres", "keywords", "cast", "directors")


class AdditionsError(ValueError):
    """data/additions.csv breaks a rule; the message names the line, the rule and what to do."""


def _split(text: Any) -> Any:
    return [part.strip() for part in text.split("|") if part.strip()] if isinstance(text, str) else text


Names = Annotated[list[str], BeforeValidator(_split)]


class Addition(BaseModel):
    """One line: the columns of the file in their order; several names are separated by |."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    movie_id: Annotated[int, Field(ge=0, le=2**31 - 1)]
    title: Annotated[str, Field(min_length=1)]
    year: Annotated[int, Field(ge=1870, le=2200)]
    genres: Names
    language: str
    release_date: Annotated[str, Field(pattern=r"^(\d{4}-\d{2}-\d{2})?$")]
    keywords: Names
    cast: Names
    directors: Names
    overview: str


COLUMNS = tuple(Addition.model_fields)


def read(path: Path, known_ids: Collection[int]) -> pd.DataFrame:
    """Read the additions as the processed movies table has its rows.

    Args:
        path: a CSV file with a header; a file of the header alone adds nothing.
        known_ids: of the movies the data hold already.

    Raises:
        AdditionsError: a missing file or column, a value that breaks a rule, an id that is taken.
    """
    if not path.is_file():
        raise AdditionsError(f"{path} is missing. Restore it from Git; its header alone adds nothing.")
    taken = dict.fromkeys(known_ids, "the data")
    rows = []
    for line, values in _lines(path):
        addition = _checked(path, line, values)
        if addition.movie_id in taken:
            raise AdditionsError(
                f"{path}, line {line}: movie_id {addition.movie_id} is taken by {taken[addition.movie_id]}. "
                "Give the movie an id of its own."
            )
        taken[addition.movie_id] = f"line {line}"
        rows.append(addition.model_dump())
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"movie_id": "int64", "year": "int64"})


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, restkey="too many values", strict=True)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise AdditionsError(
                f"{path}: the header must be {','.join(COLUMNS)}; it is {','.join(reader.fieldnames or ())}."
            )
        try:
            for values in reader:
                yield reader.line_num, values
        except (csv.Error, UnicodeDecodeError) as error:
            raise AdditionsError(f"{path}, line {reader.line_num}: not CSV in UTF-8: {error}.") from error


def _checked(path: Path, line: int, values: Mapping[str, Any]) -> Addition:
    try:
        return Addition.model_validate(values)
    except ValidationError as error:
        problem = error.errors()[0]
        column = ".".join(map(str, problem["loc"]))
        raise AdditionsError(
            f"{path}, line {line}: {column}: {problem['msg']}; received {problem['input']!r}. Fix the line."
        ) from error
