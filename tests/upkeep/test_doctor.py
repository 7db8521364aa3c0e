"""Each thing that keeps a clone from working is found and told with its cure."""

import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from marquee.pipeline import environment
from marquee.upkeep import doctor
from tests.places import ROOT

Disk = namedtuple("Disk", "free")
Memory = namedtuple("Memory", "available")


def test_nothing_is_wrong_with_this_clone_but_what_a_machine_may_lack(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    anywhere = (doctor.python, doctor.packages, doctor.variables, doctor.lock, doctor.writable)
    assert [check(ROOT) for check in anywhere] == [None] * 5


def test_another_python_first_on_path_is_named_with_how_to_activate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    other = tmp_path / "python"
    other.symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    said = doctor.python(ROOT)
    assert said is not None
    assert f"`python` on PATH is {other}, not {sys.executable}" in said
    assert "source .venv/bin/activate" in said


def test_variables_that_are_not_heeded_are_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(environment, "OVERRULED", ["TF_ENABLE_ONEDNN_OPTS=0"])
    assert "TF_ENABLE_ONEDNN_OPTS=0" in (doctor.variables(ROOT) or "")


def test_an_empty_dvc_lock_is_found(tmp_path: Path):
    assert doctor.lock(tmp_path) is None
    (tmp_path / "dvc.lock").touch()
    assert "run `make repro`" in (doctor.lock(tmp_path) or "")


def test_a_shallow_clone_is_found_and_the_cure_works(tmp_path: Path):
    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)

    author = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    git("init", "--quiet", "whole")
    for message in ("one", "two"):
        git("-C", "whole", *author, "commit", "--quiet", "--allow-empty", "--message", message)
    git("clone", "--quiet", "--depth", "1", f"file://{tmp_path}/whole", "shallow")
    assert doctor.history(tmp_path / "whole") is None
    assert "`git fetch --unshallow`" in (doctor.history(tmp_path / "shallow") or "")
    git("-C", "shallow", "fetch", "--quiet", "--unshallow")
    assert doctor.history(tmp_path / "shallow") is None


def test_letters_beyond_ascii_in_the_path_are_found(tmp_path: Path):
    folder = tmp_path / "vidéos"
    folder.mkdir()
    assert "vidéos has letters beyond ASCII" in (doctor.path(folder) or "")
    assert doctor.path(Path("/")) is None


def test_too_little_disk_or_memory_is_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: Disk(free=1.25e9))
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: Memory(available=1.5e9))
    assert (doctor.disk(ROOT) or "").startswith("1.2 GB are free; the sample wants 4")
    assert (doctor.memory(ROOT) or "").startswith("1.5 GB of memory are free; the sample wants 3")


def test_folders_that_cannot_be_written_are_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor.os, "access", lambda folder, _: folder.name != "models")
    assert (doctor.writable(ROOT) or "").startswith("models cannot be written")


def test_it_ends_with_1_where_something_is_wrong(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(doctor, "CHECKS", (doctor.lock,))
    with caplog.at_level("INFO"):
        assert doctor.main() == 0
        monkeypatch.setattr(doctor, "CHECKS", (_ill, doctor.lock))
        assert doctor.main() == 1
    assert "it is broken" in caplog.text


def _ill(_: Path) -> str:
    return "it is broken"
