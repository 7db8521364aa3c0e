"""Sweeps on toy objectives whose best value is known."""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from marquee.models.training.checkpoint import Checkpoint
from marquee.models.tuning import sweep
from marquee.models.tuning.sweep_result import Direction
from tests.models.training.test_checkpoint import Model
from tests.models.tuning.toy_sweep import DROPOUT, FIXED, Toy, distance, planned, run
from tests.places import ROOT

OTHERS = {"learning_rate": 0.1, "layers": [8], "width": 16}
"""Knobs of the toy that are fixed where one alone is sought."""


def test_the_first_trial_is_the_default(tmp_path: Path) -> None:
    first = run(tmp_path / "j", plan=planned(n_trials=1)).trials[0]
    assert first.knobs == {"dropout": 0.25, "layers": [8], "learning_rate": 1e-5, "width": 16}
    assert first.value == pytest.approx(2 + 0.5 + 1 + 0.15)
    assert (first.number, first.state, first.epochs) == (0, "COMPLETE", 3)


def test_the_best_trial_wins_and_carries_the_fixed_knobs(tmp_path: Path) -> None:
    result = run(tmp_path / "j", plan=planned(n_trials=12))
    lowest = min(trial.value for trial in result.trials if trial.value is not None)
    assert result.best_trial is not None
    assert result.best_trial.value == lowest < 3.65
    assert distance(result.best, lambda epoch, value: None) == lowest
    assert result.best.heads == 2


def test_trials_without_an_event_to_score_them_on_are_refused_and_defaults_are_not() -> None:
    with pytest.raises(
        sweep.SweepError, match="tune_toy: the validation period has no event to score 3 trials"
    ):
        sweep.require_events(0, planned(n_trials=3))
    sweep.require_events(0, planned(n_trials=0))
    sweep.require_events(1, planned(n_trials=3))


def test_every_start_up_trial_draws_anew(tmp_path: Path) -> None:
    result = run(tmp_path / "j", plan=planned(n_trials=6, n_startup_trials=6))
    assert len({trial.knobs["learning_rate"] for trial in result.trials}) == 6


def test_maximize_takes_the_highest_and_the_earliest_of_equals(tmp_path: Path) -> None:
    values = iter([1.0, 3.0, 2.0, 3.0])
    result = run(tmp_path / "j", lambda *_: next(values), planned(n_trials=4), direction="maximize")
    assert result.best_trial is not None
    assert result.best_trial.number == 1


def test_a_sweep_repeats_itself_and_another_seed_gives_another(tmp_path: Path) -> None:
    first, again = run(tmp_path / "a"), run(tmp_path / "b")
    assert first.trials == again.trials
    assert run(tmp_path / "c", seed=8).trials[1:] != first.trials[1:]


@pytest.mark.parametrize("broken", [0, 3])
def test_an_interrupted_sweep_ends_as_an_uninterrupted_one(tmp_path: Path, broken: int) -> None:
    pruner = {"type": "median", "n_startup_trials": 1, "n_warmup_steps": 0}
    plan, calls = planned(pruner=pruner), []

    def interrupted(toy: Toy, report: sweep.Report) -> float:
        calls.append(toy)
        if len(calls) == broken + 1:
            report(0, 0.0)
            raise KeyboardInterrupt
        return distance(toy, report)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "j", interrupted, plan)
    with (tmp_path / "j").open("ab") as journal:  # as kill -9 in the middle of a write leaves it
        journal.write(b'{"op_code": 5, "wor')
    resumed, whole = run(tmp_path / "j", interrupted, plan), run(tmp_path / "whole", distance, plan)
    assert calls[broken] == calls[broken + 1]
    assert len(calls) == 8 + 1
    assert (resumed.trials, resumed.best) == (whole.trials, whole.best)
    assert {trial.state for trial in whole.trials} == {"COMPLETE", "PRUNED"}


