"""The movies table that is processed: source and metadata joined, row numbers, nothing null."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from marquee.data.tables import facts
from marquee.data.tables.facts import Fact
from marquee.pipeline.files import write_whole


def join(movies: pa.Table, metadata: pa.Table) -> pd.DataFrame:
    """Join the metadata to the movies: a row per movie, with its `movie_index`; what is missing is empty.

    Args:
        movies: `schema.MOVIES`.
        metadata: `schema.METADATA`, of some of the movies.
    """
    joined: pd.DataFrame = movies.to_pandas().merge(
        metadata.to_pandas(), on="movie_id", how="left", validate="one_to_one"
    )
    joined = joined.sort_values("movie_id", ignore_index=True)
    for fact in facts.FACTS:
        if fact.kind == "names" or fact.table == "metadata":
            joined[fact.name] = _without_nulls(joined[fact.name], fact)
    joined.insert(0, "movie_index", np.arange(len(joined), dtype=np.int32))
    return joined


def _without_nulls(column: "pd.Series[Any]", fact: Fact) -> "pd.Series[Any]":
    if fact.kind == "names":
        lists = [list(names) if isinstance(names, np.ndarray) else [] for names in column]
        return pd.Series(lists, dtype="object")
    if fact.kind == "number":
        return column.fillna(0).astype("int16")
    return column.astype("object").where(column.notna(), "")


def write(movies: pd.DataFrame, path: Path) -> None:
    """Write the joined movies as Parquet."""
    table = pa.Table.from_pandas(movies, preserve_index=False).replace_schema_metadata(None)
    write_whole(path, lambda temporary: pq.write_table(table, temporary, compression="zstd"))
