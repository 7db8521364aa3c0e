"""Folders that `bentoml serve` takes for the repository, with the packaged bundle or one with other knobs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marquee.pipeline import paths
from marquee.serving.recommender import manifest


def lay_out(root: Path, folder: Path, knobs: Mapping[str, Mapping[str, Any]] | None = None) -> Path:
    """Make such a folder, the bundle `repackage`d; returns the folder of the bundle."""
    for name in ("bentofile.yaml", "marquee"):
        (folder / name).symlink_to((root / name).resolve())
    repackage(root / paths.BUNDLE, folder / paths.BUNDLE, knobs or {})
    return folder / paths.BUNDLE


def repackage(bundle: Path, folder: Path, knobs: Mapping[str, Mapping[str, Any]]) -> str:
    """Package a bundle's files once more.

    Args:
        bundle: to take them from.
        folder: to write.
        knobs: name of a JSON file -> what to put in the place of some of its keys.

    Returns:
        The content hash.
    """
    names = json.loads((bundle / manifest.MANIFEST).read_bytes())["files"]
    files: dict[str, Path | bytes] = {name: bundle / name for name in names}
    for name, changed in knobs.items():
        files[name] = json.dumps({**read(bundle, name), **changed}, sort_keys=True).encode()
    return manifest.write(files, folder)


def read(bundle: Path, name: str) -> dict[str, Any]:
    """A JSON file of a bundle."""
    return dict(json.loads((bundle / name).read_bytes()))
