from pathlib import Path

import pytest

from marquee.pipeline import paths
from marquee.serving.provenance import commits
from marquee.serving.provenance.commits import GitError
from tests.serving.provenance import scratch


def test_a_content_hash_names_the_first_commit_that_packaged_it(repository: Path):
    first, second = commits.packaged_by("HEAD~1"), commits.packaged_by("HEAD")
    assert first
    assert second
    scratch.commit(repository, "Change a comment")
    found = commits.packaging(second)
    assert found == commits.describe("HEAD~1")
    assert found is not None
    assert found.subject == "Package two"
    # The second commit takes the first hash away: it does not package it.
    assert commits.packaging(first) == commits.describe("HEAD~2")
    assert commits.packaging("ab" * 32) is None


def test_a_bundle_that_only_a_merge_packaged_is_found(repository: Path):
    scratch.run(repository, "git", "switch", "--quiet", "--create", "other", "HEAD~1")
    (repository / "note.txt").write_text("on another branch\n")
    scratch.commit(repository, "Add a note")
    scratch.run(repository, "git", "switch", "--quiet", "main")
    scratch.run(repository, "git", "merge", "--quiet", "--no-ff", "--no-commit", "other")
    merged = scratch.package(repository, "of both", "Merge and package")
    found = commits.packaging(merged)
    assert found is not None
    assert found.subject == "Merge and package"


def test_changed_files_are_those_that_head_has_otherwise_or_not(repository: Path):
    asked = (Path("dvc.lock"), paths.PACKAGED, Path("new.txt"))
    assert commits.changed(*asked) == []
    (repository / "dvc.lock").write_text("{}")
    (repository / "new.txt").write_text("new")
    assert sorted(commits.changed(*asked)) == ["dvc.lock", "new.txt"]


def test_what_git_says_is_the_error(repository: Path):
    with pytest.raises(GitError, match="unknown revision"):
        commits.describe("no-such-branch")
