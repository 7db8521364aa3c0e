"""Versions of the bundle and the stages they hold, as GTO keeps them: in annotated Git tags.

`bundle@v0.0.2` registers a version, `bundle#champion#5` gives a stage to a commit's version; `gto show` and
`dvc artifacts get` read the same tags (https://dvc.org/doc/gto/user-guide). A stage has one version, the last
it was given to.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from gto import api
from gto.exceptions import ArtifactNotFound, GTOException

ARTIFACT = "bundle"
"""Its name under `artifacts` in dvc.yaml."""
Stage = Literal["champion", "previous"]
R = TypeVar("R")


class VersionError(ValueError):
    """GTO refuses; the message is its own."""


@dataclass(frozen=True)
class Version:
    """A registered version.

    Attributes:
        name: semantic version, as `v0.0.2`.
        commit: that packaged the bundle, in full.
        stages: it holds now.
    """

    name: str
    commit: str
    stages: tuple[str, ...]


def registered() -> list[Version]:
    """All versions, the latest first."""
    try:
        shown = _tried(lambda: api.show(".", ARTIFACT, registered_only=True))
    except ArtifactNotFound:
        return []
    return [
        Version(one["version"], one["commit_hexsha"], tuple(given["stage"] for given in one["stages"]))
        for one in shown
    ]


def in_stage(stage: Stage) -> Version | None:
    """The version that holds a stage; None: none does."""
    return next((version for version in registered() if stage in version.stages), None)


def register(revision: str) -> Version:
    """Register the bundle of a commit as the next version (a patch, or v0.0.1)."""
    event = _tried(lambda: api.register(".", ARTIFACT, revision))
    return Version(event.version, event.commit_hexsha, ())


def assign(version: Version, stage: Stage) -> None:
    """Give a stage to a version; whichever had it has it no more."""
    # GTO and DVC order tags by the second: two of one second would be in the order of their names.
    second = int(time.time())
    while int(time.time()) == second:
        time.sleep(0.02)
    _tried(lambda: api.assign(".", ARTIFACT, stage, version=version.name, force=True))


def _tried(ask: Callable[[], R]) -> R:
    try:
        return ask()
    except ArtifactNotFound:
        raise
    except GTOException as error:
        raise VersionError(f"GTO could not read or write the tags of {ARTIFACT}: {error}") from error
