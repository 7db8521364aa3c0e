"""What made a bundle: its commit, and what that commit's dvc.lock says of data, code and knobs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marquee.pipeline import paths
from marquee.serving.provenance import commits, versions
from marquee.serving.provenance.commits import Commit
from marquee.serving.service import model_card

LAST_STAGE = "package_service"
CODE = ("marquee", "stages", "bentofile.yaml")
DATA = "data"
CHOSEN = (paths.RETRIEVAL, paths.RANKING, paths.NEIGHBOURS, paths.RECOMMENDER)
"""Models whose knobs a sweep chose."""
SEARCHED = "tune_"
"""Sections of params.yaml that say how a sweep searched: what it found is in `CHOSEN`."""


@dataclass(frozen=True)
class Trace:
    """What made a bundle.

    Attributes:
        bundle: content hash.
        commit: that packaged it; None where none is known, and then all but libraries is empty.
        version: registered, as `v0.0.2 (champion)`; None: it never was.
        data: path -> MD5 in dvc.lock, of what the models learned from.
        code: the same of what computed them.
        params: dotted knob -> value, given and chosen by sweeps.
        libraries: that the service runs on.
    """

    bundle: str
    commit: Commit | None
    version: str | None
    data: Mapping[str, str]
    code: Mapping[str, str]
    params: Mapping[str, Any]
    libraries: tuple[str, ...]


def of_bundle(content_hash: str, folder: Path) -> Trace:
    """Trace a bundle.

    Args:
        content_hash: of the bundle.
        folder: where it lies, for its model card.

    Raises:
        GitError: this is no Git repository.
    """
    libraries = tuple(model_card.read(folder).libraries)
    commit = commits.packaging(content_hash)
    if commit is None:
        return Trace(content_hash, None, None, {}, {}, {}, libraries)
    stages = upstream(commits.yaml_at(commit.sha, Path("dvc.lock")).get("stages", {}), LAST_STAGE)
    hashes = dict(sorted(_hashes(stages)))
    return Trace(
        bundle=content_hash,
        commit=commit,
        version=_version_at(commit),
        data={path: md5 for path, md5 in hashes.items() if Path(path).parts[0] == DATA},
        code={path: md5 for path, md5 in hashes.items() if Path(path).parts[0] in CODE},
        params=_params(stages, commit),
        libraries=libraries,
    )


def upstream(stages: Mapping[str, Any], last: str) -> dict[str, Any]:
    """The stages of a dvc.lock that a stage rests on, itself included."""
    rests: dict[str, Any] = {}
    left = [last] if last in stages else []
    while left:
        name = left.pop()
        rests[name] = stages[name]
        needed = [Path(entry["path"]) for entry in stages[name].get("deps", [])]
        left += [other for other in stages if other not in rests and _gives(stages[other], needed)]
    return rests


def table(trace: Trace) -> str:
    """For people to read."""
    commit = trace.commit
    found = (
        "none in this clone's history" if commit is None else f"{commit.sha} {commit.day} {commit.subject}"
    )
    rows = [("bundle", trace.bundle), ("version", trace.version or "not registered"), ("commit", found)]
    titled = {
        "data (MD5 in dvc.lock)": trace.data,
        "code (MD5 in dvc.lock)": trace.code,
        "knobs": trace.params,
        "libraries": dict(line.partition("==")[::2] for line in trace.libraries),
    }
    lines = [f"{name:8} {value}" for name, value in rows]
    for title, values in titled.items():
        if values:
            width = max(len(name) for name in values)
            lines += ["", title, *(f"  {name:{width}}  {value}" for name, value in values.items())]
    return "\n".join(lines)


def _gives(stage: Mapping[str, Any], needed: list[Path]) -> bool:
    """Whether an output of a stage is needed, in whole or in part, or holds what is."""
    outs = [Path(entry["path"]) for entry in stage.get("outs", [])]
    return any(out == path or out in path.parents or path in out.parents for out in outs for path in needed)


def _hashes(stages: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for stage in stages.values():
        for entry in (*stage.get("deps", []), *stage.get("outs", [])):
            if "md5" in entry:
                yield entry["path"], entry["md5"]


def _params(stages: Mapping[str, Any], commit: Commit) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for stage in stages.values():
        given |= stage.get("params", {}).get(paths.PARAMS.as_posix(), {})
    chosen = {model.folder.name: commits.yaml_at(commit.sha, model.best_params) for model in CHOSEN}
    # What a sweep chose takes the place of what it was given.
    merged = {name: value for name, value in given.items() if not name.startswith(SEARCHED)} | chosen
    return dict(sorted(_dotted(merged, "")))


def _dotted(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _version_at(commit: Commit) -> str | None:
    for version in versions.registered():
        if version.commit == commit.sha or commits.packaged_by(version.commit) == commits.packaged_by(
            commit.sha
        ):
            stages = f" ({', '.join(version.stages)})" if version.stages else ""
            return f"{version.name}{stages}"
    return None
