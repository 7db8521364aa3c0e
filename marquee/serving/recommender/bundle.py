"""What the service loads: everything inference needs in one folder, checked before use.

`export_models`, `index_catalogue` and `train_neighbours` write the parts; `package_service` puts what
passed its gates into one folder, with a manifest: the checksum of every file, and one hash of them all
that names the bundle.
"""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from marquee.data.tables.facts import Titles
from marquee.models.features.history import HISTORY_FEATURES, QUERY_FEATURES
from marquee.models.features.pair import FEATURES
from marquee.models.neighbours import item_item
from marquee.models.neighbours.item_item import ItemItem
from marquee.pipeline import params, paths
from marquee.pipeline.arrays import Float32
from marquee.pipeline.files import read_json, write_json, write_whole
from marquee.serving.recommender import catalogue_index
from marquee.serving.recommender.catalogue_index import CatalogueIndex

SCHEMA_VERSION = 2
"""Raise it when a file of the bundle changes its meaning: older bundles are then refused, not misread."""
MANIFEST = "manifest.json"
RECOMMENDER = "recommender.json"
REPACKAGE = "Run `dvc repro package_service`."


class BundleError(ValueError):
    """The bundle cannot be served; the message says what is wrong with it and what to do."""


class Settings(BaseModel):
    """What inference must know beside the arrays.

    Attributes:
        history_length: latest movies of a history that the query tower reads.
        embedding_dim: leading columns of a candidate embedding that are the movie's vector in a history.
        positive_rating: a rating at or above, in stars, is a liked movie.
        other_weight: how much a movie that was not liked counts for the item-item weights.
        history_features: columns the query tower was trained on; likewise the two others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    history_length: int
    embedding_dim: int
    positive_rating: float
    other_weight: float
    history_features: tuple[str, ...] = HISTORY_FEATURES
    query_features: tuple[str, ...] = QUERY_FEATURES
    ranking_features: tuple[str, ...] = FEATURES


@dataclass(frozen=True)
class Bundle:
    """Models and catalogue as inference takes them.

    Attributes:
        settings: see there.
        query_tower: LiteRT model.
        dcn: LiteRT model.
        neighbours: item-item weights of the whole catalogue.
        index: the catalogue, movies added later behind.
    """

    settings: Settings
    query_tower: bytes
    dcn: bytes
    neighbours: ItemItem
    index: CatalogueIndex

    @property
    def titles(self) -> Titles:
        """What a page shows of each movie."""
        return self.index.titles

    @property
    def history_vectors(self) -> Float32:
        """(num_movies, embedding_dim) what the query tower reads of a movie; a view."""
        return self.index.candidates[:, : self.settings.embedding_dim]


@dataclass(frozen=True)
class Packaged:
    """A verified bundle and what was packaged with it."""

    bundle: Bundle
    recommender: params.RecommenderParams
    content_hash: str


@dataclass(frozen=True)
class Parts:
    """Where the files of a bundle lie: over the pipeline's folders, or together in the bundle's.

    `additions` is None where the movies added later are left out, as evaluation does.
    """

    query_tower: Path
    dcn: Path
    settings: Path
    neighbours: Path
    catalogue: paths.Index
    additions: paths.Index | None

    def named(self) -> dict[str, Path]:
        """Each file under the name it has in the bundle."""
        files = {
            "query_tower.tflite": self.query_tower,
            "dcn.tflite": self.dcn,
            "settings.json": self.settings,
            "neighbours.npz": self.neighbours,
        }
        for name, index in (("catalogue", self.catalogue), ("additions", self.additions)):
            if index is not None:
                files |= {f"{name}/{path.name}": path for path in (index.rows, index.titles)}
        return files


def parts_of_pipeline(additions: bool) -> Parts:
    """The parts as the stages leave them, the models in the variant that won."""
    exported = paths.EXPORTED
    try:
        won = exported.variant(read_json(exported.winner)["variant"])
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(
            f"{exported.winner} cannot be read: {error!r}. Run `dvc repro export_models`."
        ) from error
    return Parts(
        query_tower=won / "query_tower.tflite",
        dcn=won / "dcn.tflite",
        settings=exported.settings,
        neighbours=paths.NEIGHBOURS.weights,
        catalogue=paths.CATALOGUE_INDEX,
        additions=paths.ADDITIONS_INDEX if additions else None,
    )


def parts_of(folder: Path) -> Parts:
    """The parts of a bundle."""
    return Parts(
        query_tower=folder / "query_tower.tflite",
        dcn=folder / "dcn.tflite",
        settings=folder / "settings.json",
        neighbours=folder / "neighbours.npz",
        catalogue=paths.Index(folder / "catalogue"),
        additions=paths.Index(folder / "additions"),
    )


def read(parts: Parts) -> Bundle:
    """Read models and catalogue.

    Raises:
        BundleError: a file is missing or unreadable, or made for other features than this code computes.
    """
    try:
        settings = Settings.model_validate_json(parts.settings.read_text(encoding="utf-8"))
        index = catalogue_index.read(parts.catalogue)
        if parts.additions is not None:
            index = index.followed_by(catalogue_index.read(parts.additions))
        neighbours = item_item.read(parts.neighbours).grown_to(len(index))
        query_tower, dcn = parts.query_tower.read_bytes(), parts.dcn.read_bytes()
    except (OSError, ValidationError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BundleError(f"{parts.settings.parent} cannot be read: {error}. Run `dvc repro`.") from error
    _check_features(settings, parts.settings)
    return Bundle(settings, query_tower, dcn, neighbours, index)


def _check_features(settings: Settings, path: Path) -> None:
    computed = {
        "history_features": HISTORY_FEATURES,
        "query_features": QUERY_FEATURES,
        "ranking_features": FEATURES,
    }
    for name, columns in computed.items():
        trained: tuple[str, ...] = getattr(settings, name)
        if trained != columns:
            raise BundleError(
                f"{path}: the models were trained on {name} {', '.join(trained)}; "
                f"this code computes {', '.join(columns)}. Run `dvc repro export_models`."
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
        params.RecommenderParams,
        json.loads((folder / RECOMMENDER).read_bytes()),
        folder / RECOMMENDER,
    )
    return Packaged(read(parts_of(folder)), recommender, content_hash)


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
