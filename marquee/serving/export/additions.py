"""Movies added after the data were taken: `data/additions.csv`, a line per movie.

Nobody has rated them: what the file says of a movie is all that the models know of it.
"""

import csv
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from marquee.data.tables.facts import FACTS, Fact


class AdditionsError(ValueError):
    """data/additions.csv breaks a rule; the message names the line, the rule and what to do."""


def _split(text: Any) -> Any:
    return [part.strip() for part in text.split("|") if part.strip()] if isinstance(text, str) else text


Names = Annotated[list[str], BeforeValidator(_split)]


def _type(fact: Fact) -> tuple[Any, Any]:
    """A fact's type and default, as pydantic has them."""
    default = ... if fact.required else Field(default_factory=lambda: fact.empty)
    if fact.kind == "names":
        return Names, default
    if fact.kind == "number":
        low, high = fact.between or (0, 2**15 - 1)
        return Annotated[int, Field(ge=low, le=high)], default
    pattern = f"^({fact.pattern})?$" if fact.pattern else None
    return Annotated[str, Field(min_length=int(fact.required), pattern=pattern)], default


_ID: Any = (Annotated[int, Field(ge=0, le=2**31 - 1)], ...)
_FACTS: dict[str, Any] = {fact.name: _type(fact) for fact in FACTS}

Addition: type[BaseModel] = create_model(
    "Addition",
    __config__=ConfigDict(extra="forbid", str_strip_whitespace=True),
    movie_id=_ID,
    **_FACTS,
)
"""One line of the file; several names are separated by |."""

COLUMNS = tuple(Addition.model_fields)
REQUIRED = ("movie_id", *(fact.name for fact in FACTS if fact.required))


def read(path: Path, known_ids: Collection[int]) -> pd.DataFrame:
    """Read the additions as the processed movies table has its rows; a fact without a column is empty.

    Args:
        path: `data/additions.csv`.
        known_ids: movie_id of the movies that the data already hold.

    Raises:
        AdditionsError: a missing file or column, a value that breaks a rule, an id that is taken.
    """
    if not path.is_file():
        raise AdditionsError(f"{path} is missing. Restore it from Git; its header alone adds nothing.")
    taken = dict.fromkeys(known_ids, "the data")
    rows = []
    for line, values in _lines(path):
        row = _checked(path, line, values)
        movie_id = row["movie_id"]
        if movie_id in taken:
            raise AdditionsError(
                f"{path}, line {line}: movie_id {movie_id} is taken by {taken[movie_id]}. "
                "Give the movie an id of its own."
            )
        taken[movie_id] = f"line {line}"
        rows.append(row)
    numbers = dict.fromkeys(("movie_id", *(fact.name for fact in FACTS if fact.kind == "number")), "int64")
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(numbers)


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, restkey="too many values", strict=True)
        header = list(reader.fieldnames or ())
        if not set(REQUIRED) <= set(header) <= set(COLUMNS) or len(set(header)) < len(header):
            raise AdditionsError(
                f"{path}: the header must name {', '.join(REQUIRED)}, and may name the other columns of "
                f"{', '.join(COLUMNS)}, each once and in any order; it is {','.join(header)}."
            )
        try:
            for values in reader:
                yield reader.line_num, values
        except (csv.Error, UnicodeDecodeError) as error:
            raise AdditionsError(f"{path}, line {reader.line_num}: not CSV in UTF-8: {error}.") from error


def _checked(path: Path, line: int, values: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return Addition.model_validate(values).model_dump()
    except ValidationError as error:
        problem = error.errors()[0]
        column = ".".join(map(str, problem["loc"]))
        raise AdditionsError(
            f"{path}, line {line}: {column}: {problem['msg']}; received {problem['input']!r}. Fix the line."
        ) from error
