"""What the service loads: everything inference needs in one folder, checked before use.

`export_models` writes the models and the catalogue; `package_service` puts what passed its gates beside
them, with a manifest: the checksum of every file, and one hash of them all that names the bundle.
"""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from stages import params, paths
from stages.data.catalogue import Catalogue
from stages.data.features import HISTORY_FEATURES, QUERY_FEATURES
from stages.data.interactions import Float32, Int32
from stages.files import write_json, write_text, write_whole
from stages.ranking.features import FEATURES, Movies, MovieStatistics

SCHEMA_VERSION = 1
"""Raise it when a file of the bundle changes its meaning: older bundles are then refused, not misread."""
MANIFEST = "manifest.json"
RECOMMENDER = "recommender.json"
REEXPORT = "Run `dvc repro export_models`."
REPACKAGE = "Run `dvc repro package_service`."


class BundleError(ValueError):
    """The bundle cannot be served; the message says what is wrong with it and what to do."""


class Settings(BaseModel):
    """What inference must know beside the arrays.

    Attributes:
        history_length: latest movies of a history that the query tower reads.
        embedding_dim: leading columns of a candidate embedding that are the movie's vector in a history.
        positive_rating: a rating at or above, in stars, is a liked movie.
        history_features: columns the query tower was trained on; likewise the two others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    history_length: int
    embedding_dim: int
    positive_rating: float
    history_features: tuple[str, ...] = HISTORY_FEATURES
    query_features: tuple[str, ...] = QUERY_FEATURES
    ranking_features: tuple[str, ...] = FEATURES


@dataclass(frozen=True)
class Titles:
    """What a page shows of each movie, by movie_index.

    Attributes:
        movie_id: MovieLens' ids.
        title: without the year.
        year: of release; 0 where unknown.
        genres: names.
    """

    movie_id: list[int]
    title: list[str]
    year: list[int]
    genres: list[list[str]]


@dataclass(frozen=True)
class Bundle:
    """Models and catalogue as inference takes them.

    Attributes:
        settings: see there.
        query_tower: LiteRT model.
        dcn: LiteRT model.
        candidates: (num_movies, D) float32, candidate embeddings.
        positive_count: (num_movies,) int32, positive ratings in the fitted period.
        movies: facts and statistics, for the ranker's features.
        titles: for people.
    """

    settings: Settings
    query_tower: bytes
    dcn: bytes
    candidates: Float32
    positive_count: Int32
    movies: Movies
    titles: Titles

    @property
    def history_vectors(self) -> Float32:
        """(num_movies, embedding_dim) what the query tower reads of a movie; a view."""
        return self.candidates[:, : self.settings.embedding_dim]


@dataclass(frozen=True)
class Packaged:
    """A verified bundle and what was packaged with it."""

    bundle: Bundle
    recommender: params.Recommender
    content_hash: str


def write_models(bundle: Bundle, out: paths.Exported) -> None:
    """Write what `read_models` reads; equal contents give equal bytes."""
    arrays: dict[str, Any] = {"candidates": bundle.candidates, "positive_count": bundle.positive_count}
    for part in (bundle.movies.catalogue, bundle.movies.statistics):
        arrays |= {field.name: getattr(part, field.name) for field in fields(part)}
    titles = bundle.titles
    rows = zip(titles.movie_id, titles.title, titles.year, titles.genres, strict=True)
    lines = (
        json.dumps(dict(zip(("movie_id", "title", "year", "genres"), row, strict=True)), ensure_ascii=False)
        for row in rows
    )
    write_whole(out.query_tower, lambda temporary: temporary.write_bytes(bundle.query_tower))
    write_whole(out.dcn, lambda temporary: temporary.write_bytes(bundle.dcn))
    write_whole(out.catalogue, lambda temporary: np.savez(temporary, **arrays))
    write_text(out.movies, "[\n" + ",\n".join(lines) + "\n]\n")
    write_json(out.settings, bundle.settings.model_dump())


def read_models(exported: paths.Exported) -> Bundle:
    """Read what `write_models` wrote.

    Raises:
        BundleError: a file is missing or unreadable, or made for other features than this code computes.
    """
    try:
        settings = Settings.model_validate_json(exported.settings.read_text(encoding="utf-8"))
        with np.load(exported.catalogue) as arrays:
            catalogue = Catalogue(**{field.name: arrays[field.name] for field in fields(Catalogue)})
            statistics = MovieStatistics(
                **{field.name: arrays[field.name] for field in fields(MovieStatistics)}
            )
            candidates, positive_count = arrays["candidates"], arrays["positive_count"]
        movies = json.loads(exported.movies.read_text(encoding="utf-8"))
        titles = Titles(**{field.name: [movie[field.name] for movie in movies] for field in fields(Titles)})
        query_tower, dcn = exported.query_tower.read_bytes(), exported.dcn.read_bytes()
    except (OSError, ValidationError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BundleError(
            f"{exported.folder} cannot be read: {error}. Run `dvc repro export_models`."
        ) from error
    _check_features(settings, exported)
    return Bundle(
        settings, query_tower, dcn, candidates, positive_count, Movies(catalogue, statistics), titles
    )


def _check_features(settings: Settings, exported: paths.Exported) -> None:
    computed = {
        "history_features": HISTORY_FEATURES,
        "query_features": QUERY_FEATURES,
        "ranking_features": FEATURES,
    }
    for name, columns in computed.items():
        trained: tuple[str, ...] = getattr(settings, name)
        if trained != columns:
            raise BundleError(
                f"{exported.settings}: the models were trained on {name} {', '.join(trained)}; "
                f"this code computes {', '.join(columns)}. {REEXPORT}"
            )


def total_bytes(files: Mapping[str, Path | bytes]) -> int:
    """Size of what `write` would write, the manifest left out."""
    return sum(len(part) if isinstance(part, bytes) else part.stat().st_size for part in files.values())


def write(files: Mapping[str, Path | bytes], folder: Path) -> str:
    """Write a bundle whole: into a folder beside `folder`, which then takes its place.

    Args:
        files: name within the bundle -> a file to copy, or its bytes.
        folder: of the bundle; what stood there is replaced, or stays where writing fails.

    Returns:
        The content hash.
    """
    part, old = folder.with_name(f".{folder.name}.part"), folder.with_name(f".{folder.name}.old")
    for leftover in (part, old):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        for name, source in files.items():
            content = source if isinstance(source, bytes) else source.read_bytes()
            write_whole(part / name, partial(Path.write_bytes, data=content))
        checksums = {name: _sha256(part / name) for name in files}
        content_hash = _content_hash(checksums)
        manifest = {"schema_version": SCHEMA_VERSION, "content_hash": content_hash, "files": checksums}
        write_json(part / MANIFEST, manifest)
        if folder.exists():
            folder.rename(old)
        part.rename(folder)
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        for leftover in (part, old):
            shutil.rmtree(leftover, ignore_errors=True)
    return content_hash


def open_packaged(folder: Path) -> Packaged:
    """Verify a bundle, then read it.

    Raises:
        BundleError: missing, of another schema, incomplete or altered.
    """
    content_hash = verify(folder)
    recommender = params.validate(
        "recommender",
        params.Recommender,
        json.loads((folder / RECOMMENDER).read_bytes()),
        folder / RECOMMENDER,
    )
    return Packaged(read_models(paths.Exported(folder)), recommender, content_hash)


def verify(folder: Path) -> str:
    """Check every file of a bundle against its manifest; returns the content hash."""
    manifest = _read_manifest(folder / MANIFEST)
    version = manifest.get("schema_version")
    if version != SCHEMA_VERSION:
        raise BundleError(
            f"{folder} has schema version {version}; this code reads version {SCHEMA_VERSION}. {REPACKAGE}"
        )
    checksums = manifest.get("files")
    if not isinstance(checksums, dict) or manifest.get("content_hash") != _content_hash(checksums):
        raise BundleError(
            f"{folder / MANIFEST} was altered: its content hash is not that of its files. {REPACKAGE}"
        )
    for name, expected in checksums.items():
        if not (folder / name).is_file():
            raise BundleError(f"{folder / name} is missing, though the manifest lists it. {REPACKAGE}")
        received = _sha256(folder / name)
        if received != expected:
            raise BundleError(
                f"{folder / name} is corrupted: its SHA-256 is {received}, the manifest says {expected}. "
                f"{REPACKAGE}"
            )
    return str(manifest["content_hash"])


def _read_manifest(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise BundleError(f"There is no bundle: {path} is missing. {REPACKAGE}")
    try:
        manifest = json.loads(path.read_bytes())
    except ValueError as error:
        raise BundleError(f"{path} is not valid JSON: {error}. {REPACKAGE}") from error
    if not isinstance(manifest, dict):
        raise BundleError(f"{path} must hold a JSON object; it holds {type(manifest).__name__}. {REPACKAGE}")
    return manifest


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _content_hash(checksums: Mapping[str, str]) -> str:
    lines = "".join(f"{checksum}  {name}\n" for name, checksum in sorted(checksums.items()))
    return hashlib.sha256(f"schema {SCHEMA_VERSION}\n{lines}".encode()).hexdigest()
