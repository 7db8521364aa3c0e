"""Two bundles that differ in a knob, and folders to put them in."""

import json
import shutil
from pathlib import Path

from marquee.serving.recommender.manifest import MANIFEST
from tests.fixtures.tiny_pipeline import VALUES

OTHER = VALUES.model_copy(update={"rating_weight": 5.0})
"""Knobs that order every list differently."""


def put(bundle: Path, folder: Path) -> None:
    """In the place of what is there, as `manifest.write` and promotion do it."""
    shutil.copytree(bundle, folder.with_suffix(".part"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_suffix(".part").rename(folder)


def break_(bundle: Path) -> None:
    with (bundle / "dcn.tflite").open("ab") as file:
        file.write(b"x")


def hash_of(bundle: Path) -> str:
    return str(json.loads((bundle / MANIFEST).read_bytes())["content_hash"])
