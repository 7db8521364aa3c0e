"""The bundle of a content hash: in this folder, or as DVC kept it for the commit that packaged it."""

import shutil
from pathlib import Path

from marquee.pipeline import paths
from marquee.serving.provenance import commits
from marquee.serving.provenance.commits import GitError
from marquee.serving.recommender import manifest
from marquee.serving.recommender.manifest import BundleError

FOLDERS = (paths.BUNDLE, paths.CHAMPION, paths.CHALLENGER, paths.PREVIOUS)
"""Where bundles lie, archived ones aside."""


class BundleNotFoundError(BundleError):
    """No bundle of a content hash is at hand; the message says where it was looked for and what to do."""


def find(content_hash: str) -> Path:
    """The folder of a bundle, every file of it verified; fetched into `paths.ARCHIVE` where need be.

    Raises:
        BundleNotFoundError: neither this folder, Git's history nor DVC's cache and remote have it.
    """
    archived = paths.ARCHIVE / content_hash
    for folder in (*FOLDERS, archived):
        if holds(folder, content_hash):
            return folder
    fetch(content_hash, archived)
    return archived


def holds(folder: Path, content_hash: str) -> bool:
    """Whether a folder is that bundle, whole and unaltered."""
    try:
        return manifest.verify(folder) == content_hash
    except (BundleError, OSError):
        return False


def fetch(content_hash: str, folder: Path) -> None:
    """Take a bundle from DVC's cache or remote, as the commit that packaged it has it.

    Raises:
        BundleNotFoundError: no commit packaged it, or DVC has lost it.
    """
    searched = f"Looked in {', '.join(path.as_posix() for path in (*FOLDERS, paths.ARCHIVE))}"
    try:
        commit = commits.packaging(content_hash)
    except GitError as error:
        raise BundleNotFoundError(f"There is no bundle {content_hash} here. {searched}; {error}") from error
    if commit is None:
        raise BundleNotFoundError(
            f"There is no bundle {content_hash} here. {searched} and, for {paths.PACKAGED} with that hash, "
            "in Git's history.\nIt was packaged in another clone, or never committed. Fetch all branches "
            "(`git fetch --all`, in a shallow clone `--unshallow`), or copy the bundle to "
            f"{paths.ARCHIVE / content_hash}."
        )
    whole = folder.with_name(f".{folder.name}.part")
    try:
        get(paths.BUNDLE, commit.sha, whole)
        received = manifest.verify(whole)
        if received != content_hash:
            raise BundleError(f"dvc.lock of {commit.sha[:12]} has bundle {received}: the two do not fit.")
        shutil.rmtree(folder, ignore_errors=True)  # an altered copy
        whole.rename(folder)
    except (BundleError, OSError) as error:
        raise BundleNotFoundError(
            f"Bundle {content_hash} was packaged by commit {commit.sha[:12]} ({commit.subject}), and DVC "
            f"cannot give {paths.BUNDLE} of it: {error}\n{searched}, DVC's cache and its default remote.\n"
            "Where a remote has it, make that the default (`dvc remote add --default`) or run `dvc fetch "
            "--all-commits`; where another clone's cache has it, name the remote there for every commit, old "
            "ones too (`dvc remote add --local --default NAME ADDRESS`), and run `dvc push --all-commits`. "
            f"Else check out {commit.sha[:12]} and run `dvc repro`, which gives the same bytes."
        ) from error
    finally:
        shutil.rmtree(whole, ignore_errors=True)


def get(path: Path, revision: str, out: Path) -> None:
    """Take what DVC tracks at a path, as a revision has it, from its cache or remote.

    Raises:
        BundleError: it cannot be had; the message is DVC's.
    """
    from dvc.repo import Repo  # only here: DVC takes a second to import

    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        # The revision may know of no remote: the one that is the default now has what it pushed.
        with Repo(".") as repo:
            remote = repo.config["core"].get("remote")
        Repo.get(".", path.as_posix(), out=str(out), rev=revision, remote=remote, force=True)
    except Exception as error:  # whatever a remote's own client raises
        raise BundleError(f"{type(error).__name__}: {error}") from error
