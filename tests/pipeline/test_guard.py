"""A stage runs alone, and dvc.lock never says that it ran with what it did not run with."""

import logging
import multiprocessing
import os
import tempfile
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from marquee.pipeline import guard
from marquee.pipeline.guard import BusyError, MovedError
from marquee.pipeline.stage import run_stage
from tests.places import ROOT

PIPELINE = """
stages:
  make:
    cmd: python -m stages.make
    deps: [library, data/list.csv]
    params: [seed, knobs.of_make]
    outs: [data/made]
  use:
    cmd: python -m stages.use
    deps: [data/made, library/use.py]
    params: [seed]
    outs:
      - used: {cache: false}
"""


@pytest.fixture(autouse=True)
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two stages, their sources and parameters, as the working directory."""
    monkeypatch.chdir(tmp_path)
    write("dvc.yaml", PIPELINE)
    write("params.yaml", "seed: 7\nknobs: {of_make: 1, of_others: 1}\n")
    write("data/list.csv", "a\n")
    write("data/made/table", "1\n")
    write("library/use.py", "x = 1\n")
    write("library/make.py", "y = 1\n")
    return tmp_path


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "text", "named"),
    [
        ("params.yaml", "seed: 8\nknobs: {of_make: 1, of_others: 1}\n", "seed"),
        ("params.yaml", "seed: 7\nknobs: {of_make: 2, of_others: 1}\n", "knobs.of_make"),
        ("library/make.py", "y = 2\n", "library/make.py"),
        ("library/new.py", "", "library/new.py"),
        ("data/list.csv", "b\n", "data/list.csv"),
    ],
)
def test_what_a_stage_depends_on_may_not_move_while_it_runs(path: str, text: str, named: str):
    said = rf"^{named} changed while make ran: .*`dvc repro`"
    with pytest.raises(MovedError, match=said), guard.unmoved("make"):
        write(path, text)


@pytest.mark.parametrize(
    ("stage", "path", "text"),
    [
        ("make", "params.yaml", "seed: 7\nknobs: {of_make: 1, of_others: 2}\n"),  # the next experiment's
        ("make", "data/made/table", "2\n"),  # what it writes
        ("make", "library/__pycache__/make.pyc", "z"),
        ("use", "library/make.py", "y = 2\n"),
        ("use", "data/made/table", "2\n"),  # an output: DVC looks after it
        ("no_stage", "params.yaml", "seed: 8\n"),
    ],
)
def test_the_rest_may(stage: str, path: str, text: str):
    with guard.unmoved(stage):
        write(path, text)


def test_a_file_that_is_gone_has_moved():
    with pytest.raises(MovedError, match=r"library/make\.py"), guard.unmoved("make"):
        Path("library/make.py").unlink()


def _hold(stage: str, held: Event, over: Event) -> None:
    with guard.alone(stage):
        held.set()
        over.wait(30)


def test_a_second_process_is_refused_with_the_first_one_s_number_until_that_has_ended():
    context = multiprocessing.get_context("spawn")
    held, over = context.Event(), context.Event()
    other = context.Process(target=_hold, args=("make", held, over))
    other.start()
    try:
        assert held.wait(30)
        said = rf"make runs already, in process {other.pid};.*`kill {other.pid}`"
        with pytest.raises(BusyError, match=said), guard.alone("make"):
            pass
        with guard.alone("use"):
            pass
    finally:
        other.kill()  # it cannot clean up
        other.join()
    with guard.alone("make"):
        assert Path("logs/make.lock").read_text() == str(os.getpid())


def test_a_stage_whose_sources_moved_ends_with_exit_code_1_and_says_which(
    house: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    stage = Path(__file__).stem
    (house / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    write("dvc.yaml", f"stages:\n  {stage}:\n    cmd: x\n    deps: [library]\n    outs: [used]\n")
    with pytest.raises(SystemExit) as ended, caplog.at_level(logging.ERROR):
        run_stage(lambda *_: write("library/make.py", "y = 3\n"))
    assert ended.value.code == 1
    assert "library/make.py changed while" in caplog.text


def test_temporary_files_are_of_the_stage_and_go_with_it_or_at_its_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TMPDIR", raising=False)
    before, folder = tempfile.gettempdir(), tmp_path / "logs/train_toy.tmp"
    folder.mkdir(parents=True)
    (folder / "of a run that was killed").touch()
    with guard.temporary_folder("train_toy"):
        assert list(folder.iterdir()) == []
        _, made = tempfile.mkstemp()
        assert Path(made).parent == folder
        assert os.environ["TMPDIR"] == str(folder)
    assert not folder.exists()
    assert tempfile.gettempdir() == before
    assert "TMPDIR" not in os.environ
