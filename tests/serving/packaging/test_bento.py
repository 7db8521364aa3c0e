import ast
import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest
import yaml
from packaging.requirements import Requirement

from marquee.pipeline import paths
from marquee.serving.packaging import bento
from marquee.serving.recommender.manifest import BundleError
from tests.places import ROOT

OPTIONS = yaml.safe_load((ROOT / bento.BENTOFILE).read_text())
CODE = [pattern for pattern in OPTIONS["include"] if pattern.startswith("marquee/")]
SERVICE = "marquee.serving.service.service"


def packed() -> set[str]:
    """The files of the library that a Bento holds."""
    return {path.as_posix() for path in bento.included(ROOT, CODE)}


def file_of(module: str) -> str:
    base = Path(*module.split("."))
    package = base / "__init__.py"
    return (package if (ROOT / package).is_file() else base.with_suffix(".py")).as_posix()


def closure(module: str) -> set[str]:
    """The files that run when a module is imported: its imports, and the packages above each of them."""
    reached = {module} | grimp.build_graph("marquee", cache_dir=None).find_upstream_modules(module)
    parts = [name.split(".") for name in reached]
    names = {".".join(part[:length]) for part in parts for length in range(1, len(part) + 1)}
    return {file_of(name) for name in names}


def test_the_bento_holds_the_bundle_the_page_and_the_import_closure_of_the_service_and_nothing_else():
    assert OPTIONS["service"] == f"{SERVICE}:Marquee"
    assert set(OPTIONS["include"]) - set(CODE) == {bento.BENTOFILE, f"{paths.BUNDLE}/**/*"}
    page = {path.relative_to(ROOT).as_posix() for path in (ROOT / "marquee/serving/service/page").iterdir()}
    assert packed() == closure(SERVICE) | page


def test_whatever_the_bento_holds_is_a_dependency_of_the_stage_that_packages_it():
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["package_service"]
    rooms = [Path(path) for path in stage["deps"]]
    forgotten = [
        name
        for name in {*packed(), bento.BENTOFILE}
        if not any(Path(name).is_relative_to(room) for room in rooms) and not says_nothing(name)
    ]
    assert forgotten == [], "add them to the deps of package_service in dvc.yaml"
    assert paths.BUNDLE.as_posix() in stage["outs"]


def says_nothing(name: str) -> bool:
    """Whether a file is a package's that holds no more than words and imports of rooms every stage reads."""
    allowed = (ast.Expr, ast.ImportFrom)
    body = ast.parse((ROOT / name).read_text(encoding="utf-8")).body
    return (
        name.endswith("/__init__.py")
        and all(isinstance(line, allowed) for line in body)
        and all(line.module == "marquee.pipeline" for line in body if isinstance(line, ast.ImportFrom))
    )


def test_the_bento_pins_what_the_lock_pins():
    lock = (ROOT / "requirements.lock").read_text()
    pinned = [Requirement(package) for package in bento.packages(ROOT)]
    for name in {requirement.name for requirement in pinned}:
        locked = set(re.findall(rf"^{re.escape(name)}==(\S+)", lock, flags=re.MULTILINE))
        ours = {str(requirement.specifier) for requirement in pinned if requirement.name == name}
        assert ours == {f"=={version}" for version in locked}, f"correct {name} in bentofile.yaml"


def test_the_service_imports_nothing_it_does_not_need():
    heavy = ("tensorflow", "pandas", "sklearn", "scipy", "optuna", "dvc", "pyarrow", "matplotlib")
    code = f"import sys, {SERVICE}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_only_named_files_are_staged_each_at_its_place(tmp_path: Path):
    root, context = tmp_path / "root", tmp_path / "context"
    for name in ("a/b.py", "a/c.py", "a/deep/b.py", "other/a/b.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    bento.stage(root, context, ["a/b.py", "a/deep/*"])
    staged = sorted(path.relative_to(context).as_posix() for path in context.rglob("*") if path.is_file())
    assert staged == ["a/b.py", "a/deep/b.py"]
    assert (context / "a/deep/b.py").read_text() == "a/deep/b.py"


def test_a_file_that_two_patterns_name_is_included_once(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b.py").write_text("")
    assert bento.included(tmp_path, ["a/b.py", "a/**/*.py"]) == [Path("a/b.py")]


def test_a_pattern_that_names_no_file_is_refused(tmp_path: Path):
    with pytest.raises(BundleError, match=r"includes models/bundle/\*, which names no file"):
        bento.stage(tmp_path, tmp_path / "context", ["models/bundle/*"])


def test_the_version_follows_contents_and_names(tmp_path: Path):
    versions = []
    for name, text in (("a", "1"), ("a", "2"), ("b", "2"), ("a", "1")):
        folder = tmp_path / str(len(versions))
        folder.mkdir()
        (folder / name).write_text(text)
        versions.append(bento.content_version(folder))
    assert versions[0] == versions[3]
    assert len(set(versions)) == 3
    assert re.fullmatch("[0-9a-f]{16}", versions[0])
