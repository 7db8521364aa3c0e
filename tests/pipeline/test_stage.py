"""How a stage runs and ends."""

import logging
import os
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info

from marquee.pipeline import params
from marquee.pipeline.params import Params
from marquee.pipeline.sections import ParamsError
from marquee.pipeline.stage import Log, run_stage
from tests.places import ROOT

NAME = Path(__file__).stem


@pytest.fixture(autouse=True)
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the repository's params.yaml, seed 12 and one thread, as the working directory."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    text = text.replace("seed: 7", "seed: 12").replace("threads: 2", "threads: 1")
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "8")
    return tmp_path


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def raising(error: BaseException) -> None:
    def stage(_: Params, __: Log) -> None:
        raise error

    run_stage(stage)


def test_params_yaml_is_read_once_and_handed_over_with_a_log_named_as_the_script_s_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read, reads, handed = params.read, [], []
    monkeypatch.setattr(params, "read", lambda: reads.append(read()) or reads[-1])
    run_stage(lambda given, log: handed.append((given, log.name)))
    assert handed == [(reads[0], NAME)]
    assert len(reads) == 1
    assert reads[0].seed == 12


def test_a_mistake_in_params_yaml_ends_the_stage_before_it_begins(
    house: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (house / "params.yaml").write_text("sead: 7\n", encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        run_stage(lambda *_: pytest.fail("it began"))
    assert ended.value.code == 1
    assert "unknown key sead" in caplog.text


@pytest.mark.parametrize(("asked", "threads"), [(None, 1), (2, 2)])
def test_blas_runs_on_the_threads_of_params_yaml_or_the_stage_s_own_and_on_those_of_before_afterwards(
    asked: int | None, threads: int
) -> None:
    before, during = blas_threads(), []
    run_stage(lambda *_: during.append(blas_threads()), blas_threads=asked)
    assert during == [{threads}]
    assert blas_threads() == before


def test_libraries_that_are_loaded_during_the_stage_are_told_the_threads() -> None:
    told = []
    run_stage(lambda *_: told.append(os.environ["OPENBLAS_NUM_THREADS"]))
    assert told == ["1"]


@pytest.mark.parametrize("error", [ParamsError("rating 7.5 is outside"), OSError("disk full")])
def test_an_error_in_the_input_ends_in_its_message_and_exit_code_1(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SystemExit) as ended:
        raising(error)
    assert ended.value.code == 1
    assert [(record.name, record.message) for record in caplog.records] == [(NAME, f"failed.\n{error}")]
    assert caplog.records[0].exc_info is None


def test_the_traceback_of_an_error_in_the_input_is_there_for_who_asks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger=NAME)
    with pytest.raises(SystemExit):
        raising(OSError("disk full"))
    assert "Traceback" in caplog.text


def test_an_interrupt_ends_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended:
        raising(KeyboardInterrupt())
    assert ended.value.code == 130
    assert caplog.text.count("interrupted") == 1
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("bug", [KeyError("a bug"), ValueError("a bug of numpy's")])
def test_a_bug_keeps_its_traceback(bug: Exception) -> None:
    with pytest.raises(type(bug), match="a bug"):
        raising(bug)
