import shutil
from pathlib import Path

import pytest

from tests.serving.provenance import scratch


@pytest.fixture(scope="session")
def two_commits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose history packaged bundle `one`, then bundle `two`; nobody writes into it."""
    root = tmp_path_factory.mktemp("provenance") / "history"
    scratch.make(root)
    scratch.package(root, "one", "Package one")
    scratch.package(root, "two", "Package two")
    return root


@pytest.fixture
def repository(two_commits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that repository as the working directory."""
    root = tmp_path / "repository"
    shutil.copytree(two_commits, root, symlinks=True)
    for name, value in scratch.AUTHOR.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.chdir(root)
    return root
