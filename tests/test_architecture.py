"""The house plan, asserted: who may import whom, what serving may know, what dvc.yaml must list."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from marquee.pipeline import paths
from tests import architecture
from tests.architecture import ROOT, closure, files, imports, is_verb, modules

# What each area may import beside itself; modules directly in stages/ serve all and import none of these.
MAY_IMPORT: dict[str, set[str]] = {
    "data": set(),
    "evaluation": {"data"},
    "retrieval": {"evaluation", "data"},
    "ranking": {"evaluation", "data"},
    "neighbours": {"evaluation", "data"},
    "monitoring": {"data"},
    "serving": {"monitoring", "neighbours", "ranking", "retrieval", "evaluation", "data"},
}
TRAINING_ONLY = {
    "tensorflow",
    "tensorflow_recommenders",
    "tf_keras",
    "keras",
    "optuna",
    "dvc",
    "sklearn",
    "scipy",
}
TRAINING_ONLY |= {"tf2onnx", "onnx", "onnxruntime", "pandas", "matplotlib"}
EMPTY_WORDS = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}
VERBS = [module for module in modules() if is_verb(module)]


def area(module: str) -> str | None:
    """`data` for stages.data and what is in it; None for a module directly in stages/ or outside it."""
    house, _, rest = module.partition(".")
    name = rest.partition(".")[0]
    return name if house == "stages" and name and (ROOT / house / name).is_dir() else None


def may_import(module: str) -> set[str | None]:
    own = area(module)
    return set(MAY_IMPORT[own]) if own else set()


def pipeline() -> dict[str, dict[str, Any]]:
    return dict(yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"])


def stage_names() -> list[str]:
    return sorted(pipeline()) if (ROOT / "dvc.yaml").is_file() else ["dvc.yaml is missing"]


def entry_of(stage: dict[str, Any]) -> str:
    python, flag, module = stage["cmd"].split()
    assert (python, flag) == ("python", "-m")
    return str(module)


def paths_of(stage: dict[str, Any], *keys: str) -> set[str]:
    """The files a stage lists under `keys`, options (`{cache: false}`) left aside."""
    entries = [entry for key in keys for entry in stage.get(key, [])]
    return {next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries}


def params_of(stage: dict[str, Any]) -> set[str]:
    """The top-level names of params.yaml a stage listens to."""
    return {entry.split(".")[0] for entry in stage.get("params", [])}


def test_imports_go_one_way():
    wrong = {
        module: found
        for module in modules()
        if (found := {area(name) for name in imports(module)} - {None, area(module)} - may_import(module))
    }
    assert wrong == {}


def test_nothing_imports_a_stage():
    guilty = {module: found for module in modules() if (found := imports(module) & set(VERBS))}
    assert guilty == {}, "move what is needed into a noun"


def test_every_area_has_its_place_in_the_order():
    areas = {area(module) for module in modules()} - {None}
    assert areas == set(MAY_IMPORT), "say in MAY_IMPORT what a new area may import"


def test_the_service_and_all_it_imports_know_nothing_of_training():
    reached = closure("marquee.serving.service.service")
    assert "marquee.serving.recommender.recommender" in reached
    guilty = {module: sorted(imports(module) & TRAINING_ONLY) for module in reached}
    assert {module: found for module, found in guilty.items() if found} == {}


def test_no_module_is_named_after_nothing():
    assert [name for name in modules() if set(name.replace(".", "_").split("_")) & EMPTY_WORDS] == []


def test_every_import_can_be_read_from_the_source():
    text = {name: (ROOT / architecture.path_of(name)).read_text(encoding="utf-8") for name in modules()}
    assert [name for name, source in text.items() if re.search(r"import_module\(|__import__\(", source)] == []
    assert [name for name in modules() if imports(name) & {"runpy", "pkgutil"}] == []


def test_every_stage_module_is_run_by_exactly_one_stage():
    assert sorted(entry_of(stage) for stage in pipeline().values()) == sorted(VERBS)


@pytest.mark.parametrize("name", stage_names())
def test_deps_of_a_stage_are_exactly_the_files_it_runs(name: str):
    stage = pipeline()[name]
    code = sorted(file for file in paths_of(stage, "deps") if file.startswith("stages"))
    expected = files(entry_of(stage))
    assert code == expected, (
        f"{name}: missing {sorted(set(expected) - set(code))}, not run {sorted(set(code) - set(expected))}; "
        f"`python -m tests.architecture {entry_of(stage)}` prints the list"
    )


@pytest.mark.parametrize("name", stage_names())
def test_a_stage_says_what_it_does_and_what_it_listens_to(name: str):
    stage = pipeline()[name]
    known = set(yaml.safe_load((ROOT / paths.PARAMS).read_text(encoding="utf-8")))
    assert len(stage["desc"].split()) >= 3
    assert params_of(stage) <= known
    assert name not in known or name in params_of(stage), f"{name} does not listen to its own section"


@pytest.mark.parametrize("name", stage_names())
def test_module_metrics_and_reports_bear_the_name_of_their_stage(name: str):
    stage = pipeline()[name]
    verb, _, noun = name.partition("_")
    assert noun, "a stage is named verb_noun"
    assert entry_of(stage).rpartition(".")[2] == verb
    assert paths_of(stage, "metrics") <= {paths.metrics(name).as_posix()}
    written = paths_of(stage, "outs", "plots")
    for file in (Path(file) for file in written if file.startswith("reports/")):
        assert paths.reports(name) in [file, *file.parents], f"{name} writes into {file}"
    assert not {file for file in written if file.startswith("metrics/")}, "metrics are listed under metrics:"


# ---- the reader itself, on a small house ------------------------------------------------------------------


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """stages/ with an area `data` (fetch -> schema -> rows lazily) and a type-only import of `train`."""
    sources = {
        "stages/__init__.py": "import os\n",
        "marquee/pipeline/files.py": "import json, numpy.linalg\n",
        "stages/data/__init__.py": "",
        "stages/fetch_data.py": "from stages.data import schema\nif __name__ == '__main__':\n    schema\n",
        "marquee/data/tables/schema.py": (
            "from typing import TYPE_CHECKING\nfrom . import NOTHING\nfrom marquee.pipeline.files import write\n"
            "if TYPE_CHECKING:\n    from stages.data.train import Model\n"
            "def read():\n    from .rows import Row\n"
        ),
        "stages/data/rows.py": "import tensorflow as tf\n",
        "stages/data/train.py": "",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(architecture, "ROOT", tmp_path)
    architecture.tree_of.cache_clear()
    architecture.imports.cache_clear()
    yield tmp_path
    architecture.tree_of.cache_clear()
    architecture.imports.cache_clear()


@pytest.mark.usefixtures("house")
def test_the_closure_holds_packages_and_lazy_imports_but_not_imports_for_types():
    assert files("stages.fetch_data") == [
        "stages/__init__.py",
        "stages/data/__init__.py",
        "stages/fetch_data.py",
        "stages/data/rows.py",
        "marquee/data/tables/schema.py",
        "marquee/pipeline/files.py",
    ]


@pytest.mark.usefixtures("house")
def test_outside_imports_are_known_by_their_top_level_name():
    assert imports("marquee.pipeline.files") == {"json", "numpy"}
    assert imports("stages.data.rows") == {"tensorflow"}


@pytest.mark.usefixtures("house")
def test_a_stage_is_known_by_its_main_block():
    assert [module for module in modules() if is_verb(module)] == ["stages.fetch_data"]


@pytest.mark.usefixtures("house")
def test_a_module_that_does_not_exist_is_named():
    with pytest.raises(FileNotFoundError, match=r"stages\.data\.nothing"):
        architecture.path_of("stages.data.nothing")
