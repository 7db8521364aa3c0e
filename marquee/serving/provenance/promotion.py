"""Which bundle is the champion, and which was before: folders that the service watches, and tags in Git."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from marquee.pipeline import paths
from marquee.serving.provenance import bundles, commits, versions
from marquee.serving.provenance.versions import Version
from marquee.serving.recommender import manifest
from marquee.serving.recommender.manifest import BundleError

DESCRIBED = (Path("dvc.yaml"), Path("dvc.lock"), paths.PACKAGED)
"""What a commit must have of a bundle, so that the commit's tag gives it back."""


class PromotionError(ValueError):
    """Nothing was promoted or rolled back; the message says why and what to do."""


@dataclass(frozen=True)
class Change:
    """What is the champion now.

    Attributes:
        champion: content hash; `version` is its version.
        version: name, as `v0.0.2`.
        previous: version that was the champion before; None: none was.
        changed: False where it was the champion already.
    """

    champion: str
    version: str
    previous: str | None
    changed: bool = True


def promote() -> Change:
    """Make what the pipeline packaged last the champion.

    Raises:
        PromotionError: it is not committed.
        BundleError: it is incomplete or altered.
        VersionError: the tags cannot be written.
    """
    content_hash = manifest.verify(paths.BUNDLE)
    _require_committed(content_hash)
    champion = versions.in_stage("champion")
    version = _version_of(content_hash)
    if version is not None and version == champion and bundles.holds(paths.CHAMPION, content_hash):
        return Change(content_hash, version.name, _name(versions.in_stage("previous")), changed=False)
    return _replace(content_hash, paths.BUNDLE, version or versions.register("HEAD"), champion)


def rollback() -> Change:
    """Make the version before the champion the champion again; a second rollback undoes the first.

    Raises:
        PromotionError: there is none before.
        BundleError: it is nowhere to be found.
        VersionError: the tags cannot be written.
    """
    previous = versions.in_stage("previous")
    if previous is None:
        raise PromotionError(
            "No version of the bundle is tagged as the previous champion: nothing was promoted twice here. "
            "Fetch the tags (`git fetch --tags`), or see `gto show bundle`."
        )
    content_hash = commits.packaged_by(previous.commit)
    if content_hash is None:
        raise PromotionError(
            f"{previous.name} is tagged at {previous.commit[:12]}, which has no {paths.PACKAGED}. "
            "See `gto show bundle`, and promote another."
        )
    return _replace(content_hash, bundles.find(content_hash), previous, versions.in_stage("champion"))


def _require_committed(content_hash: str) -> None:
    """HEAD must describe the bundle, or its tag would name another."""
    if files := commits.changed(*DESCRIBED):
        raise PromotionError(
            f"{', '.join(files)} differ from the last commit: the tag of this bundle would name a commit "
            "that does not give it. Commit them (`git add dvc.yaml dvc.lock params.yaml metrics reports`, "
            "`git commit`), then promote."
        )
    committed = commits.packaged_by("HEAD")
    if committed != content_hash:
        raise PromotionError(
            f"{paths.BUNDLE} is {content_hash[:12]}, the last commit packaged "
            f"{'none' if committed is None else committed[:12]}. "
            "Run `dvc repro` and commit, or `dvc checkout`."
        )


def _version_of(content_hash: str) -> Version | None:
    """The version already registered of a bundle, whichever commit it was."""
    for version in versions.registered():
        if commits.packaged_by(version.commit) == content_hash:
            return version
    return None


def _replace(content_hash: str, source: Path, version: Version, champion: Version | None) -> Change:
    """Copy, tag, then rename: what may fail comes before what the service sees."""
    part = paths.CHAMPION.with_name(f".{paths.CHAMPION.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        shutil.copytree(source, part)
        if manifest.verify(part) != content_hash:
            raise BundleError(f"{source} changed while it was copied. Try again.")
        if champion is None or champion.name != version.name:
            versions.assign(version, "champion")
            if champion is not None:
                versions.assign(champion, "previous")
        _swap(part, content_hash)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Change(content_hash, version.name, _name(versions.in_stage("previous")))


def _swap(part: Path, content_hash: str) -> None:
    """Put the new champion in its place, and the old one aside."""
    old = paths.PREVIOUS.with_name(f".{paths.PREVIOUS.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if paths.CHAMPION.exists() and not bundles.holds(paths.CHAMPION, content_hash):
        if paths.PREVIOUS.exists():
            paths.PREVIOUS.rename(old)
        paths.CHAMPION.rename(paths.PREVIOUS)
    elif paths.CHAMPION.exists():
        paths.CHAMPION.rename(old)
    part.rename(paths.CHAMPION)
    shutil.rmtree(old, ignore_errors=True)


def _name(version: Version | None) -> str | None:
    return None if version is None else version.name
