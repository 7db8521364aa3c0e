"""The metrics files as people read them: `dvc metrics show` and `dvc metrics diff` fit a terminal."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.places import ROOT

WIDTH = 120
"""Of a terminal, in columns."""
FOLDERS = ("metrics", "benchmarks/metrics")
COLUMNS = {"gain", "gain_low", "ndcg_at_10", "rmse", "top_100_accuracy", "value"}
"""What DVC may show of all files together: another column is another one in every row."""


def run(*command: str, folder: Path) -> list[str]:
    """Lines a command prints, as in a terminal too narrow for anything else."""
    environment = os.environ | {"DVC_NO_ANALYTICS": "1", "COLUMNS": str(WIDTH)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def dvc(*arguments: str, folder: Path) -> list[str]:
    return run(sys.executable, "-m", "dvc", *arguments, folder=folder)


def commit(folder: Path, message: str) -> None:
    author = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    run("git", "add", "-A", folder=folder)
    run("git", *author, "commit", "-q", "-m", message, folder=folder)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of its own with every metrics file in two revisions, all numbers of the second changed."""
    folder = tmp_path_factory.mktemp("metrics")
    run("git", "init", "-q", folder=folder)
    dvc("init", "-q", folder=folder)
    best = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("models/*/best_params.yaml")]
    for name in ("dvc.yaml", "benchmarks/dvc.yaml", "params.yaml", *best):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name)
    commit(folder, "as committed")
    knobs = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(knobs.replace("embedding_dim: 64", "embedding_dim: 32"))
    for name in FOLDERS:
        for path in (folder / name).glob("*.json"):
            path.write_text(json.dumps(changed(json.loads(path.read_text()))))
    return folder


def changed(value: Any) -> Any:
    """Another number in place of every number, the sign turned: a minus takes a column."""
    if isinstance(value, dict):
        return {name: changed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [changed(inner) for inner in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return value + 1 if isinstance(value, int) else -value + 0.123456


def test_every_metrics_file_is_a_row_of_metrics_show(repository: Path):
    head, *rows = dvc("metrics", "show", folder=repository)
    files = {
        path.relative_to(repository).as_posix() for name in FOLDERS for path in (repository / name).iterdir()
    }
    assert {row.split()[0] for row in rows} == files
    assert set(head.split()) == {"Path"} | COLUMNS


@pytest.mark.parametrize(
    "command",
    [("show",), ("diff",), ("diff", "--all"), ("diff", "HEAD")],
    ids=" ".join,
)
def test_what_dvc_prints_of_them_fits_a_terminal(repository: Path, command: tuple[str, ...]):
    lines = dvc("metrics", *command, folder=repository)
    assert len(lines) > 20
    assert [line for line in lines if len(line) > WIDTH] == []


def test_experiments_are_compared_by_headline_and_knob_without_naming_a_column(repository: Path):
    # What several files share stands under its file's path, as dependencies do: a slash leaves both out.
    lines = dvc("exp", "show", "--only-changed", "--drop", ".*/", folder=repository)
    assert [line for line in lines if len(line) > WIDTH] == []
    assert set(lines[1].split()) == {
        "Experiment", "Created", "top_100_accuracy", "rmse", "ndcg_at_10", "retrieval.embedding_dim",
    }  # fmt: skip


def test_a_headline_metric_has_one_file_so_that_an_experiment_shows_it_under_its_name():
    for column in ("ndcg_at_10", "rmse", "top_100_accuracy"):
        holders = [
            path
            for name in FOLDERS
            for path in (ROOT / name).glob("*.json")
            if column in json.loads(path.read_text())
        ]
        assert len(holders) == 1, holders
