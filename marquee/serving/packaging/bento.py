"""The Bento: what `bentofile.yaml` names, and nothing else."""

import filecmp
import hashlib
import logging
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from marquee.pipeline import sections
from marquee.serving.recommender.manifest import BundleError

BENTOFILE = "bentofile.yaml"


def packages(root: Path) -> list[str]:
    """What the service runs on, as bentofile.yaml pins it."""
    pinned: list[str] = sections.read_yaml(root / BENTOFILE)["python"]["packages"]
    return pinned


def build(root: Path, log: logging.Logger) -> str:
    """Build the Bento of the bundle in `root` into BentoML's own store; returns its tag.

    The store lies outside the repository (`~/bentoml`, or BENTOML_HOME): a Bento holds its creation time, so
    it is no output of DVC. Its version is the hash of what goes in: equal inputs, equal tag, built once.
    """
    import bentoml  # only here: it sets up logging and a store at import

    options = sections.read_yaml(root / BENTOFILE)
    # A copy of exactly the named files: BentoML's patterns match at any depth, and DVC's temporary folders
    # hold whole repositories.
    with tempfile.TemporaryDirectory(prefix="marquee-bento-") as name:
        context, aside = Path(name) / "context", Path(name) / "built"
        aside.mkdir()
        stage(root, context, options["include"])
        version = content_version(context)
        tag = f"{options['name']}:{version}"
        if is_whole(tag, context):
            log.info("%s is built already", tag)
            return tag
        with suppress(bentoml.exceptions.NotFound):
            bentoml.delete(tag)
            log.warning("%s was not whole, as if its build had been killed: it is built again", tag)
        _build(options, version, tag, context, aside)
    return tag


def is_whole(tag: str, context: Path) -> bool:
    """Whether BentoML's store has a Bento with all files of a folder: it copies them there one by one."""
    import bentoml

    try:
        root = Path(bentoml.get(tag).path)
    except bentoml.exceptions.BentoMLException:  # none, or one without its description
        return False
    files = [path.relative_to(context).as_posix() for path in context.rglob("*") if path.is_file()]
    _, other, missing = filecmp.cmpfiles(context, root / "src", files, shallow=False)
    return (root / "env").is_dir() and not other and not missing


def _build(options: dict[str, Any], version: str, tag: str, context: Path, aside: Path) -> None:
    import bentoml
    from bentoml._internal.configuration.containers import BentoMLContainer

    # BentoML puts it together in BENTOML_HOME/tmp, and leaves it there where the disk is full.
    BentoMLContainer.tmp_bento_store_dir.set(str(aside))
    try:
        bentoml.build(**options, version=version, build_ctx=str(context.resolve()))
    except bentoml.exceptions.BentoMLException as error:
        if not is_whole(tag, context):  # else somebody has built the same meanwhile
            raise BundleError(f"BentoML could not build the Bento of {BENTOFILE}: {error}") from error
    finally:
        BentoMLContainer.tmp_bento_store_dir.reset()


def stage(root: Path, context: Path, include: list[str]) -> None:
    """Copy the files that the patterns name, each at its place.

    Raises:
        BundleError: a pattern names no file.
    """
    for path in included(root, include):
        target = context / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, target)


def included(root: Path, patterns: list[str]) -> list[Path]:
    """The files below `root` that the patterns name, relative to it, each once.

    Raises:
        BundleError: a pattern names no file.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        files = [path.relative_to(root) for path in sorted(root.glob(pattern)) if path.is_file()]
        if not files:
            raise BundleError(
                f"{root / BENTOFILE} includes {pattern}, which names no file in {root.resolve()}."
            )
        found |= dict.fromkeys(files)
    return list(found)


def content_version(folder: Path) -> str:
    """A short hash of all files of a folder, names included."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{content}  {path.relative_to(folder).as_posix()}\n".encode())
    return digest.hexdigest()[:16]
