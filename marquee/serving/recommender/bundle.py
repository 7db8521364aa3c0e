"""What the service loads: everything inference needs in one folder, checked before use.

`export_models`, `index_catalogue` and `train_neighbours` write the parts; `package_service` puts what
passed its gates into one folder, with a manifest: the checksum of every file, and one hash of them all
that names the bundle.
"""

import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from marquee.data.tables.facts import Titles
from marquee.models.features.history import HISTORY_FEATURES, QUERY_FEATURES
from marquee.models.features.pair import FEATURES
from marquee.models.neighbours.item_item import ItemItem
from marquee.pipeline import sections
from marquee.pipeline.arrays import Float32
from marquee.pipeline.params import RecommenderParams
from marquee.serving.recommender import bundle_files, catalogue_index, manifest
from marquee.serving.recommender.bundle_files import Parts
from marquee.serving.recommender.catalogue_index import Arrays, CatalogueIndex, Make
from marquee.serving.recommender.compact_titles import compact
from marquee.serving.recommender.manifest import BundleError
from marquee.serving.recommender.shared_arrays import SharedArrays
from marquee.serving.recommender.sources import registry, similar


class Settings(BaseModel):
    """What inference must know beside the arrays.

    Attributes:
        history_length: latest movies of a history that the query tower reads.
        embedding_dim: leading columns of a candidate embedding that are the movie's vector in a history.
        positive_rating: a rating at or above, in stars, is a liked movie.
        other_weight, disliked_below, disliked_weight: how much a movie that was not liked counts for the
            item-item weights, see `item_item.strengths`; an older bundle knows no dislikes.
        history_features: columns the query tower was trained on; likewise the two others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    history_length: int
    embedding_dim: int
    positive_rating: float
    other_weight: float
    disliked_below: float = 0.0
    disliked_weight: float = 0.0
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
        index: the catalogue, movies added later behind.
        of_sources: name of a file -> what the source that has it reads, of the whole catalogue.
    """

    settings: Settings
    query_tower: bytes
    dcn: bytes
    index: CatalogueIndex
    of_sources: Mapping[str, Any]

    @property
    def titles(self) -> Titles:
        """What a page shows of each movie."""
        return self.index.titles

    @property
    def neighbours(self) -> ItemItem:
        """Item-item weights of the whole catalogue: a source, and what tells reasons."""
        weights: ItemItem = self.of_sources[similar.NEIGHBOURS.name]
        return weights

    @property
    def history_vectors(self) -> Float32:
        """(num_movies, embedding_dim) what the query tower reads of a movie; a view."""
        return self.index.candidates[:, : self.settings.embedding_dim]


@dataclass(frozen=True)
class Packaged:
    """A verified bundle and what was packaged with it."""

    bundle: Bundle
    recommender: RecommenderParams
    content_hash: str


def read(parts: Parts, share: Callable[[Make], Arrays] | None = None) -> Bundle:
    """Read models and catalogue.

    Args:
        parts: where they lie.
        share: as `catalogue_index.read` has it.

    Raises:
        BundleError: a file is missing or unreadable, or made for other features than this code computes.
    """
    try:
        settings = Settings.model_validate_json(parts.settings.read_text(encoding="utf-8"))
        index = catalogue_index.read(parts.catalogue, parts.additions, share)
        index = replace(index, titles=compact(index.titles))
        of_sources = {
            name: part.read(parts.of_sources[name], len(index)) for name, part in registry.parts().items()
        }
        query_tower, dcn = parts.query_tower.read_bytes(), parts.dcn.read_bytes()
    except (OSError, ValidationError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BundleError(f"{parts.settings.parent} cannot be read: {error}. Run `dvc repro`.") from error
    _check_features(settings, parts.settings)
    return Bundle(settings, query_tower, dcn, index, of_sources)


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


def open_packaged(folder: Path, shared: SharedArrays | None = None) -> Packaged:
    """Verify a bundle, then read it.

    Args:
        folder: of the bundle.
        shared: with whom its large arrays are shared; None: with nobody.

    Raises:
        BundleError: missing, of another schema, incomplete or altered.
    """
    content_hash = manifest.verify(folder)
    file = folder / bundle_files.RECOMMENDER
    recommender = sections.validate("recommender", RecommenderParams, json.loads(file.read_bytes()), file)
    share = None if shared is None else partial(shared.get, content_hash)
    return Packaged(read(bundle_files.parts_of(folder), share), recommender, content_hash)
