import ast
import logging
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import bentoml
import grimp
import pytest
import yaml
from bentoml._internal.configuration.containers import BentoMLContainer
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


# ---- a build that was killed ------------------------------------------------------------------------------

SMALL_BENTOFILE = "{service: a:B, name: small, include: [bentofile.yaml, code/*], python: {packages: []}}"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of two files, and in the place of BentoML's store a folder per tag."""
    (tmp_path / "root/code").mkdir(parents=True)
    (tmp_path / "root/bentofile.yaml").write_text(SMALL_BENTOFILE)
    (tmp_path / "root/code/a.py").write_text("a = 1\n")

    def place(tag: str) -> Path:
        return tmp_path / "store" / tag.split(":")[1]

    def get(tag: str) -> SimpleNamespace:
        if not place(tag).exists():
            raise bentoml.exceptions.NotFound(tag)
        if not (place(tag) / "bento.yaml").exists():
            raise bentoml.exceptions.BentoMLException("no bento.yaml")
        return SimpleNamespace(path=str(place(tag)))

    def build(*, version: str, build_ctx: str, **_: object) -> None:
        if place(f":{version}").exists():
            raise bentoml.exceptions.BentoMLException("it exists")
        shutil.copytree(build_ctx, place(f":{version}") / "src")
        (place(f":{version}") / "env").mkdir()
        (place(f":{version}") / "bento.yaml").touch()

    def delete(tag: str) -> None:
        if not place(tag).exists():
            raise bentoml.exceptions.NotFound(tag)
        shutil.rmtree(place(tag))

    for name, function in {"get": get, "build": build, "delete": delete}.items():
        monkeypatch.setattr(bentoml, name, function)
    return tmp_path / "store"


def built(store: Path) -> str:
    return bento.build(store.parent / "root", logging.getLogger("test"))


def test_a_bento_that_is_whole_is_built_once(store: Path):
    tag = built(store)
    (made,) = store.iterdir()
    marker = made / "marker"
    marker.touch()
    assert built(store) == tag
    assert marker.exists()


@pytest.mark.parametrize("damage", ["src/code/a.py", "src", "env", "bento.yaml"])
def test_a_bento_of_a_build_that_was_killed_is_built_again(
    store: Path, damage: str, caplog: pytest.LogCaptureFixture
):
    tag = built(store)
    (made,) = store.iterdir()
    gone = made / damage
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    assert built(store) == tag
    assert (made / "src/code/a.py").read_text() == "a = 1\n"
    assert (made / "bento.yaml").exists()
    assert "was not whole, as if its build had been killed" in caplog.text


def test_a_file_that_was_cut_off_is_noticed(store: Path):
    built(store)
    (made,) = store.iterdir()
    (made / "src/code/a.py").write_text("a =")
    built(store)
    assert (made / "src/code/a.py").read_text() == "a = 1\n"


def test_what_another_packaging_has_built_meanwhile_is_taken(store: Path, monkeypatch: pytest.MonkeyPatch):
    build = bentoml.build

    def twice(**options: object) -> None:
        build(**options)
        build(**options)

    monkeypatch.setattr(bentoml, "build", twice)
    built(store)
    assert len(list(store.iterdir())) == 1


def test_a_build_that_fails_is_told(store: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(**_: object) -> None:
        raise bentoml.exceptions.BentoMLException("no space left")

    monkeypatch.setattr(bentoml, "build", fail)
    with pytest.raises(BundleError, match=r"could not build the Bento of bentofile.yaml: no space left"):
        built(store)


def test_a_build_that_fails_leaves_nothing_in_bentomls_home(store: Path, monkeypatch: pytest.MonkeyPatch):
    aside = []

    def fill(**_: object) -> None:  # as bentoml.build begins
        aside.append(Path(tempfile.mkdtemp(dir=BentoMLContainer.tmp_bento_store_dir.get())))
        raise bentoml.exceptions.BentoMLException("no space left")

    home = BentoMLContainer.tmp_bento_store_dir.get()
    monkeypatch.setattr(bentoml, "build", fill)
    with pytest.raises(BundleError, match="no space left"):
        built(store)
    assert not aside[0].is_relative_to(home)
    assert not aside[0].exists()
    assert BentoMLContainer.tmp_bento_store_dir.get() == home
