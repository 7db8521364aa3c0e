"""Ratings of any layout, streamed in bounded memory, checked by rule, sorted in time."""

import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from marquee.data.sources.files.archives import Files
from marquee.data.sources.files.rows import TextTable
from marquee.data.sources.files.rules import STARS, BadRows, DataError, Scale, explain
from marquee.data.sources.files.texts import Header
from marquee.data.sources.layouts import RATING, Layout
from marquee.data.sources.rating_rules import Check, Columns, People, TextUsersError
from marquee.data.tables import schema


@dataclass(frozen=True)
class Read:
    """Ratings, and how they were written where that is unusual.

    Attributes:
        table: `schema.INTERACTIONS`, sorted by (timestamp, user_id, movie_id).
        separator: between the values of a row.
        text_users: whether people were known by texts; they are numbered from 1 in the order of these.
    """

    table: pa.Table
    separator: str
    text_users: bool


def read(
    files: Files, layout: Layout, movie_ids: npt.NDArray[np.int32], bad: BadRows, scale: Scale = STARS
) -> Read:
    """Read ratings, sort them, and number the people where they are known by texts.

    Args:
        files: the archive or folder.
        layout: how it writes ratings.
        movie_ids: (m,) sorted; a rating of another movie is a bad row.
        bad: what to do with bad rows; counts them.
        scale: of the ratings.

    Raises:
        DataError: a bad row where those are errors, one fault in many rows, or nothing left.
    """
    table = _table(files, layout, scale)
    before, people = copy.deepcopy(bad.dropped), None
    try:
        columns = _columns(table, Check(table, layout, movie_ids, bad, scale), bad)
    except TextUsersError:
        bad.dropped, people = before, People()
        columns = _columns(table, Check(table, layout, movie_ids, bad, scale, people), bad)
        columns["user_id"] = people.in_order()[columns["user_id"]]
    interactions = pa.table(_sorted(columns, table, bad), schema=schema.INTERACTIONS)
    return Read(interactions, table.header.separator, people is not None)


def _table(files: Files, layout: Layout, scale: Scale) -> TextTable:
    if not layout.header:
        header = Header(list(layout.columns), layout.separator)
        return TextTable(files, layout.file, layout.columns, header, names_first=False)
    needed = tuple(name for name in layout.columns if scale.rated or name != RATING)
    return TextTable.with_header(files, layout.file, needed)


def _columns(table: TextTable, check: Check, bad: BadRows) -> Columns:
    parts: list[Columns] = []
    row = 0
    for batch in table.batches(bad):
        parts.append(check.batch(batch, row))
        row += batch.num_rows
    check.require_no_fault_in_many(row)
    if not parts or not sum(len(part["user_id"]) for part in parts):
        left = f"; all {row:,} were dropped: {bad.as_dict()}" if row else ""
        raise DataError(f"{table.name} holds no ratings{left}. Give it rows, or choose another data.source.")
    return {name: np.concatenate([part.pop(name) for part in parts]) for name in schema.INTERACTIONS.names}


def _sorted(columns: Columns, table: TextTable, bad: BadRows) -> Columns:
    """Sort in time; of rows with equal user, movie and time only the first in the file is kept."""
    keys = [columns["movie_id"], columns["user_id"], columns["timestamp"]]
    order = np.lexsort(keys)
    repeated = np.zeros(len(order), dtype=bool)
    repeated[1:] = np.logical_and.reduce([key[order[1:]] == key[order[:-1]] for key in keys])
    if repeated.any() and not bad.drops:
        row = int(order[repeated].min())
        user, movie, when = (int(columns[name][row]) for name in ("user_id", "movie_id", "timestamp"))
        problem = f"user {user} rates movie {movie} at {when} a second time"
        raise DataError(explain(table.name, table.line_of(row), problem))
    bad.count(table.name, "duplicate", int(repeated.sum()))
    order = order[~repeated]
    return {name: values[order] for name, values in columns.items()}
