import shutil
from pathlib import Path

import pytest

from marquee.pipeline import paths
from marquee.serving.provenance import bundles, commits
from marquee.serving.provenance.bundles import BundleNotFoundError
from tests.serving.provenance import scratch


def hashes() -> tuple[str, str]:
    """Of the first and the second bundle."""
    first, second = commits.packaged_by("HEAD~1"), commits.packaged_by("HEAD")
    assert first
    assert second
    return first, second


def text_of(folder: Path) -> str:
    return (folder / "model.bin").read_text()


def test_a_bundle_that_lies_here_is_taken_from_here(repository: Path):
    first, second = hashes()
    assert bundles.find(second) == paths.BUNDLE
    shutil.copytree(paths.BUNDLE, paths.CHALLENGER)
    scratch.package(repository, "three")
    assert bundles.find(second) == paths.CHALLENGER
    assert not paths.ARCHIVE.exists()
    assert first != second


def test_an_altered_copy_is_passed_over(repository: Path):
    _, second = hashes()
    shutil.copytree(paths.BUNDLE, paths.CHALLENGER)
    (paths.BUNDLE / "model.bin").unlink()
    (paths.BUNDLE / "model.bin").write_text("tampered")
    assert bundles.find(second) == paths.CHALLENGER


def test_a_bundle_of_an_earlier_commit_comes_from_the_cache_and_is_kept(repository: Path):
    first, _ = hashes()
    folder = bundles.find(first)
    assert folder == paths.ARCHIVE / first
    assert text_of(folder) == "one"
    shutil.rmtree(".dvc/cache")
    assert bundles.find(first) == folder
    assert [path.name for path in paths.ARCHIVE.iterdir()] == [first]


def test_an_altered_archive_is_fetched_anew(repository: Path):
    first, _ = hashes()
    folder = bundles.find(first)
    (folder / "model.bin").unlink()
    assert text_of(bundles.find(first)) == "one"


def test_a_bundle_of_another_branch_is_found(repository: Path):
    scratch.run(repository, "git", "switch", "--quiet", "--create", "trial")
    content_hash = scratch.package(repository, "tried", "Package a trial")
    scratch.run(repository, "git", "switch", "--quiet", "main")
    scratch.dvc(repository, "checkout", "--quiet")
    assert text_of(bundles.find(content_hash)) == "tried"


def test_a_bundle_that_the_cache_has_lost_comes_from_the_remote_that_is_the_default_now(
    repository: Path, tmp_path: Path
):
    _, second = hashes()
    # The commit of the second bundle knows of no remote yet.
    scratch.dvc(repository, "remote", "add", "--quiet", "--default", "shelf", str(tmp_path / "shelf"))
    scratch.dvc(repository, "push", "--quiet")
    scratch.package(repository, "three", "Package three")
    shutil.rmtree(".dvc/cache")
    assert text_of(bundles.find(second)) == "two"


def test_what_the_error_says_to_run_in_another_clone_pushes_bundles_of_old_commits_too(
    repository: Path, tmp_path: Path
):
    first, _ = hashes()
    scratch.dvc(
        repository, "remote", "add", "--quiet", "--local", "--default", "shelf", str(tmp_path / "shelf")
    )
    scratch.dvc(repository, "push", "--quiet", "--all-commits")
    shutil.rmtree(".dvc/cache")
    assert text_of(bundles.find(first)) == "one"


def test_where_cache_and_remote_have_lost_it_the_error_names_the_commit_and_what_to_do(repository: Path):
    first, _ = hashes()
    shutil.rmtree(".dvc/cache")
    with pytest.raises(BundleNotFoundError) as failure:
        bundles.find(first)
    said = str(failure.value)
    assert commits.git("rev-parse", "HEAD~1")[:12] in said
    assert "Package one" in said
    assert "dvc fetch --all-commits" in said
    assert "`dvc remote add --local --default NAME ADDRESS`), and run `dvc push --all-commits`" in said
    assert not list(paths.ARCHIVE.iterdir())


def test_a_bundle_that_no_commit_packaged_is_said_to_be_unknown_and_where_it_was_looked_for(repository: Path):
    uncommitted = scratch.package(repository, "never committed")
    assert bundles.find(uncommitted) == paths.BUNDLE
    scratch.forget_locally(repository)
    with pytest.raises(BundleNotFoundError, match=r"models/champion.*in Git's history") as failure:
        bundles.find(uncommitted)
    assert uncommitted in str(failure.value)
    assert "git fetch --all" in str(failure.value)


def test_outside_a_git_repository_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleNotFoundError, match="not a git repository"):
        bundles.find("ab" * 32)
