"""The house plan, asserted beside the contracts in pyproject.toml: what dvc.yaml must list, names, sizes."""

import ast
import re
from collections import Counter
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from marquee.pipeline import paths
from tests.imports import closure, file_of, imported_by_file, modules
from tests.places import ROOT

EMPTY_WORDS = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}
NEEDLESS_AT_MOST = 80
"""Pairs of a module and a stage that a comment in the module re-runs for nothing."""
DVC_YAML_LINES, DVC_LOCK_LINES = 450, 1600
FILE_LINES, FUNCTION_LINES, FOLDER_MODULES = 300, 60, 15
SCRIPTS = sorted(path.stem for path in (ROOT / "stages").glob("*.py") if path.stem != "__init__")
PYTHON = sorted(
    path.relative_to(ROOT)
    for room in ("marquee", "stages", "benchmarks", "monitoring", "tests")
    for path in (ROOT / room).rglob("*.py")
)


@cache
def pipeline() -> dict[str, dict[str, Any]]:
    return dict(yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"])


def listed(stage: dict[str, Any], *keys: str) -> set[str]:
    """The files a stage lists under `keys`, options (`{cache: false}`) left aside."""
    entries = [entry for key in keys for entry in stage.get(key, [])]
    return {next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries}


def holds(dependencies: set[str], file: Path) -> bool:
    return any(Path(dependency) in (file, *file.parents) for dependency in dependencies)


def run_by(stage: str) -> set[str]:
    """The modules that a stage runs, or packs: `package_service` packs the service."""
    entries = imported_by_file(Path("stages") / f"{stage}.py")
    if stage == "package_service":
        packed = yaml.safe_load((ROOT / "bentofile.yaml").read_text(encoding="utf-8"))["include"]
        entries |= {
            name for name in modules() if any(fnmatch(file_of(name).as_posix(), glob) for glob in packed)
        }
    return closure(entries)


def test_stages_are_scripts_of_the_same_name():
    assert sorted(pipeline()) == SCRIPTS
    for name, stage in pipeline().items():
        assert stage["cmd"] == f"python -m stages.{name}"


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_stage_depends_on_its_script_and_on_every_module_that_it_runs(name: str):
    dependencies = listed(pipeline()[name], "deps")
    assert f"stages/{name}.py" in dependencies
    missing = sorted(
        file.as_posix() for module in run_by(name) if not holds(dependencies, file := file_of(module))
    )
    assert missing == [], (
        f"add to the deps of {name} in dvc.yaml, by their room where all of it is run: {missing}"
    )


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_stage_lists_no_code_that_it_does_not_run(name: str):
    code = {entry for entry in listed(pipeline()[name], "deps") if entry.startswith("marquee/")}
    run = {file_of(module) for module in run_by(name)}
    idle = sorted(entry for entry in code if not any(holds({entry}, file) for file in run))
    assert idle == [], f"remove from the deps of {name} in dvc.yaml: {idle}"


def test_a_comment_in_a_module_rarely_runs_a_stage_for_nothing():
    needless = Counter(
        module
        for name, stage in pipeline().items()
        for module in modules() - run_by(name)
        if holds(listed(stage, "deps"), file_of(module))
    )
    assert needless.total() <= NEEDLESS_AT_MOST, f"list files instead of rooms where these are: {needless}"


def test_editing_one_model_never_runs_the_other():
    for name, other in (("retrieval", "ranking"), ("ranking", "retrieval")):
        for verb in ("tune", "train"):
            assert not any(f"models/{other}" in file for file in listed(pipeline()[f"{verb}_{name}"], "deps"))


def test_a_colour_in_a_picture_runs_no_sweep_and_no_training():
    drawn_by = {
        name
        for name, stage in pipeline().items()
        if holds(listed(stage, "deps"), file_of("marquee.pictures.plots"))
    }
    assert drawn_by, "some stage draws"
    assert not {name for name in drawn_by if name.startswith(("tune_", "train_"))}


def test_packages_hold_nothing_that_a_stage_could_miss():
    # deps list rooms; marquee/__init__.py and the packages above rooms are in none of them.
    rooms = {
        entry for stage in pipeline().values() for entry in listed(stage, "deps") if not entry.endswith(".py")
    }
    for init in sorted((ROOT / "marquee").rglob("__init__.py")):
        if holds(rooms, init.relative_to(ROOT)):
            continue
        for node in ast.parse(init.read_text(encoding="utf-8")).body:
            assert isinstance(node, ast.Expr) or (
                isinstance(node, ast.ImportFrom) and node.module == "marquee.pipeline"
            ), f"{init.relative_to(ROOT)} holds code that is in no room"


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_stage_says_what_it_does_and_what_it_listens_to(name: str):
    stage = pipeline()[name]
    known = set(yaml.safe_load((ROOT / paths.PARAMS).read_text(encoding="utf-8")))
    listens = {entry.split(".")[0] for entry in stage.get("params", [])}
    assert len(stage["desc"].split()) >= 3
    assert listens <= known
    assert name not in known or name in listens, f"{name} does not listen to its own section"


@pytest.mark.parametrize("name", SCRIPTS)
def test_metrics_and_reports_have_the_name_of_their_stage(name: str):
    stage = pipeline()[name]
    assert "_" in name, "a stage is named verb_noun"
    assert listed(stage, "metrics") <= {paths.metrics(name).as_posix()}
    written = listed(stage, "outs", "plots")
    for file in (Path(file) for file in written if file.startswith("reports/")):
        assert paths.reports(name) in [file, *file.parents], f"{name} writes into {file}"
    assert not {file for file in written if file.startswith("metrics/")}, "metrics are listed under metrics:"


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_run_and_nothing_else(name: str):
    tree = ast.parse((ROOT / "stages" / f"{name}.py").read_text(encoding="utf-8"))
    run = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "run")
    assert [argument.arg for argument in run.args.args] == ["params", "log"]
    named = [
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "STAGE"
    ]
    assert named in ([], [name])


def test_no_module_is_named_after_nothing():
    assert [name for name in modules() if set(re.split(r"[._]", name)) & EMPTY_WORDS] == []


def test_every_import_can_be_read_from_the_source():
    code = {name: (ROOT / file_of(name)).read_text(encoding="utf-8") for name in modules()}
    assert [
        name for name, text in code.items() if re.search(r"import_module\(|__import__\(|runpy|pkgutil", text)
    ] == []


def test_files_functions_and_folders_are_small():
    long = [
        path for path in PYTHON if len((ROOT / path).read_text(encoding="utf-8").splitlines()) > FILE_LINES
    ]
    assert long == []
    full = Counter(
        path.parent for path in PYTHON if path.name != "__init__.py" and path.parts[0] == "marquee"
    )
    assert {folder: count for folder, count in full.items() if count > FOLDER_MODULES} == {}
    functions = {
        f"{path}: {node.name}"
        for path in PYTHON
        if path.parts[0] != "tests"
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES
    }
    assert functions == set()


def test_the_pipeline_and_its_lock_can_be_read():
    assert len((ROOT / "dvc.yaml").read_text(encoding="utf-8").splitlines()) <= DVC_YAML_LINES
    assert len((ROOT / "dvc.lock").read_text(encoding="utf-8").splitlines()) <= DVC_LOCK_LINES
