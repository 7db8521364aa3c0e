"""The raw tables: their columns, types and rules.

`fetch_data` writes them whatever the source; everything after reads only these.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandera.pandas as pandera
import pyarrow as arrow
import pyarrow.compute as pc
import pyarrow.parquet as pq

from marquee.data.tables import facts
from marquee.data.tables.facts import Fact
from marquee.pipeline.arrays import Bool

EARLIEST = 788_918_400
"""1995-01-01, seconds since 1970: MovieLens opened in that year."""

_TYPES = {"number": arrow.int16(), "text": arrow.string(), "names": arrow.list_(arrow.string())}


def _columns(listed: Iterable[Fact]) -> list[tuple[str, arrow.DataType]]:
    return [(fact.name, _TYPES[fact.kind]) for fact in listed]


INTERACTIONS = arrow.schema(
    [
        ("user_id", arrow.int32()),
        ("movie_id", arrow.int32()),
        ("half_stars", arrow.uint8()),
        ("timestamp", arrow.int64()),
    ]
)
"""A row per rating: half_stars from 1 to 10, timestamp in seconds since 1970, UTC. Sorted by (timestamp,
user_id, movie_id); at most one row per user, movie and time."""

MOVIES = arrow.schema([("movie_id", arrow.int32()), *_columns(facts.OF_MOVIES), ("tmdb_id", arrow.int32())])
"""A row per movie of the whole catalogue, rated or not, sorted by movie_id; tmdb_id is 0 where unknown."""

METADATA = arrow.schema([("movie_id", arrow.int32()), *_columns(facts.OF_METADATA)])
"""A row per movie that has metadata, sorted by movie_id. Facts of the release only: what grows with time
(votes, popularity, revenue) knows the future and is left out."""

ORACLE = arrow.schema(
    [
        ("user_id", arrow.int32()),
        ("movie_id", arrow.int32()),
        ("timestamp", arrow.int64()),
        ("rank", arrow.int16()),
        ("expected_rating", arrow.float32()),
    ]
)
"""The best reachable answer to each interaction of simulated data (`marquee/data/sample/oracle.py`), in the
order of the interactions: rank of the movie among the unseen, 1 is best, and the rating expected in stars.
Empty for data of real people."""

FEEDBACK = arrow.schema(
    [
        ("user_id", arrow.int32()),
        ("movie_id", arrow.int32()),
        ("timestamp", arrow.int64()),
        ("prompted", arrow.bool_()),
    ]
)
"""Which interactions the service recorded (`data.feedback`), and whether the rating was of a movie that an
answer showed: the bundle that answered chose what could be rated."""

RATED = pandera.DataFrameSchema(
    {
        column.name: pandera.Column(
            str(column.type),
            {"half_stars": pandera.Check.in_range(1, 10), "timestamp": pandera.Check.ge(EARLIEST)}.get(
                column.name
            ),
        )
        for column in INTERACTIONS
    },
    strict=True,
    unique=["user_id", "movie_id", "timestamp"],
)
"""What a frame of `INTERACTIONS` must fulfil."""


class SchemaError(ValueError):
    """A raw table has other columns than its schema says; the message names the file."""


def read(path: Path, columns: arrow.Schema) -> arrow.Table:
    """Read a raw table as its schema has it.

    Raises:
        SchemaError: other columns or types.
    """
    table = pq.read_table(path)
    try:
        return table.cast(columns).combine_chunks()
    except (ValueError, arrow.ArrowInvalid, arrow.ArrowNotImplementedError) as error:
        raise SchemaError(
            f"{path} must have the columns {', '.join(columns.names)}; it has "
            f"{', '.join(table.column_names)} ({error}). Run fetch_data again."
        ) from error


def read_interactions(path: Path) -> arrow.Table:
    """Read the interactions, and check them.

    Raises:
        SchemaError: other columns or types, a rating that cannot be, or one that is there twice.
    """
    rated = read(path, INTERACTIONS)
    try:
        RATED.validate(rated.to_pandas())
    except pandera.errors.SchemaError as error:
        raise SchemaError(f"{path} holds ratings that cannot be: {error}. Run fetch_data again.") from error
    return rated


def table(columns: Mapping[str, Any], kind: arrow.Schema) -> arrow.Table:
    """A table of the schema from columns by name; facts that `columns` lacks are empty."""
    size = len(columns["movie_id"])
    missing = {fact.name: [fact.empty] * size for fact in facts.FACTS if fact.name not in columns}
    return arrow.table({name: {**missing, **columns}[name] for name in kind.names}, schema=kind)


def filled(column: Any) -> Bool:
    """(rows,) whether an Arrow column says something: text or list not empty, number not 0, not null."""
    if arrow.types.is_list(column.type):
        says = pc.greater(pc.list_value_length(column), 0)
    elif arrow.types.is_string(column.type):
        says = pc.greater(pc.utf8_length(column), 0)
    else:
        says = pc.not_equal(column, 0)
    return np.asarray(pc.fill_null(says, False).to_numpy(zero_copy_only=False), dtype=bool)