@pytest.mark.parametrize("dies_in", [1, 2, 3])
def test_a_trial_killed_in_its_middle_goes_on_after_its_last_epoch(tmp_path: Path, dies_in: int) -> None:
    pruner = {"type": "median", "n_startup_trials": 1, "n_warmup_steps": 0}
    plan, kept, epochs = planned(pruner=pruner), Checkpoint(tmp_path / "j.npz"), []

    def trained(toy: Toy, report: sweep.Report) -> float:
        for epoch in range(1 + kept.restore(Model()), 5):
            epochs.append(epoch)
            if len(epochs) == killed:
                raise KeyboardInterrupt
            report(epoch, distance(toy, lambda *_: None) / epoch)
            kept.keep(0.0, Model(), steps=1)
        return kept.values[-1]

    killed = 0
    whole, calls = run(tmp_path / "whole", trained, plan, kept=kept), len(epochs)
    epochs.clear()
    killed = 4 + dies_in  # in the second trial
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "j", trained, plan, kept=kept)
    killed, kept = 0, Checkpoint(tmp_path / "j.npz")
    resumed = run(tmp_path / "j", trained, plan, kept=kept)
    assert (resumed.trials, resumed.best) == (whole.trials, whole.best)
    assert len(epochs) == calls + 1  # the one that was not finished
    assert not (tmp_path / "j.npz").exists()


def test_a_lock_left_by_a_killed_process_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "j.lock").touch()
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail(f"waited {seconds} s for the lock"))
    assert len(run(tmp_path / "j", plan=planned(n_trials=1)).trials) == 1


def test_a_journal_of_another_sweep_is_not_continued(tmp_path: Path) -> None:
    calls = []

    def counted(toy: Toy, report: sweep.Report) -> float:
        calls.append(toy)
        return distance(toy, report)

    run(tmp_path / "j", counted, planned(n_trials=3))
    run(tmp_path / "j", counted, planned(n_trials=3))
    assert len(calls) == 3  # all there
    run(tmp_path / "j", counted, planned(n_trials=3), fingerprint="b")
    run(tmp_path / "j", counted, planned(n_trials=3, n_startup_trials=1))
    assert len(calls) == 9
    run(tmp_path / "j", counted, planned(n_trials=3, fixed={"heads": 4}))
    assert [toy.heads for toy in calls[9:]] == [4, 4, 4]
    run(tmp_path / "j", counted, planned(n_trials=3), seed=8)
    assert len(calls) == 15


def test_an_unreadable_journal_starts_the_sweep_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "j").write_bytes(b"\x00\x01\nnothing\n")
    assert run(tmp_path / "j").trials == run(tmp_path / "whole").trials
    assert "cannot be read" in caplog.text


def test_a_hopeless_trial_is_pruned_and_keeps_its_last_value(tmp_path: Path) -> None:
    # Median of the only trial before is 1.0 at every epoch; 5.0 is above it at epoch 1, after one of warm-up.
    plan = planned(n_trials=2, pruner={"type": "median", "n_startup_trials": 1, "n_warmup_steps": 1})
    levels = iter([1.0, 5.0])

    def flat(toy: Toy, report: sweep.Report) -> float:
        level = next(levels)
        for epoch in range(4):
            report(epoch, level)
        return level

    hopeless = run(tmp_path / "j", flat, plan).trials[1]
    assert (hopeless.state, hopeless.value, hopeless.epochs) == ("PRUNED", 5.0, 2)


@pytest.mark.parametrize(("direction", "states"), [("maximize", "CPC"), ("minimize", "CCP")])
def test_what_is_hopeless_depends_on_the_direction(tmp_path: Path, direction: Direction, states: str) -> None:
    # Levels 2, 1, 3: maximized, the second is below the first; minimized, the third is above the median 1.5.
    plan = planned(n_trials=3, pruner={"type": "median", "n_startup_trials": 1, "n_warmup_steps": 0})
    levels = iter([2.0, 1.0, 3.0])

    def flat(toy: Toy, report: sweep.Report) -> float:
        level = next(levels)
        for epoch in range(3):
            report(epoch, level)
        return level

    result = run(tmp_path / "j", flat, plan, direction=direction)
    assert "".join(trial.state[0] for trial in result.trials) == states
    assert result.best_trial is not None
    assert result.best_trial.value == {"maximize": 3.0, "minimize": 1.0}[direction]


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_sweep_seeks_in_its_direction(tmp_path: Path, direction: Direction) -> None:
    # Whatever is sought lies at one end; past start-up, half the draws at least lie in the better half.
    plan = planned({"dropout": DROPOUT}, FIXED | OTHERS, n_trials=40, n_startup_trials=10)
    result = run(tmp_path / "j", lambda toy, _: toy.dropout, plan, direction=direction)
    drawn = [trial.knobs["dropout"] for trial in result.trials[10:]]
    better = [value > 0.25 if direction == "maximize" else value < 0.25 for value in drawn]
    assert sum(better) > 20


