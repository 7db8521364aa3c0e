"""The one class that flows through the pipeline: interactions sorted by user, then time."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from marquee.pipeline.arrays import Bool, Float32, Int32, Int64, Uint8
from marquee.pipeline.files import write_whole

TRAIN, VALIDATION, TEST, CONTEXT = 0, 1, 2, 3
"""Values of `period`. CONTEXT rows are history only: never fitted on, never a target."""


@dataclass(frozen=True)
class Interactions:
    """Ratings in time, sorted by (user_index, timestamp, movie_index), as columns of length n.

    Attributes:
        user_index: (n,) int32, row number of the person.
        movie_index: (n,) int32, row number in the movies table.
        half_stars: (n,) uint8, 1 to 10; `rating` has it in stars.
        timestamp: (n,) int64, seconds since 1970 in UTC.
        period: (n,) uint8, TRAIN, VALIDATION, TEST or CONTEXT.
        num_users: how many people there are; some may have no row.
        num_movies: size of the whole catalogue.
    """

    user_index: Int32
    movie_index: Int32
    half_stars: Uint8
    timestamp: Int64
    period: Uint8
    num_users: int
    num_movies: int

    def __len__(self) -> int:
        return len(self.user_index)

    @classmethod
    def from_ratings(cls, rated: Any, movie_ids: Int32) -> "Interactions":
        """Sort ratings by user, then time, and put row numbers for ids; every period is TRAIN for now.

        Args:
            rated: Arrow table of `schema.INTERACTIONS`, in any order.
            movie_ids: (num_movies,) of the whole catalogue, sorted: a movie's row number is its place here.

        Raises:
            InteractionsError: no ratings, or ratings of movies that the catalogue lacks.
        """
        if len(rated) == 0:
            raise InteractionsError("The interactions table is empty. Run fetch_data again.")
        user_id, movie_id, half_stars, timestamp = (
            rated[name].to_numpy() for name in ("user_id", "movie_id", "half_stars", "timestamp")
        )
        users, user_index = np.unique(user_id, return_inverse=True)
        movie_index = np.searchsorted(movie_ids, movie_id)
        _check_known(movie_id, movie_index, movie_ids)
        order = np.lexsort((movie_index, timestamp, user_index))
        return cls(
            user_index=user_index[order].astype(np.int32),
            movie_index=movie_index[order].astype(np.int32),
            half_stars=half_stars[order],
            timestamp=timestamp[order],
            period=np.full(len(order), TRAIN, dtype=np.uint8),
            num_users=len(users),
            num_movies=len(movie_ids),
        )

    @cached_property
    def rating(self) -> Float32:
        """(n,) float32 ratings in stars, 0.5 to 5."""
        return self.half_stars.astype(np.float32) * np.float32(0.5)

    @cached_property
    def user_starts(self) -> Int64:
        """(num_users + 1,) row at which each user's rows start; user u owns [u, u + 1)."""
        return np.searchsorted(self.user_index, np.arange(self.num_users + 1)).astype(np.int64)

    @cached_property
    def history_start(self) -> Int64:
        """(n,) first row of the same user."""
        return self.user_starts[self.user_index]

    @cached_property
    def history_end(self) -> Int64:
        """(n,) first row of the same user with the same timestamp: history is strictly earlier."""
        changes = np.ones(len(self), dtype=bool)
        changes[1:] = (self.user_index[1:] != self.user_index[:-1]) | (
            self.timestamp[1:] != self.timestamp[:-1]
        )
        first = np.where(changes, np.arange(len(self), dtype=np.int64), 0)
        return np.maximum.accumulate(first)

    def only(self, keep: Bool) -> "Interactions":
        """The rows where `keep` is true, in the same order and with the same indices."""
        return Interactions(
            self.user_index[keep],
            self.movie_index[keep],
            self.half_stars[keep],
            self.timestamp[keep],
            self.period[keep],
            self.num_users,
            self.num_movies,
        )

    def in_periods(self, *periods: int) -> "Interactions":
        """The rows of these periods."""
        return self.only(np.isin(self.period, periods))

    def rated_in(self, period: int) -> Bool:
        """(num_movies,) whether anybody rates the movie in this period."""
        return np.bincount(self.movie_index[self.period == period], minlength=self.num_movies) > 0


class InteractionsError(ValueError):
    """Ratings that do not fit the catalogue; the message says how."""


def _check_known(movie_id: Int32, movie_index: Int64, movie_ids: Int32) -> None:
    known = np.zeros(len(movie_id), dtype=bool)
    if len(movie_ids):
        known = movie_ids[np.minimum(movie_index, len(movie_ids) - 1)] == movie_id
    if not known.all():
        unknown = np.unique(movie_id[~known])
        raise InteractionsError(
            f"The interactions rate {len(unknown):,} movies that the movies table lacks, "
            f"movie_id {unknown[0]} for one. Run fetch_data again."
        )


def packed(start: Int64, end: Int64) -> tuple[Int64, Int64]:
    """The rows of several people's histories side by side: what a batch reads, however long the table is.

    Args:
        start: (e,) first row of each history; equal for events of one person.
        end: (e,) one past its last row.

    Returns:
        (h,) the rows, each person's once, and (e,) how far each event's rows have moved: row r stands at
        r - shift.
    """
    people, person = np.unique(start, return_inverse=True)
    length = np.zeros(len(people), dtype=np.int64)
    np.maximum.at(length, person, end - start)
    offset = np.cumsum(length) - length
    rows = np.repeat(people - offset, length) + np.arange(length.sum())
    return rows, (people - offset)[person]


COLUMNS = ("user_index", "movie_index", "half_stars", "timestamp", "period")


def write(interactions: Interactions, path: Path) -> None:
    """Write as Parquet, sizes in the file's metadata."""
    import pyarrow as pa  # here, not above: the service imports this module's types and has no pyarrow
    import pyarrow.parquet as pq

    table = pa.table({name: getattr(interactions, name) for name in COLUMNS})
    sizes = {"num_users": str(interactions.num_users), "num_movies": str(interactions.num_movies)}
    table = table.replace_schema_metadata(sizes)
    write_whole(path, lambda temporary: pq.write_table(table, temporary, compression="zstd"))


def read(path: Path) -> Interactions:
    """Read what `write` wrote."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    columns = {name: table.column(name).to_numpy() for name in COLUMNS}
    sizes = table.schema.metadata
    return Interactions(**columns, num_users=int(sizes[b"num_users"]), num_movies=int(sizes[b"num_movies"]))
