"""Facts about films by TMDB's id, from a snapshot, and how they are joined to the movies."""

import difflib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from marquee.data.sources.files.rules import LARGEST_ID, DataError, is_much, quoted
from marquee.data.tables import facts, schema

log = logging.getLogger(__name__)

KEY = "tmdbId"
"""The snapshot's column of TMDB's ids; those of the facts are in `facts.FACTS`. Votes, popularity and revenue
are not read: they grow with time, so under a split in time they know the future."""

COLUMNS = ["tmdb_id", *(fact.name for fact in facts.OF_METADATA)]
"""Columns of the facts of films by TMDB's id, from a snapshot or from the API."""


@dataclass(frozen=True)
class Joined:
    """Metadata in the raw schema, and how far it reaches (counts for the manifest)."""

    table: pa.Table
    coverage: dict[str, int]


def read_snapshot(path: Path) -> pd.DataFrame:
    """Read a Parquet snapshot into `COLUMNS`. Facts that it lacks, and missing values, become empty.

    Raises:
        DataError: not Parquet, no `tmdbId`, ids that are no numbers, or a column of another type.
    """
    present = _of_parquet(path, lambda: pq.read_schema(path).names)
    if KEY not in present:
        near = difflib.get_close_matches(KEY, present, n=1, cutoff=0.5)
        hint = f" Rename {near[0]} to {KEY}." if near else f" Add {KEY}, TMDB's number of each film."
        listed = quoted(", ".join(present))
        raise DataError(f"{path}: column {KEY} is missing; it has {listed}.{hint}")
    twice = sorted({name for name in present if present.count(name) > 1})
    if twice:
        raise DataError(f"{path}: column {', '.join(twice)} is there more than once. Keep one.")
    _warn_of_near_misses(path, present)
    wanted = [KEY, *(fact.snapshot for fact in facts.OF_METADATA if fact.snapshot in present)]
    frame: pd.DataFrame = _of_parquet(path, lambda: _validated(path, wanted))
    ids = pd.to_numeric(frame[KEY], errors="coerce")
    wrong = frame[KEY].notna() & (ids.isna() | (ids % 1 != 0) | ~ids.between(0, LARGEST_ID))
    if wrong.any():
        value = _quoted(frame.loc[wrong, KEY].iloc[0])
        raise DataError(f"{path}: {KEY} {value} is not a whole number. Fix the snapshot.")
    found = pd.DataFrame({"tmdb_id": ids.fillna(0).astype("int64")})
    for fact in facts.OF_METADATA:
        if fact.snapshot in frame:
            found[fact.name] = _READERS[fact.kind](path, frame[fact.snapshot])
    return tidy(found)


def _validated(path: Path, columns: list[str]) -> pd.DataFrame:
    table = pq.read_table(path, columns=columns)
    table.validate(full=True)  # texts are UTF-8, for one thing
    # Without what pandas wrote about the columns: nothing is asked of it, and it may be damaged by itself.
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return frame