def test_a_diverged_trial_does_not_win_and_does_not_stop_the_sweep(tmp_path: Path) -> None:
    values = iter([2.0, math.nan, -math.inf, 3.0])
    result = run(tmp_path / "j", lambda *_: next(values), planned(n_trials=4))
    assert [trial.state for trial in result.trials] == ["COMPLETE", "DIVERGED", "DIVERGED", "COMPLETE"]
    assert result.best_trial == result.trials[0]


def test_a_sweep_without_one_finite_value_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(sweep.SweepError, match=r"tune_toy: none of 2 trials came to a finite value"):
        run(tmp_path / "j", lambda *_: math.nan, planned(n_trials=2))


def test_a_refused_combination_is_a_trial_of_its_own_state(tmp_path: Path) -> None:
    # Heads 3 go with width 12 (the default) but not with 8; each width goes with the default of 2 heads.
    search = {
        "width": {"type": "categorical", "choices": [8, 12], "default": 12},
        "heads": {"type": "categorical", "choices": [2, 3], "default": 2},
    }
    fixed = {"learning_rate": 0.1, "layers": [8], "dropout": 0.0}
    plan = planned(search, fixed, n_trials=16, n_startup_trials=16)
    result = run(tmp_path / "j", lambda *_: 1.0, plan)
    refused = [trial for trial in result.trials if trial.state == "REFUSED"]
    assert refused
    assert all(trial.knobs == {"width": 8, "heads": 3} for trial in refused)


def test_time_may_cut_a_sweep_between_trials_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result = run(tmp_path / "j", plan=planned(timeout_minutes=1e-9))
    assert len(result.trials) == 1
    assert result.stopped_by_timeout
    assert "after 1 of 8 trials" in caplog.text


@pytest.mark.parametrize(("seconds", "trials"), [(29.0, 3), (30.0, 2), (61.0, 1)])
def test_the_timeout_is_in_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, trials: int
) -> None:
    # Of a minute, with trials that take so long each: after 58 s another begins, at 60 s none.
    clock = [1000.0]

    def slow(toy: Toy, report: sweep.Report) -> float:
        clock[0] += seconds
        return distance(toy, report)

    monkeypatch.setattr(sweep, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    assert len(run(tmp_path / "j", slow, planned(timeout_minutes=1)).trials) == trials


def test_the_fingerprint_tells_parts_and_files_apart(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("one", encoding="utf-8")
    before = sweep.fingerprint("a", tmp_path / "manifest.json")
    assert before == sweep.fingerprint(b"a", "one")
    assert before != sweep.fingerprint("ao", "ne")
    (tmp_path / "manifest.json").write_text("two", encoding="utf-8")
    assert before != sweep.fingerprint("a", tmp_path / "manifest.json")


def test_the_fingerprint_changes_with_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "SOURCES", (tmp_path,))
    (tmp_path / "model.py").write_text("A = 1\n", encoding="utf-8")
    before = sweep.fingerprint("a")
    (tmp_path / "model.py").write_text("A = 2\n", encoding="utf-8")
    changed = sweep.fingerprint("a")
    (tmp_path / "model.py").rename(tmp_path / "other.py")
    assert len({before, changed, sweep.fingerprint("a")}) == 3


def test_the_sources_are_the_library_and_the_scripts_which_hold_what_a_trial_does() -> None:
    files = {path.relative_to(ROOT).as_posix() for folder in sweep.SOURCES for path in folder.rglob("*.py")}
    assert {"stages/tune_ranking.py", "marquee/models/ranking/dcn.py"} <= files
