"""What a loader is: it knows one kind of source and brings its tables into the raw schema."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from marquee.data.sources.files.looking import is_file, is_folder
from marquee.data.sources.files.rules import BadRows
from marquee.data.tables import schema
from marquee.pipeline import paths
from marquee.pipeline.files import write_json, write_whole
from marquee.pipeline.params import Sample

ROW_GROUP = 1 << 20
"""Rows of a Parquet row group."""


@dataclass(frozen=True)
class Request:
    """What a loader may need to know.

    Attributes:
        source: the value of `data.source`.
        bad: what to do with bad rows; counts those that are dropped.
        sample: size of the simulated source.
        seed: of the simulated source.
        films: the catalogue of the simulated source.
        rating_scale: one of `rules.SCALES`.
    """

    source: str
    bad: BadRows
    sample: Sample
    seed: int
    films: Path
    rating_scale: str = "stars"


@dataclass(frozen=True)
class Fetched:
    """A source's tables in the raw schema, and what the manifest says of it.

    Attributes:
        interactions, movies, metadata, oracle: see `marquee/data/tables/schema.py`; the oracle has rows for
            simulated data only.
        feedback: which of the interactions the service recorded; None: it was not asked for.
        about: the source, its checksums, how far its metadata reaches, the dropped rows by file and rule.
        licences: whose data it is and how to cite it (`licences.py`).
    """

    interactions: pa.Table
    movies: pa.Table
    metadata: pa.Table
    about: dict[str, Any]
    licences: list[dict[str, str]]
    oracle: pa.Table = field(default_factory=schema.ORACLE.empty_table)
    feedback: pa.Table | None = None

    @property
    def rows_dropped(self) -> int:
        """How many bad rows were left out."""
        return sum(sum(rules.values()) for rules in self.about.get("dropped_rows", {}).values())

    def manifest(self) -> dict[str, Any]:
        """What `about` says, the counts and the licences."""
        counts = {
            "interactions": len(self.interactions),
            "users": len(self.interactions.column("user_id").unique()),
            "movies": len(self.movies),
            "rated_movies": len(self.interactions.column("movie_id").unique()),
            "movies_with_metadata": len(self.metadata),
        }
        return self.about | {"counts": counts, "licences": self.licences}

    def write(self, to: paths.Raw) -> None:
        """Write the tables and the manifest."""
        write_table(self.interactions, to.interactions)
        write_table(self.movies, to.movies)
        write_table(self.metadata, to.metadata)
        write_table(self.oracle, to.oracle)
        to.feedback.unlink(missing_ok=True)
        if self.feedback is not None:
            write_table(self.feedback, to.feedback)
        write_json(to.manifest, self.manifest())


@dataclass(frozen=True)
class Loader:
    """One kind of source; `fetching.LOADERS` lists them all.

    Attributes:
        load: takes a source of this kind. Raises DataError where it cannot be had or breaks a rule.
        names: the values of `data.source` that are of this kind.
        folder: for a kind of folder or zip, what must be in it, for the message that lists what is allowed.
    """

    load: Callable[[Request], Fetched]
    names: tuple[str, ...] = ()
    folder: str = ""

    def takes(self, source: str) -> bool:
        """Whether a value of `data.source` is of this kind."""
        if source in self.names or not (self.folder and source):
            return source in self.names
        return is_folder(source) or (source.lower().endswith(".zip") and is_file(source))

    @property
    def allowed(self) -> str:
        """The values of `data.source` that are of this kind, in words."""
        return ", ".join(self.names) or f"the path of a folder or a zip with {self.folder}"


def write_table(table: pa.Table, path: Path) -> None:
    """Write Parquet with every choice fixed, so that equal tables give equal bytes."""
    write_whole(
        path,
        lambda temporary: pq.write_table(
            table, temporary, compression="zstd", compression_level=3, row_group_size=ROW_GROUP, version="2.6"
        ),
    )
