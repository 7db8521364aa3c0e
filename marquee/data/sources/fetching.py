"""One source of ratings and its metadata, in one schema, with a manifest."""

import difflib
import logging
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pooch
import pyarrow as pa
import pyarrow.parquet as pq

from marquee.data.sample.sample import simulate
from marquee.data.sources import archives, licences, metadata, movielens, tmdb
from marquee.data.sources.rules import BadRows, DataError
from marquee.data.tables import schema
from marquee.pipeline import paths
from marquee.pipeline.files import write_json, write_whole
from marquee.pipeline.params import Data, Sample

log = logging.getLogger("fetch_data")

SAMPLE, INCLUDED, NONE, TMDB_API = "sample", "included", "none", "tmdb-api"
ROW_GROUP = 1 << 20


@dataclass(frozen=True)
class Fetched:
    """A source's tables in the raw schema, and what the manifest says of it."""

    interactions: pa.Table
    movies: pa.Table
    metadata: pa.Table
    about: dict[str, Any]
    licences: list[dict[str, str]] = field(default_factory=list)
    oracle: pa.Table = field(default_factory=schema.ORACLE.empty_table)  # simulated data only


def fetch(
    out: paths.Raw,
    data: Data,
    sample: Sample,
    seed: int,
    films: Path = paths.SAMPLE_FILMS,
    network: archives.Network | None = None,
    tmdb_network: tmdb.Network | None = None,
) -> None:
    """Fetch the source that `data` names and write its tables and manifest.

    Args:
        out: where the tables go.
        data: source, metadata and what to do with bad rows.
        sample: size of the simulated source.
        seed: of the simulated source.
        films: its catalogue.
        network: where GroupLens' archives lie, and with how much patience to ask.
        tmdb_network: the same for TMDB.

    Raises:
        DataError: an unknown source, an archive that cannot be had, a bad row where those are errors,
            metadata for other movies.
    """
    _check_names(data)
    log.info("source %s, metadata %s", data.source, data.metadata)
    bad = BadRows(data.on_bad_rows)
    fetched = _simulated(films, sample, seed) if data.source == SAMPLE else _rated(data.source, bad, network)
    fetched = _with_metadata(fetched, data, tmdb_network)
    for name, path in (
        ("interactions", out.interactions),
        ("movies", out.movies),
        ("metadata", out.metadata),
        ("oracle", out.oracle),
    ):
        write_table(getattr(fetched, name), path)
    write_json(out.manifest, _manifest(fetched, bad))
    log.info(
        "%s interactions, %s movies, %s with metadata; %s rows dropped",
        *(f"{n:,}" for n in (len(fetched.interactions), len(fetched.movies), len(fetched.metadata))),
        f"{sum(sum(rules.values()) for rules in bad.dropped.values()):,}",
    )


def write_table(table: pa.Table, path: Path) -> None:
    """Write Parquet with every choice fixed, so that equal tables give equal bytes."""
    write_whole(
        path,
        lambda temporary: pq.write_table(
            table, temporary, compression="zstd", compression_level=3, row_group_size=ROW_GROUP, version="2.6"
        ),
    )


def _check_names(data: Data) -> None:
    sources = [SAMPLE, *archives.CHECKSUMS]
    if data.source not in sources and not Path(data.source).is_dir():
        allowed = f"{', '.join(sources)}, or the path of a folder with ratings.csv and movies.csv"
        raise DataError(_unknown("data.source", data.source, sources, allowed))
    kinds = [INCLUDED, NONE, TMDB_API]
    if data.metadata not in kinds and not Path(data.metadata).is_file():
        allowed = f"{', '.join(kinds)}, or the path of a Parquet snapshot"
        raise DataError(_unknown("data.metadata", data.metadata, kinds, allowed))


def _unknown(key: str, value: str, names: list[str], allowed: str) -> str:
    near = difflib.get_close_matches(value, names, n=1)
    hint = f' Did you mean "{near[0]}"?' if near else ""
    return f'{key} "{value}" is unknown, and no such path exists.{hint}\nAllowed: {allowed}.'


def _simulated(films: Path, params: Sample, seed: int) -> Fetched:
    simulated = simulate(films, params, seed)
    tables = (
        _as_table(simulated.interactions, schema.INTERACTIONS),
        _as_table(simulated.movies, schema.MOVIES),
        _as_table(simulated.metadata, schema.METADATA),
    )
    about = {"source": SAMPLE, "simulated": True, "md5": {films.name: _md5(films)}}
    known = _as_table(simulated.oracle, schema.ORACLE)
    return Fetched(*tables, about, [licences.SAMPLE], known)


def _as_table(frame: pd.DataFrame, kind: pa.Schema) -> pa.Table:
    table = pa.Table.from_pandas(frame[kind.names], schema=kind, preserve_index=False)
    return table.replace_schema_metadata(None)


def _rated(source: str, bad: BadRows, network: archives.Network | None) -> Fetched:
    if source in archives.CHECKSUMS:
        files = archives.open_archive(archives.find(source, network))
        about: dict[str, Any] = {"source": source}
        terms = licences.MOVIELENS
    else:
        files = archives.open_folder(Path(source))
        about = {"source": "folder"}
        terms = licences.OWN
    about["md5"] = files.md5()
    tables = movielens.read(files, bad)
    about["links_without_movie"] = tables.links_without_movie
    return Fetched(tables.interactions, tables.movies, schema.METADATA.empty_table(), about, [terms])


def _with_metadata(fetched: Fetched, data: Data, network: tmdb.Network | None) -> Fetched:
    """Replace the metadata by what `data.metadata` names, and say in `about` how far it reaches."""
    table, terms = fetched.metadata, fetched.licences
    about: dict[str, Any] = {"source": data.metadata}
    if data.metadata == INCLUDED:
        about |= metadata.coverage(fetched.movies, table)
    elif data.metadata == NONE:
        table = schema.METADATA.empty_table()
    else:
        facts, about = _tmdb_facts(fetched.movies, data.metadata, network)
        joined = metadata.join(fetched.movies, facts, data.metadata)
        table, about, terms = joined.table, about | joined.coverage, [*terms, licences.TMDB]
    return replace(fetched, metadata=table, about=fetched.about | {"metadata": about}, licences=terms)


def _tmdb_facts(
    movies: pa.Table, source: str, network: tmdb.Network | None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    if source != TMDB_API:
        return metadata.read_snapshot(Path(source)), {"source": "snapshot", "md5": _md5(Path(source))}
    ids = sorted({number for number in movies.column("tmdb_id").to_pylist() if number})
    collected = tmdb.collect(
        ids, os.environ.get(tmdb.KEY_VARIABLE, ""), archives.cache_folder() / "tmdb", network
    )
    return collected.facts, {"source": TMDB_API, "not_found_at_tmdb": collected.missing}


def _manifest(fetched: Fetched, bad: BadRows) -> dict[str, Any]:
    users = fetched.interactions.column("user_id")
    rated = fetched.interactions.column("movie_id")
    return fetched.about | {
        "counts": {
            "interactions": len(fetched.interactions),
            "users": len(users.unique()),
            "movies": len(fetched.movies),
            "rated_movies": len(rated.unique()),
            "movies_with_metadata": len(fetched.metadata),
        },
        "dropped_rows": bad.as_dict(),
        "licences": fetched.licences,
    }


def _md5(path: Path) -> str:
    return str(pooch.file_hash(str(path), alg="md5"))
