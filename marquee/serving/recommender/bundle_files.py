"""The bundle's files: what each is called there, and where the pipeline leaves it before."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from marquee.pipeline import paths
from marquee.pipeline.files import read_json
from marquee.serving.recommender.manifest import BundleError
from marquee.serving.recommender.sources import registry

RECOMMENDER = "recommender.json"
"""How a list is put together: `RecommenderParams`, resolved."""
SERVING = "serving.json"
"""What the service takes on: `serving` of params.yaml."""
MODEL_CARD = "model_card.json"


@dataclass(frozen=True)
class Parts:
    """Where models and catalogue lie: over the pipeline's folders, or together in the bundle's.

    Attributes:
        query_tower: LiteRT model.
        dcn: LiteRT model.
        settings: what inference must know of how they were fitted.
        of_sources: name in the bundle -> the file, for sources that have one of their own.
        catalogue: index of the data's movies.
        additions: index of those added later; None where they are left out, as evaluation does.
    """

    query_tower: Path
    dcn: Path
    settings: Path
    of_sources: Mapping[str, Path]
    catalogue: paths.Index
    additions: paths.Index | None

    def files(self) -> list[Path]:
        """Every file, in an order that is the same wherever they lie."""
        indices = [index for index in (self.catalogue, self.additions) if index is not None]
        of_indices = [path for index in indices for path in (index.rows, index.titles)]
        return [self.query_tower, self.dcn, self.settings, *self.of_sources.values(), *of_indices]

    def named(self) -> dict[str, Path]:
        """Each file under the name it has in the bundle."""
        in_bundle = parts_of(Path(), additions=self.additions is not None)
        pairs = zip(in_bundle.files(), self.files(), strict=True)
        return {name.as_posix(): path for name, path in pairs}


def parts_of(folder: Path, additions: bool = True) -> Parts:
    """The parts of a bundle."""
    return Parts(
        query_tower=folder / "query_tower.tflite",
        dcn=folder / "dcn.tflite",
        settings=folder / "settings.json",
        of_sources={name: folder / name for name in registry.parts()},
        catalogue=paths.Index(folder / "catalogue"),
        additions=paths.Index(folder / "additions") if additions else None,
    )


def parts_of_pipeline(additions: bool) -> Parts:
    """The parts as the stages leave them, the models in the variant that won.

    Raises:
        BundleError: no variant was chosen yet.
    """
    exported = paths.EXPORTED
    try:
        won = parts_of(exported.variant(read_json(exported.winner)["variant"]))
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(
            f"{exported.winner} cannot be read: {error!r}. Run `dvc repro export_models`."
        ) from error
    return Parts(
        query_tower=won.query_tower,
        dcn=won.dcn,
        settings=exported.settings,
        of_sources={name: part.left_by for name, part in registry.parts().items()},
        catalogue=paths.CATALOGUE_INDEX,
        additions=paths.ADDITIONS_INDEX if additions else None,
    )
