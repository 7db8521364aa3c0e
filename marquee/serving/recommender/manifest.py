"""A folder of files that vouches for itself: the checksum of every file, and one hash of them all."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from marquee.pipeline.files import write_json, write_whole

SCHEMA_VERSION = 2
"""Raise it when a file of the bundle changes its meaning: older bundles are then refused, not misread."""
MANIFEST = "manifest.json"
"""The one file that its own checksums do not cover."""
REPACKAGE = "Run `dvc repro package_service`."


class BundleError(ValueError):
    """The bundle cannot be served; the message says what is wrong with it and what to do."""


def total_bytes(files: Mapping[str, Path | bytes]) -> int:
    """Size of what `write` would write, the manifest left out."""
    return sum(len(part) if isinstance(part, bytes) else part.stat().st_size for part in files.values())


def write(files: Mapping[str, Path | bytes], folder: Path) -> str:
    """Write a bundle whole: into a folder beside `folder`, which then takes its place.

    Args:
        files: name within the bundle -> a file to copy, or its bytes.
        folder: of the bundle; what was there is replaced, or stays where writing fails.

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


def verify(folder: Path) -> str:
    """Check every file of a bundle against its manifest; returns the content hash.

    Raises:
        BundleError: missing, of another schema, incomplete or altered, or with a file it does not list.
    """
    manifest = _read(folder / MANIFEST)
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
        _verify_file(folder / name, expected)
    _refuse_others(folder, checksums)
    return str(manifest["content_hash"])


def _verify_file(path: Path, expected: str) -> None:
    if not path.is_file():
        raise BundleError(f"{path} is missing, though the manifest lists it. {REPACKAGE}")
    received = _sha256(path)
    if received != expected:
        raise BundleError(
            f"{path} is corrupted: its SHA-256 is {received}, the manifest says {expected}. {REPACKAGE}"
        )


def _refuse_others(folder: Path, checksums: Mapping[str, Any]) -> None:
    """Nobody vouches for what the manifest leaves out, and a Bento would hold it all the same."""
    files = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    others = {path.relative_to(folder).as_posix() for path in files} - {*checksums, MANIFEST}
    if others:
        raise BundleError(
            f"{folder} holds {', '.join(sorted(others))}, which the manifest does not list. Remove what is "
            f"not the bundle's, or package it anew: {REPACKAGE}"
        )


def _read(path: Path) -> dict[str, Any]:
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