def _of_parquet(path: Path, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (pa.ArrowException, OSError, ValueError) as error:
        why = quoted(str(error))
        raise DataError(
            f"{path} is not a whole Parquet file: {why}.\nSee docs/data.md for what is."
        ) from error


def _warn_of_near_misses(path: Path, present: list[str]) -> None:
    """A column that is nearly called as one that is missing was perhaps meant to be it."""
    missing = {fact.snapshot for fact in facts.OF_METADATA} - set(present)
    read = {fact.snapshot for fact in facts.OF_METADATA}
    for name in sorted(set(present) - read - {KEY}):
        near = difflib.get_close_matches(name.casefold(), sorted(missing), n=1, cutoff=0.85)
        if near:
            log.warning("%s: column %s is not read; rename it to %s if it is that", path, name, near[0])


def tidy(found: pd.DataFrame) -> pd.DataFrame:
    """Bring facts into `COLUMNS`: empty where they are missing, break their pattern or are no day."""
    if found.empty:
        return pd.DataFrame({name: [] for name in COLUMNS})
    if "release_date" in found:
        found["release_date"] = _days(found["release_date"])
    for fact in facts.OF_METADATA:
        if fact.name not in found:
            found[fact.name] = [fact.empty for _ in range(len(found))]
        elif fact.pattern:
            found[fact.name] = found[fact.name].where(found[fact.name].str.fullmatch(fact.pattern), "")
    days = pd.to_datetime(found["release_date"], format="%Y-%m-%d", errors="coerce")
    found["release_date"] = found["release_date"].where(days.notna(), "")
    return found[COLUMNS]


def _days(column: "pd.Series[str]") -> "pd.Series[str]":
    """YYYY-MM-DD, of a moment as well; whatever is none is told where it is much."""
    days = column.str.replace(r"^(\d{4}-\d{2}-\d{2})[ T].*$", r"\1", regex=True)
    lost = (days != "") & pd.to_datetime(days, format="%Y-%m-%d", errors="coerce").isna()
    if is_much(int(lost.sum()), int((days != "").sum())):
        first = quoted(str(days[lost].iloc[0]))
        log.warning("%d release dates are not YYYY-MM-DD and are left out, the first %s", lost.sum(), first)
    return days


def _numbers(path: Path, column: "pd.Series[Any]") -> "pd.Series[int]":
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = column.notna() & (numbers.isna() | ~numbers.between(-(2**15), 2**15 - 1) | (numbers % 1 != 0))
    if wrong.any():
        raise DataError(
            f"{path}: column {column.name} holds {_quoted(column[wrong].iloc[0])}; whole numbers below "
            "32,768 are expected. Fix the snapshot, or leave the column out."
        )
    return numbers.fillna(0).astype("int16")


def _texts(path: Path, column: "pd.Series[Any]") -> "pd.Series[str]":
    present = column[column.notna()]
    wrong = present[~present.map(lambda value: isinstance(value, str)).astype(bool)]
    if len(wrong):
        raise DataError(_wrong(path, column, wrong.iloc[0], "texts"))
    return column.where(column.notna(), "").astype("str").str.strip()


def _lists(path: Path, column: "pd.Series[str]") -> list[list[str]]:
    """Lists of names; what is missing (None, NaN) is an empty list."""
    lists: list[list[str]] = []
    for value in column:
        if isinstance(value, np.ndarray | list | tuple):
            names = [_name(path, column, one) for one in value if one is not None]
            lists.append([name for name in names if name])
        elif pd.isna(value):
            lists.append([])
        else:
            raise DataError(_wrong(path, column, value, "lists of names"))
    return lists


def _name(path: Path, column: "pd.Series[Any]", value: Any) -> str:
    """A name of a list: a text, or TMDB's own {"id": ..., "name": ...}."""
    name = value.get("name") if isinstance(value, dict) else value
    if not isinstance(name, str):
        raise DataError(_wrong(path, column, value, "lists of names"))
    return name.strip()


def _wrong(path: Path, column: "pd.Series[Any]", value: Any, expected: str) -> str:
    return (
        f"{path}: column {column.name} holds {_quoted(value)}; {expected} are expected. "
        "Fix the snapshot, or leave the column out."
    )


def _quoted(value: Any) -> str:
    plain = value.item() if isinstance(value, np.generic) else value
    return quoted(repr(plain))


_READERS: dict[str, Callable[[Path, Any], Any]] = {"number": _numbers, "text": _texts, "names": _lists}


def join(movies: pa.Table, found: pd.DataFrame, source: str) -> Joined:
    """Give each movie with a known `tmdb_id` its facts; movies that share an id share the facts.

    Args:
        movies: `schema.MOVIES`.
        found: `COLUMNS`; of several rows with one `tmdb_id` the first counts.
        source: for messages.

    Raises:
        DataError: not one movie is covered: the metadata are for other movies.
    """
    ids = movies.select(["movie_id", "tmdb_id"]).to_pandas()
    known = ids[ids["tmdb_id"] > 0]
    unique = found[found["tmdb_id"] > 0].drop_duplicates("tmdb_id")
    joined = known.merge(unique, on="tmdb_id", how="inner").sort_values("movie_id")
    if joined.empty:
        raise DataError(_for_other_movies(source, len(ids), len(known), len(unique)))
    table = pa.Table.from_pandas(
        joined[schema.METADATA.names], schema=schema.METADATA, preserve_index=False
    ).replace_schema_metadata(None)
    return Joined(
        table,
        coverage(movies, table)
        | {
            "repeated_tmdb_ids_in_metadata": int((found["tmdb_id"] > 0).sum()) - len(unique),
            "movies_sharing_a_tmdb_id": int(known["tmdb_id"].duplicated(keep=False).sum()),
        },
    )


def _for_other_movies(source: str, movies: int, known: int, facts: int) -> str:
    if not known:
        return (
            f"data.metadata {source}: none of the {movies:,} movies has a TMDB id to join it by.\n"
            "Give the source a links.csv with movieId and tmdbId, or set data.metadata to none."
        )
    return (
        f"data.metadata {source}: its {facts:,} films are none of the {known:,} movies with a TMDB id: "
        "it is metadata for other movies.\nName the snapshot of this source, or set data.metadata to none."
    )


def coverage(movies: pa.Table, metadata: pa.Table) -> dict[str, int]:
    """How many movies have metadata, and how many have each fact of it."""
    filled = {
        f"movies_with_{fact.name}": int(schema.filled(metadata.column(fact.name)).sum())
        for fact in facts.OF_METADATA
    }
    return {
        "movies": len(movies),
        "movies_with_tmdb_id": int((movies.column("tmdb_id").to_numpy() > 0).sum()),
        "movies_with_metadata": len(metadata),
        **filled,
    }
