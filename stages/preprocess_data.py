"""Stage `preprocess_data`: split interactions in time and build the tables the models read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from marquee.data.preparation import movie_encoder, splits
from marquee.data.tables import catalogue, interactions, schema
from marquee.data.tables.interactions import TRAIN, Interactions
from marquee.pipeline import paths
from marquee.pipeline.files import write_json, write_whole
from marquee.pipeline.params import Params, PreprocessData
from marquee.pipeline.stage import Log, run_stage

STAGE = "preprocess_data"


def run(params: Params, log: Log) -> None:
    """Read the raw tables, split, encode the catalogue, write `data/processed`."""
    rated = pd.read_parquet(paths.RAW.interactions)
    schema.RATED.validate(rated)
    movies = join_movies(pd.read_parquet(paths.RAW.movies), pd.read_parquet(paths.RAW.metadata))
    table = build_interactions(rated, movies["movie_id"].to_numpy(), params.preprocess_data, params.seed)
    seen = np.zeros(len(movies), dtype=bool)
    seen[table.movie_index[table.period == TRAIN]] = True
    encoder = movie_encoder.fit(
        movies, seen, params.preprocess_data.text_dim, params.preprocess_data.min_word_count, params.seed
    )
    encoded = encoder.encode(movies)

    interactions.write(table, paths.PROCESSED.interactions)
    write_movies(movies, paths.PROCESSED.movies)
    movie_encoder.write(encoder, paths.PROCESSED.movie_encoder)
    encoded.write(paths.PROCESSED.movie_features)
    manifest = describe(table, encoded, params.preprocess_data)
    write_json(paths.PROCESSED.manifest, manifest)
    log.info("%d interactions of %d movies: %s", len(table), len(movies), manifest["interactions"])


def join_movies(movies: pd.DataFrame, metadata: pd.DataFrame) -> pd.DataFrame:
    """One row a movie with `movie_index`; metadata that is missing is empty, never null."""
    joined = movies.merge(metadata, on="movie_id", how="left", validate="one_to_one")
    joined = joined.sort_values("movie_id", ignore_index=True)
    for column in ("genres", "keywords", "cast", "directors"):
        joined[column] = [
            list(value) if isinstance(value, list | np.ndarray) else [] for value in joined[column]
        ]
    for column in ("overview", "language", "release_date"):
        joined[column] = joined[column].astype("object").where(joined[column].notna(), "")
    joined.insert(0, "movie_index", np.arange(len(joined), dtype=np.int32))
    return joined


def build_interactions(
    rated: pd.DataFrame, movie_ids: np.ndarray[Any, Any], values: PreprocessData, seed: int
) -> Interactions:
    """Sort by user and time, replace ids by row numbers, give every interaction its period."""
    users, user_index = np.unique(rated["user_id"].to_numpy(), return_inverse=True)
    movie_index = np.searchsorted(movie_ids, rated["movie_id"].to_numpy())
    timestamp = rated["timestamp"].to_numpy()
    order = np.lexsort((movie_index, timestamp, user_index))
    sorted_users = user_index[order].astype(np.int32)
    timestamp = timestamp[order]
    return Interactions(
        user_index=sorted_users,
        movie_index=movie_index[order].astype(np.int32),
        half_stars=rated["half_stars"].to_numpy()[order],
        timestamp=timestamp,
        period=splits.assign_periods(sorted_users, timestamp, values, seed),
        num_users=len(users),
        num_movies=len(movie_ids),
    )


def write_movies(movies: pd.DataFrame, path: Path) -> None:
    """Write the movies table as Parquet."""
    table = pa.Table.from_pandas(movies, preserve_index=False).replace_schema_metadata(None)
    write_whole(path, lambda temporary: pq.write_table(table, temporary, compression="zstd"))


def describe(table: Interactions, encoded: catalogue.Catalogue, values: PreprocessData) -> Mapping[str, Any]:
    """Counts by period, the cutoffs as timestamps, and the widths of the movie features."""
    counts = {name: int((table.period == code).sum()) for name, code in splits.PERIOD_CODES.items()}
    counts["context"] = len(table) - sum(counts.values())
    starts = {
        name: int(table.timestamp[table.period == code].min()) for name, code in splits.PERIOD_CODES.items()
    }
    return {
        "split": values.split,
        "num_users": table.num_users,
        "num_movies": table.num_movies,
        "interactions": counts,
        "first_timestamp": starts,
        "features": {
            "genres": encoded.genres.shape[1],
            "language": encoded.language.shape[1],
            "text": encoded.text.shape[1],
        },
    }


if __name__ == "__main__":
    run_stage(run)
