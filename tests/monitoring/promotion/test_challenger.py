"""What serves, what it was fitted on, and what keeps a challenger from being made."""

import logging
import shutil
from pathlib import Path

import pytest

from marquee.events import records
from marquee.monitoring.collection import tables
from marquee.monitoring.collection.tables import Rows
from marquee.monitoring.promotion import challenger, retraining
from marquee.monitoring.promotion.periods import Cutoffs, RetrainError
from marquee.pipeline import paths
from marquee.pipeline.files import write_json
from marquee.serving.provenance import commits, promotion
from marquee.serving.provenance.commits import GitError
from monitoring import retrain_bundle
from tests.events import examples
from tests.fixtures.tiny_pipeline import PARAMS
from tests.serving.provenance import scratch

LOG = logging.getLogger("test")
FOUND = Cutoffs("2023-11-13", "2023-11-15")


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose last commit packaged bundle `one`; nobody writes into it."""
    root = tmp_path_factory.mktemp("challenger") / "repository"
    scratch.make(root)
    scratch.package(root, "one", "Package one")
    return root


@pytest.fixture
def repository(packaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that repository as the working directory."""
    root = tmp_path / "repository"
    shutil.copytree(packaged, root, symlinks=True)
    for name, value in (scratch.AUTHOR | {"DVC_NO_ANALYTICS": "1"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.chdir(root)
    return root


def test_the_champion_is_what_a_service_would_answer_from(repository: Path):
    name = commits.packaged_by("HEAD")
    assert challenger.champion() == challenger.Champion(paths.BUNDLE, name)
    promotion.promote()
    assert challenger.champion() == challenger.Champion(paths.CHAMPION, name)
    shutil.rmtree(paths.CHAMPION)
    other = scratch.package(repository, "two")
    # The copy is gone and the workspace has packaged another: the tag still says which one it is.
    tagged = challenger.champion()
    assert (tagged.content_hash, commits.packaged_by("HEAD")) == (name, name)
    assert other != name


def test_the_champions_periods_are_those_of_the_commit_that_packaged_it(repository: Path):
    write_json(paths.PROCESSED.manifest, {"split": "temporal"})
    name = commits.packaged_by("HEAD")
    assert name is not None
    with challenger.processed_manifest(name) as path:
        assert path == paths.PROCESSED.manifest
    with (
        pytest.raises(RetrainError, match="No commit packaged the champion cccccccccccc"),
        challenger.processed_manifest("c" * 64),
    ):
        pass


def test_changes_of_tracked_files_would_be_part_of_the_challenger_and_are_refused(repository: Path):
    challenger.require_ready()
    (repository / "stages/explore_data.py").write_text("# changed\n")
    with pytest.raises(RetrainError, match=r"stages/explore_data\.py differ from the last commit"):
        challenger.require_ready()


def test_an_output_that_dvc_has_no_copy_of_could_not_be_replaced_and_is_refused(repository: Path):
    challenger.require_ready()
    (paths.BUNDLE / "model.bin").write_text("altered")
    with pytest.raises(RetrainError, match=r"no copy of models/bundle/.* as they are here"):
        challenger.require_ready()
    shutil.rmtree(paths.BUNDLE)  # what is not here is not lost
    challenger.require_ready()


def test_a_pipeline_that_fails_gives_no_challenger_and_leaves_all_as_it_was(repository: Path):
    values = scratch.PARAMS | {"preprocess_data": {"validation_cutoff": 0.8, "test_cutoff": 0.9}}
    values["data"] = {"source": "sample", "feedback": "none"}
    write_json(paths.PARAMS, values)  # JSON is YAML
    (repository / "source/ratings.csv").unlink()
    scratch.commit(repository, "Lose the ratings")
    before = challenger.champion()
    with pytest.raises(RetrainError, match="The pipeline failed on the newer data"):
        challenger.fit(FOUND, "data/events", paths.EVENTS.tables)
    assert challenger.champion() == before
    assert commits.git("status", "--porcelain") == ""
    assert commits.git("for-each-ref", challenger.EXPERIMENTS) == ""


def test_a_branch_that_has_moved_meanwhile_is_not_overwritten(repository: Path):
    scratch.run(repository, "git", "switch", "--quiet", "--create", "other")
    other = scratch.commit(repository, "Elsewhere")
    scratch.run(repository, "git", "switch", "--quiet", "main")
    scratch.commit(repository, "Here")
    with pytest.raises(GitError, match="git merge failed"):
        challenger.adopt(other)


def test_without_a_challenger_the_page_says_so_before_the_error_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object) -> str:
        raise RetrainError("no requirement was met")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(challenger, "fit", fail)
    with pytest.raises(RetrainError):
        retrain_bundle._fit(FOUND, PARAMS)
    page = (paths.reports("retrain_bundle") / "report.md").read_text()
    assert page.startswith("# The champion stays.")
    assert page.endswith("no requirement was met\n")


def test_feedback_is_trained_on_where_some_was_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(challenger, "fit", lambda found, feedback, events: asked.append(feedback) or "abc")
    retrain_bundle._fit(FOUND, PARAMS)
    rows = Rows()
    rows.add(records.parse(records.to_line(examples.feedback())))
    tables.merge(paths.EVENTS.tables / "2020-09-13", rows)
    retrain_bundle._fit(FOUND, PARAMS)
    assert asked == ["none", "data/events"]


def test_the_cool_down_counts_from_the_latest_event_collected(tmp_path: Path):
    assert retraining.newest_event(tmp_path) == 0
    rows = Rows()
    rows.add(records.parse(records.to_line(examples.answer(time=1_600_000_300.5))))
    rows.add(records.parse(records.to_line(examples.feedback())))
    tables.merge(tmp_path / "2020-09-13", rows)
    assert retraining.newest_event(tmp_path) == 1_600_000_300.5
