import json
import shutil
from pathlib import Path

import pytest

from marquee.pipeline import paths
from marquee.serving.provenance import commits, promotion, versions
from marquee.serving.provenance.promotion import PromotionError
from marquee.serving.recommender import manifest
from marquee.serving.recommender.manifest import BundleError
from monitoring import promote_bundle, rollback_bundle
from tests.serving.provenance import scratch


def text_of(folder: Path) -> str:
    manifest.verify(folder)
    return (folder / "model.bin").read_text()


def stages() -> dict[str, tuple[str, ...]]:
    return {version.name: version.stages for version in versions.registered()}


def promote_twice(repository: Path) -> None:
    promotion.promote()
    scratch.package(repository, "three", "Package three")
    promotion.promote()


def test_the_first_promotion_registers_a_version_and_copies_the_bundle(repository: Path):
    change = promotion.promote()
    assert (change.version, change.previous, change.changed) == ("v0.0.1", None, True)
    assert change.champion == commits.packaged_by("HEAD")
    assert text_of(paths.CHAMPION) == "two"
    assert not paths.PREVIOUS.exists()
    tags = scratch.run(repository, "git", "tag").split()
    assert tags == ["bundle#champion#1", "bundle@v0.0.1"]
    assert stages() == {"v0.0.1": ("champion",)}


def test_the_second_promotion_keeps_the_first_as_previous(repository: Path):
    promote_twice(repository)
    assert (text_of(paths.CHAMPION), text_of(paths.PREVIOUS)) == ("three", "two")
    assert stages() == {"v0.0.2": ("champion",), "v0.0.1": ("previous",)}
    left = [path.name for path in paths.CHAMPION.parent.iterdir() if path.name.startswith(".")]
    assert left == [".gitignore"]


def test_promoting_the_champion_again_changes_nothing(repository: Path):
    promotion.promote()
    scratch.commit(repository, "Change a comment")
    tags = scratch.run(repository, "git", "tag")
    assert not promotion.promote().changed
    assert scratch.run(repository, "git", "tag") == tags


def test_a_rollback_is_one_command_and_a_second_one_undoes_it(repository: Path):
    promote_twice(repository)
    change = promotion.rollback()
    assert (change.version, change.previous) == ("v0.0.1", "v0.0.2")
    assert (text_of(paths.CHAMPION), text_of(paths.PREVIOUS)) == ("two", "three")
    assert stages() == {"v0.0.2": ("previous",), "v0.0.1": ("champion",)}
    promotion.rollback()
    assert (text_of(paths.CHAMPION), text_of(paths.PREVIOUS)) == ("three", "two")
    assert stages() == {"v0.0.2": ("champion",), "v0.0.1": ("previous",)}


def test_after_a_rollback_the_same_bundle_is_promoted_under_the_version_it_has(repository: Path):
    promote_twice(repository)
    promotion.rollback()
    assert promotion.promote().version == "v0.0.2"
    assert stages() == {"v0.0.2": ("champion",), "v0.0.1": ("previous",)}


def test_where_no_copy_is_left_a_rollback_takes_the_bundle_from_dvc(repository: Path):
    promote_twice(repository)
    shutil.rmtree(paths.PREVIOUS)
    promotion.rollback()
    assert (text_of(paths.CHAMPION), text_of(paths.PREVIOUS)) == ("two", "three")


def test_a_stale_copy_of_the_previous_bundle_is_not_what_comes_back(repository: Path):
    promote_twice(repository)
    shutil.rmtree(paths.PREVIOUS)
    shutil.copytree(paths.BUNDLE, paths.PREVIOUS)
    promotion.rollback()
    assert text_of(paths.CHAMPION) == "two"


def test_gto_shows_versions_and_stages_and_dvc_fetches_by_them(repository: Path, tmp_path: Path):
    promote_twice(repository)
    shown = json.loads(scratch.run(repository, "gto", "show", "--json"))
    assert shown["bundle"]["version"] == "v0.0.2"
    assert shown["bundle"]["stage"] == {"champion": "v0.0.2", "previous": "v0.0.1"}
    for how, text in (("--stage=champion", "three"), ("--stage=previous", "two"), ("--rev=v0.0.1", "two")):
        out = tmp_path / how
        scratch.dvc(repository, "artifacts", "get", ".", "bundle", how, "--out", str(out))
        assert text_of(out) == text
    promotion.rollback()
    scratch.dvc(
        repository, "artifacts", "get", ".", "bundle", "--stage=champion", "--out", str(tmp_path / "now")
    )
    assert text_of(tmp_path / "now") == "two"


def test_a_dvc_lock_that_is_not_committed_is_not_promoted(repository: Path):
    scratch.package(repository, "three")
    with pytest.raises(PromotionError, match=r"dvc\.lock, reports/package_service/bundle\.json differ"):
        promotion.promote()
    assert not paths.CHAMPION.exists()
    assert versions.registered() == []
    assert scratch.run(repository, "git", "tag") == ""


def test_a_bundle_of_another_commit_than_the_last_is_not_promoted(repository: Path):
    kept = repository.parent / "kept"
    shutil.copytree(paths.BUNDLE, kept)
    scratch.package(repository, "three", "Package three")
    shutil.rmtree(paths.BUNDLE)
    shutil.copytree(kept, paths.BUNDLE)
    with pytest.raises(PromotionError, match="Run `dvc repro` and commit, or `dvc checkout`"):
        promotion.promote()


def test_an_altered_bundle_is_not_promoted(repository: Path):
    (paths.BUNDLE / "model.bin").unlink()
    (paths.BUNDLE / "model.bin").write_text("tampered")
    with pytest.raises(BundleError, match="corrupted"):
        promotion.promote()


def test_without_a_second_promotion_there_is_nothing_to_roll_back_to(repository: Path):
    promotion.promote()
    with pytest.raises(PromotionError, match="nothing was promoted twice"):
        promotion.rollback()


def test_where_copying_fails_neither_champion_nor_tags_change(
    repository: Path, monkeypatch: pytest.MonkeyPatch
):
    promotion.promote()
    scratch.package(repository, "three", "Package three")
    before = stages()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(OSError, match="No space left"):
        promotion.promote()
    assert text_of(paths.CHAMPION) == "two"
    assert {name: held for name, held in stages().items() if held} == before


def test_the_commands_say_what_is_the_champion_now(repository: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO")
    assert promote_bundle.main() == 0
    assert "v0.0.1" in caplog.messages[-1]
    assert promote_bundle.main() == 0
    assert "is the champion already" in caplog.messages[-1]
    assert rollback_bundle.main() == 2
    scratch.package(repository, "three", "Package three")
    assert promote_bundle.main() == 0
    assert "v0.0.1 was before: `make rollback` brings it back" in caplog.messages[-1]
    assert rollback_bundle.main() == 0
    assert "v0.0.1" in caplog.messages[-1]
    assert "v0.0.2 is set aside" in caplog.messages[-1]
