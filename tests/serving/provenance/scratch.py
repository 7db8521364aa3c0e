"""A Git and DVC repository of two stages, of which the last packages a bundle of a few bytes."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from marquee.pipeline import paths
from marquee.serving.packaging import contents
from marquee.serving.recommender import manifest
from tests.serving import small

DVC_YAML = """
stages:
  fetch_data:
    cmd: mkdir -p data/raw && cp source/ratings.csv data/raw
    deps: [source/ratings.csv, stages/fetch_data.py]
    params: [seed, data]
    outs: [data/raw]
  explore_data:
    cmd: mkdir -p reports && touch reports/explored
    deps: [data/raw, stages/explore_data.py]
    outs: [reports/explored]
  package_service:
    cmd: >-
      mkdir -p models reports/package_service && cp -r source/bundle models/bundle &&
      cp source/bundle/manifest.json reports/package_service/bundle.json
    deps: [source/bundle, data/raw, marquee/serving, stages/package_service.py]
    params: [serving, tune_ranking]
    outs:
      - models/bundle
      - reports/package_service: {cache: false}
artifacts:
  bundle: {path: models/bundle, type: model, desc: what answers}
"""
PARAMS = {
    "seed": 7,
    "data": {"source": "sample"},
    "serving": {"events": {"enabled": True}},
    "tune_ranking": {"n_trials": 2},
}
FILES = ("fetch_data.py", "explore_data.py", "package_service.py")
AUTHOR = {
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.org",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.org",
}


def make(root: Path) -> None:
    """An empty repository with the pipeline, nothing of it run."""
    for folder in ("source", "stages", "marquee/serving", paths.RANKING.folder):
        (root / folder).mkdir(parents=True)
    for name in FILES:
        (root / "stages" / name).write_text(f"# {name}\n")
    (root / "marquee/serving/answers.py").write_text("# answers\n")
    (root / "source/ratings.csv").write_text("user,movie\n1,2\n")
    (root / "dvc.yaml").write_text(DVC_YAML)
    (root / paths.PARAMS).write_text(yaml.safe_dump(PARAMS))
    (root / paths.RANKING.best_params).write_text(yaml.safe_dump({"factors": 4}))
    run(root, "git", "init", "--quiet", "--initial-branch=main")
    dvc(root, "init", "--quiet")


def package(root: Path, content: str, message: str = "") -> str:
    """Run the pipeline so that the bundle holds a text, and commit; without a message, do not. Its hash."""
    files: dict[str, Path | bytes] = {"model.bin": content.encode()}
    with contextlib.chdir(root):
        content_hash = manifest.write(files | contents.of_card(small.card()), Path("source/bundle"))
    dvc(root, "repro", "--quiet")
    if message:
        commit(root, message)
    return content_hash


def commit(root: Path, message: str) -> str:
    """Commit everything; the commit."""
    run(root, "git", "add", "--all")
    run(root, "git", "commit", "--quiet", "--allow-empty", "--message", message)
    return run(root, "git", "rev-parse", "HEAD").strip()


def packaged(root: Path) -> str:
    """Content hash that the work tree's record names."""
    return str(json.loads((root / paths.PACKAGED).read_text())["content_hash"])


def forget_locally(root: Path) -> None:
    """What a fresh clone has not: every copy of a bundle outside of DVC's cache."""
    for folder in (paths.BUNDLE, paths.CHAMPION, paths.PREVIOUS, paths.ARCHIVE):
        shutil.rmtree(root / folder, ignore_errors=True)


def dvc(root: Path, *arguments: str) -> str:
    return run(root, sys.executable, "-m", "dvc", *arguments)


def run(root: Path, *command: str) -> str:
    """What a command says; it must not fail."""
    environment = os.environ | AUTHOR | {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(root / "../site")}
    ran = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{command}: {ran.stdout}{ran.stderr}"
    return ran.stdout
