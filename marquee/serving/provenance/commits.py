"""Git, asked which commit packaged a bundle and what that commit says. All of it runs in the repository."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from marquee.pipeline import paths


class GitError(ValueError):
    """Git is not there, or refuses; the message is Git's own."""


@dataclass(frozen=True)
class Commit:
    """A commit that left a bundle.

    Attributes:
        sha: in full.
        day: of the commit, ISO 8601.
        subject: first line of its message.
    """

    sha: str
    day: str
    subject: str


def packaging(content_hash: str) -> Commit | None:
    """The first commit, of whatever branch or experiment, whose `paths.PACKAGED` names a bundle.

    Raises:
        GitError: this is no Git repository.
    """
    # -m: a merge may be the only commit that has it. -S also finds the commits that take a hash away.
    found = git(
        "log", "--all", "-m", "--reverse", "--format=%H", f"-S{content_hash}", "--", str(paths.PACKAGED)
    )
    for sha in dict.fromkeys(found.split()):
        if packaged_by(sha) == content_hash:
            return describe(sha)
    return None


def packaged_by(revision: str) -> str | None:
    """Content hash of the bundle that a revision left; None: it left none."""
    content = file_at(revision, paths.PACKAGED)
    return None if content is None else str(json.loads(content)["content_hash"])


def describe(revision: str) -> Commit:
    """A revision as people name it."""
    sha, day, subject = git("log", "-1", "--format=%H%n%cs%n%s", revision).split("\n", 2)
    return Commit(sha, day, subject.strip())


def file_at(revision: str, path: Path) -> bytes | None:
    """A file as a revision has it; None where it lacks it."""
    shown = _run("show", f"{revision}:./{path.as_posix()}")
    return shown.stdout if shown.returncode == 0 else None


def yaml_at(revision: str, path: Path) -> dict[str, Any]:
    """A YAML file as a revision has it; empty where it lacks it."""
    return dict(yaml.safe_load(file_at(revision, path) or b"{}"))


def changed(*files: Path) -> list[str]:
    """Which of some files the work tree has otherwise than HEAD, or HEAD not at all."""
    named = [path.as_posix() for path in files]
    status = git("status", "--porcelain", "--ignored", "--untracked-files=all", "--", *named)
    return [line[3:] for line in status.splitlines()]


def git(*arguments: str) -> str:
    """What Git says.

    Raises:
        GitError: it refuses.
    """
    ran = _run(*arguments)
    if ran.returncode != 0:
        raise GitError(f"git {arguments[0]} failed in {Path.cwd()}: {ran.stderr.decode().strip()}")
    return ran.stdout.decode()


def _run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = shutil.which("git")
    if command is None:
        raise GitError(
            "git is not on PATH. Install it: the commit of a bundle is looked up in Git's history."
        )
    return subprocess.run([command, *arguments], capture_output=True, check=False)
