"""A finished trial is run again only when DVC has recorded its sweep, and more are not asked for."""

import errno
import hashlib
import os
from pathlib import Path

import pytest

from marquee.models.training import journals
from marquee.models.tuning import sweep
from marquee.pipeline.files import WriteError
from tests.models.tuning.toy_sweep import LOG, Toy, distance, planned

BEST = Path("best_params.yaml")
LOCK = """
schema: '2.0'
stages:
  tune_toy:
    cmd: python -m stages.tune_toy
    outs:
    - path: best_params.yaml
      hash: md5
      md5: {md5}
"""


class Counted:
    """An objective that counts its calls, and the sweep of the toy as its stage would run it."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, toy: Toy, report: sweep.Report) -> float:
        self.calls += 1
        return distance(toy, report)

    def sweep(self, n_trials: int) -> int:
        """Run it: how many trials were run, and not read from the journal."""
        before = self.calls
        sweep.search_and_write(planned(n_trials=n_trials), self, 7, "minimize", BEST, [], LOG)
        return self.calls - before


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counted:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("seed: 7\ntune_toy: {n_trials: 2, timeout_minutes: 5}\n")
    return Counted()


def record() -> None:
    """As DVC does when the stage has ended."""
    Path("dvc.lock").write_text(LOCK.format(md5=hashlib.md5(BEST.read_bytes()).hexdigest()))
    later = Path("logs/tune_toy.journal.finished").stat().st_mtime_ns + 1
    os.utime("dvc.lock", ns=(later, later))


def test_a_kill_before_dvc_has_recorded_the_sweep_costs_no_trial(toy: Counted):
    assert toy.sweep(3) == 3
    assert toy.sweep(3) == 0


def test_a_lock_of_an_earlier_run_with_the_same_winner_is_no_record_of_this_one(toy: Counted):
    toy.sweep(3)
    record()
    os.utime("dvc.lock", (0, 0))
    assert toy.sweep(3) == 0


def test_a_recorded_sweep_that_is_forced_runs_from_its_first_trial(toy: Counted):
    toy.sweep(3)
    record()
    assert toy.sweep(3) == 3


def test_more_trials_go_on_after_the_last_one_and_end_as_a_sweep_of_that_length(toy: Counted):
    toy.sweep(3)
    record()
    Path("params.yaml").write_text("seed: 7\ntune_toy: {n_trials: 5, timeout_minutes: 9}\n")
    assert toy.sweep(5) == 2
    longer = BEST.read_bytes()
    Path("logs/tune_toy.journal").unlink()
    assert toy.sweep(5) == 5
    assert BEST.read_bytes() == longer


def test_fewer_trials_are_the_first_ones(toy: Counted):
    toy.sweep(5)
    assert toy.sweep(2) == 0
    assert len(Path("reports/tune_toy/trials.csv").read_text().splitlines()) == 1 + 2


def test_a_journal_on_a_full_disk_is_named(toy: Counted, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("optuna.storages.journal.JournalFileBackend.append_logs", full)
    with pytest.raises(WriteError, match=r"logs/tune_toy.journal could not be written: .*No space left"):
        toy.sweep(3)


def test_other_params_start_anew(toy: Counted):
    toy.sweep(3)
    Path("params.yaml").write_text("seed: 8\ntune_toy: {n_trials: 3, timeout_minutes: 5}\n")
    assert toy.sweep(3) == 3


def test_a_sweep_without_trials_leaves_nothing(toy: Counted):
    assert toy.sweep(0) == 0
    assert not Path("logs").exists()


def test_a_mark_that_cannot_be_read_is_none(tmp_path: Path):
    mark = tmp_path / "j.finished"
    mark.write_text("{")
    journals.drop_recorded(tmp_path / "j", BEST, 3)
    assert mark.exists()
