"""The challenger: the whole pipeline on the newer data, as an experiment of DVC in a folder of its own.

The workspace, which may be serving, is not touched: code, knobs and what is tracked are those of the last
commit, the recorded events are copied in, and what comes out is a commit that nothing else knows yet. It is
forced, for DVC does not look into the folder of events, and all that follows depends on it.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from marquee.monitoring.promotion.periods import Cutoffs, RetrainError
from marquee.pipeline import paths
from marquee.serving.provenance import bundles, commits, versions
from marquee.serving.recommender import manifest

EXPERIMENTS = "refs/exps"
"""Where DVC keeps the commits of experiments, by the commit that they began from."""


@dataclass(frozen=True)
class Champion:
    """What serves.

    Attributes:
        folder: of the bundle.
        content_hash: of it.
    """

    folder: Path
    content_hash: str


def champion() -> Champion:
    """What a running service answers from: models/champion, else the tagged one, else models/bundle.

    Raises:
        BundleError: it is incomplete, altered or nowhere to be found.
    """
    folder = paths.BUNDLE
    if paths.CHAMPION.exists():
        folder = paths.CHAMPION
    elif (tagged := versions.in_stage("champion")) is not None:
        packaged = commits.packaged_by(tagged.commit)
        folder = paths.BUNDLE if packaged is None else bundles.find(packaged)
    return Champion(folder, manifest.verify(folder))


@contextmanager
def processed_manifest(content_hash: str) -> Iterator[Path]:
    """The manifest of the processed data that a bundle was fitted on.

    Raises:
        RetrainError: no commit packaged it.
        BundleError: neither DVC's cache nor its remote has the data any more.
    """
    if commits.packaged_by("HEAD") == content_hash and paths.PROCESSED.manifest.exists():
        yield paths.PROCESSED.manifest
        return
    commit = commits.packaging(content_hash)
    if commit is None:
        raise RetrainError(
            f"No commit packaged the champion {content_hash[:12]}: nobody knows which ratings it was fitted "
            "on, and it can be compared on none. Commit what packaged it, or `make promote` a bundle that is."
        )
    with fetched(paths.PROCESSED.manifest, commit.sha) as path:
        yield path


def fit(found: Cutoffs, feedback: str, events: Path) -> str:
    """Run the pipeline on the newer data.

    Args:
        found: cutoffs of the periods.
        feedback: value of `data.feedback`.
        events: folder of the collected tables, copied into the experiment where it exists.

    Returns:
        The experiment's commit; it is the child of HEAD.

    Raises:
        RetrainError: the pipeline failed; a requirement was not met, for one.
        GitError: this is no repository.
    """
    name = f"retrain-{found.test}"
    settings = {
        "data.feedback": feedback,
        "preprocess_data.validation_cutoff": f"'{found.validation}'",
        "preprocess_data.test_cutoff": f"'{found.test}'",
    }
    copied = ["--copy-paths", events.as_posix()] if events.exists() else []
    message = f"Retrain on ratings until {found.test}"
    head = commits.git("rev-parse", "HEAD").strip()
    named = [f"--name={name}", f"--message={message}"]
    run = subprocess.run(
        [*_DVC, "exp", "run", "--temp", "--force", *named, *copied, *_set(settings)], check=False
    )
    reference = f"{EXPERIMENTS}/{head[:2]}/{head[2:]}/{name}"
    commit = commits.git("for-each-ref", "--format=%(objectname)", reference).strip()
    if run.returncode != 0 or not commit:
        raise RetrainError(
            "The pipeline failed on the newer data, so there is no challenger; the messages above say why. "
            "Where a requirement of params.yaml is not met, nothing is packaged: the champion stays."
        )
    return commit


def require_ready() -> None:
    """Refuse a workspace that is not as its last commit, by Git or by DVC, before anything is tried.

    Raises:
        RetrainError: it is not.
        GitError: this is no repository.
    """
    _require_clean()
    _require_saved()


def _require_clean() -> None:
    """No file that Git tracks has changes: they would be part of the challenger, unseen."""
    changed = commits.git("status", "--porcelain", "--untracked-files=no").splitlines()
    if changed:
        raise RetrainError(
            f"{', '.join(line[3:] for line in changed[:5])} differ from the last commit, and would be part "
            "of the challenger. Commit or stash them."
        )


def _require_saved() -> None:
    """No output lies here that DVC has no copy of: `adopt` could not put another in its place."""
    said = subprocess.run([*_DVC, "data", "status", "--json"], check=False, capture_output=True, text=True)
    if said.returncode != 0:
        raise RetrainError(f"`dvc data status` failed: {said.stderr.strip()}")
    status = json.loads(said.stdout)
    unsaved = [*status.get("not_in_cache", ()), *status.get("uncommitted", {}).get("modified", ())]
    here = [path for path in dict.fromkeys(unsaved) if Path(path).exists()]
    if here:
        raise RetrainError(
            f"DVC's cache has no copy of {', '.join(here[:5])} as they are here, and what comes out of "
            "retraining may take their place. Run `dvc commit` to keep them, or `dvc checkout --force`."
        )


@contextmanager
def fetched(path: Path, revision: str) -> Iterator[Path]:
    """What DVC tracks at a path, as a revision has it, in a temporary folder.

    Raises:
        BundleError: neither DVC's cache nor its remote has it.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / path.name
        bundles.get(path, revision, out)
        yield out


def adopt(revision: str) -> None:
    """Bring this branch forward to the challenger's commit, and DVC's outputs with it.

    Raises:
        GitError: the branch has moved meanwhile.
        RetrainError: DVC cannot bring the outputs.
    """
    commits.git("merge", "--ff-only", revision)
    if subprocess.run([*_DVC, "checkout"], check=False).returncode != 0:
        raise RetrainError(
            "The branch is at the challenger's commit, but `dvc checkout` failed: see above. Run it again, "
            "then `make promote`."
        )


def _set(settings: Mapping[str, str]) -> list[str]:
    return [f"--set-param={key}={value}" for key, value in settings.items()]


_DVC = (sys.executable, "-m", "dvc")
