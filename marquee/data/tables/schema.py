"""The raw tables: their columns, types and rules.

`fetch_data` writes them whatever the source; everything after reads only these.
"""

import pandera.pandas as pa
import pyarrow as arrow

EARLIEST = 788_918_400  # 1995-01-01: MovieLens opened in that year
MISSING_YEAR = 0

INTERACTIONS = arrow.schema(
    [
        ("user_id", arrow.int32()),
        ("movie_id", arrow.int32()),
        ("half_stars", arrow.uint8()),  # 1 to 10: a rating in half stars
        ("timestamp", arrow.int64()),  # seconds since 1970, UTC
    ]
)
"""Sorted by (timestamp, user_id, movie_id); at most one row of a user, movie and time."""

MOVIES = arrow.schema(
    [
        ("movie_id", arrow.int32()),
        ("title", arrow.string()),  # without the year
        ("year", arrow.int16()),  # of release; 0 where unknown
        ("genres", arrow.list_(arrow.string())),
        ("tmdb_id", arrow.int32()),  # 0 where unknown
    ]
)
"""Sorted by movie_id, unique; the whole catalogue, rated or not."""

METADATA = arrow.schema(
    [
        ("movie_id", arrow.int32()),
        ("overview", arrow.string()),
        ("keywords", arrow.list_(arrow.string())),
        ("cast", arrow.list_(arrow.string())),
        ("directors", arrow.list_(arrow.string())),
        ("language", arrow.string()),  # ISO 639-1; empty where unknown
        ("release_date", arrow.string()),  # YYYY-MM-DD; empty where unknown
    ]
)
"""Sorted by movie_id, unique, a subset of the movies. Facts of the release only: what grows with
time (votes, popularity, revenue) knows the future and is left behind."""

ORACLE = arrow.schema(
    [
        ("user_id", arrow.int32()),
        ("movie_id", arrow.int32()),
        ("timestamp", arrow.int64()),
        ("rank", arrow.int16()),  # of the movie among the unseen, 1 is best
        ("expected_rating", arrow.float32()),  # in stars
    ]
)
"""The best reachable answer to each interaction of simulated data (`marquee/data/sample/oracle.py`), in the
order of the interactions; empty for data of real people."""

RATED = pa.DataFrameSchema(
    {
        "user_id": pa.Column("int32"),
        "movie_id": pa.Column("int32"),
        "half_stars": pa.Column("uint8", pa.Check.in_range(1, 10)),
        "timestamp": pa.Column("int64", pa.Check.ge(EARLIEST)),
    },
    strict=True,
    unique=["user_id", "movie_id", "timestamp"],
)
