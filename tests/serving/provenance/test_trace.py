import hashlib
from pathlib import Path

import pytest

from marquee.events import records
from marquee.pipeline import paths
from marquee.serving.provenance import commits, promotion, trace
from monitoring import trace_answer
from tests.events import examples
from tests.serving.provenance import answered, scratch


def md5(path: str) -> str:
    return hashlib.md5(Path(path).read_bytes(), usedforsecurity=False).hexdigest()


def of_head() -> trace.Trace:
    return trace.of_bundle(str(commits.packaged_by("HEAD")), paths.BUNDLE)


def test_a_trace_names_the_commit_and_what_its_lock_says_of_data_and_code(repository: Path):
    made = of_head()
    assert made.commit == commits.describe("HEAD")
    assert made.version is None
    assert set(made.data) == {"data/raw"}
    assert made.data["data/raw"].endswith(".dir")
    # explore_data gives nothing that the bundle rests on, so its code made nothing of it.
    assert set(made.code) == {"marquee/serving", "stages/fetch_data.py", "stages/package_service.py"}
    assert made.code["stages/fetch_data.py"] == md5("stages/fetch_data.py")
    assert made.libraries == ("numpy==2.4.6", "pydantic==2.14.3")


def test_knobs_are_those_given_and_those_that_sweeps_chose_not_how_they_searched(repository: Path):
    assert of_head().params == {
        "data.source": "sample",
        "ranking.factors": 4,
        "seed": 7,
        "serving.events.enabled": True,
    }


def test_a_later_change_of_code_and_knobs_is_not_in_the_trace(repository: Path):
    before = of_head()
    Path("stages/package_service.py").write_text("# changed\n")
    paths.RANKING.best_params.write_text("factors: 8\n")
    scratch.commit(repository, "Change the code, not yet run")
    assert of_head() == before


def test_a_registered_bundle_is_traced_to_its_version_and_stage(repository: Path):
    promotion.promote()
    assert of_head().version == "v0.0.1 (champion)"


def test_a_bundle_that_was_never_committed_has_its_libraries_alone(repository: Path):
    content_hash = scratch.package(repository, "never committed")
    made = trace.of_bundle(content_hash, paths.BUNDLE)
    assert made.commit is None
    assert (made.data, made.code, made.params) == ({}, {}, {})
    assert "numpy==2.4.6" in made.libraries
    assert "commit   none in this clone's history" in trace.table(made)


def test_the_command_prints_what_made_an_answer(repository: Path, capsys: pytest.CaptureFixture[str]):
    answer = examples.answer(bundle=str(commits.packaged_by("HEAD~1")))
    answered.write([records.to_line(answer)], paths.EVENTS.folder)
    assert trace_answer.main([answer["request_id"]]) == 0
    printed = capsys.readouterr().out
    assert answer["request_id"] in printed
    assert "recommend at 2020-09-13T12:26:40.125+00:00 by the champion" in printed
    assert f"{commits.describe('HEAD~1').sha} " in printed
    assert "Package one" in printed
    for line in ("  data/raw  ", "  ranking.factors         4", "  numpy     2.4.6"):
        assert line in printed


def test_an_answer_of_an_unknown_bundle_gives_the_reason(repository: Path, caplog: pytest.LogCaptureFixture):
    answer = examples.answer()
    answered.write([records.to_line(answer)], paths.EVENTS.folder)
    assert trace_answer.main([answer["request_id"]]) == 2
    assert "There is no bundle abab" in caplog.text
