"""One source of ratings, its metadata, and what the service recorded, in one schema, with a manifest."""

import difflib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pooch
import pyarrow as pa

from marquee.data.sources import feedback, kaggle, licences, metadata, movielens, simulated, tmdb
from marquee.data.sources.files import downloads
from marquee.data.sources.files.looking import is_file, is_folder
from marquee.data.sources.files.rules import BadRows, DataError, quoted
from marquee.data.sources.loading import Fetched, Loader, Request
from marquee.data.tables import schema
from marquee.pipeline import paths
from marquee.pipeline.params import Data, Sample

LOADERS = (simulated.LOADER, movielens.ARCHIVES, movielens.OWN)
"""Every kind of source: one more is a module with a `Loader`, and an entry here."""

INCLUDED, NONE, TMDB_API = "included", "none", "tmdb-api"
"""Values of `data.metadata` beside the path of a snapshot."""

OTHER_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")


def fetch(
    data: Data,
    sample: Sample,
    seed: int,
    films: Path = paths.SAMPLE_FILMS,
    loaders: Sequence[Loader] = LOADERS,
    tmdb_network: tmdb.Network | None = None,
) -> Fetched:
    """Fetch the source that `data` names, and its metadata.

    Args:
        data: source, metadata, recorded feedback and what to do with bad rows.
        sample: size of the simulated source.
        seed: of the simulated source.
        films: its catalogue.
        loaders: the kinds of source.
        tmdb_network: where TMDB lies, and how patiently it is asked.

    Raises:
        DataError: an unknown source, an archive that cannot be had, a bad row where those are errors,
            metadata for other movies, a folder without feedback.
    """
    loader = _loader_of(data.source, loaders)
    _check_metadata(data.metadata)
    bad = BadRows(data.on_bad_rows)
    fetched = loader.load(Request(data.source, bad, sample, seed, films, data.rating_scale))
    fetched = feedback.join(_with_metadata(fetched, data.metadata, tmdb_network), data.feedback)
    return replace(fetched, about=fetched.about | {"dropped_rows": bad.as_dict()})


def _loader_of(source: str, loaders: Sequence[Loader]) -> Loader:
    for loader in loaders:
        if loader.takes(source):
            return loader
    names = [name for loader in loaders for name in loader.names]
    raise DataError(_unknown("data.source", source, names, [loader.allowed for loader in loaders]))


def _check_metadata(name: str) -> None:
    names = [INCLUDED, NONE, TMDB_API]
    known = name in names or is_file(name) or (bool(name) and kaggle.copy_in(Path(name)) is not None)
    if not known or kaggle.is_file_of_one(Path(name)):
        allowed = [*names, "the path of a Parquet snapshot, or of a folder with Kaggle's files"]
        raise DataError(_unknown("data.metadata", name, names, allowed))


def _unknown(key: str, value: str, names: list[str], allowed: list[str]) -> str:
    near = difflib.get_close_matches(value, names, n=1)
    hint = f' Did you mean "{near[0]}"?' if near else ""
    listed = f"{', '.join(allowed[:-1])}, or {allowed[-1]}"
    shown = quoted(value) if value else ""
    return f'{key} "{shown}" is unknown, {_why_no_path(value)}.{hint}\nAllowed: {listed}.'


def _why_no_path(value: str) -> str:
    """What is there under the value, seen as a path, and what to do with it."""
    at_file = is_file(value)
    if not value:
        return "since it is empty"
    if value.startswith("~"):
        return "since ~ is not expanded: write the whole path"
    if is_folder(value):
        needed = " or ".join(copy.movies for copy in kaggle.COPIES)
        return f"since it is a folder without {needed}: add that, or name the snapshot in it"
    if value.endswith(OTHER_ARCHIVES) and at_file:
        return "since it is an archive of a kind that is not read: unpack it and name the folder"
    return "since it is a file: name its folder" if at_file else "and no such path exists"


def _with_metadata(fetched: Fetched, name: str, network: tmdb.Network | None) -> Fetched:
    """Replace the metadata by what `data.metadata` names, and say in `about` how far it reaches."""
    table, terms = fetched.metadata, fetched.licences
    about: dict[str, Any] = {"source": name}
    if name == INCLUDED:
        about |= metadata.coverage(fetched.movies, table)
    elif name == NONE:
        table = schema.METADATA.empty_table()
    else:
        found, about = _tmdb_facts(fetched.movies, name, network)
        joined = metadata.join(fetched.movies, found, name)
        table, about, terms = joined.table, about | joined.coverage, [*terms, licences.TMDB]
    return replace(fetched, metadata=table, about=fetched.about | {"metadata": about}, licences=terms)


def _tmdb_facts(
    movies: pa.Table, name: str, network: tmdb.Network | None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    ids = sorted({number for number in movies.column("tmdb_id").to_pylist() if number})
    if name != TMDB_API and is_folder(name):
        copied = kaggle.read(Path(name), ids)
        return copied.facts, copied.about
    if name != TMDB_API:
        facts = metadata.read_snapshot(Path(name))
        return facts, {"source": "snapshot", "md5": str(pooch.file_hash(name, alg="md5"))}
    key = os.environ.get(tmdb.KEY_VARIABLE, "")
    collected = tmdb.collect(ids, key, downloads.cache_folder() / "tmdb", network)
    return collected.facts, {"source": TMDB_API, "not_found_at_tmdb": collected.missing}
