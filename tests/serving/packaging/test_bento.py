import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from marquee.serving.packaging import bento
from marquee.serving.recommender.bundle import BundleError
from tests.architecture import files
from tests.places import ROOT

OPTIONS = yaml.safe_load((ROOT / "bentofile.yaml").read_text())


def test_the_bento_includes_the_bundle_the_page_and_the_import_closure_of_the_service():
    code = files("marquee.serving.service.service")
    assert OPTIONS["include"] == [
        "bentofile.yaml",
        "models/bundle/**/*",
        *code,
        "marquee/serving/service/page/*",
    ]


def test_the_bento_pins_what_the_lock_pins():
    lock = (ROOT / "requirements.lock").read_text()
    pinned = [Requirement(package) for package in OPTIONS["python"]["packages"]]
    for name in {requirement.name for requirement in pinned}:
        locked = set(re.findall(rf"^{re.escape(name)}==(\S+)", lock, flags=re.MULTILINE))
        ours = {str(requirement.specifier) for requirement in pinned if requirement.name == name}
        assert ours == {f"=={version}" for version in locked}, f"correct {name} in bentofile.yaml"


def test_the_service_imports_nothing_it_does_not_need():
    heavy = ("tensorflow", "pandas", "sklearn", "scipy", "optuna", "dvc", "pyarrow", "matplotlib")
    code = f"import sys, marquee.serving.service.service; print([m for m in {heavy} if m in sys.modules])"
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
