"""What a sweep leaves behind: winner, table, summary, metrics."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from marquee.models.tuning import sweep
from marquee.models.tuning.sweep_result import Result, write_result
from marquee.pipeline import paths
from marquee.pipeline.params import read_best
from tests.models.tuning.toy_sweep import Toy, planned, run


def written(result: Result[Toy], folder: Path) -> tuple[dict[str, Any], list[list[str]]]:
    """Write; the metrics by name, `value` among them where there is one, and the table of trials."""
    write_result(result, folder / "best_params.yaml", paths.Sweep(folder / "reports"), folder / "tune.json")
    metrics = json.loads((folder / "tune.json").read_text(encoding="utf-8"))
    metrics |= {row["metric"]: row["value"] for row in metrics.pop("scores")}
    with (folder / "reports" / "trials.csv").open(encoding="utf-8", newline="") as table:
        return metrics, list(csv.reader(table))


def test_no_trials_means_the_defaults_and_an_empty_table(tmp_path: Path) -> None:
    result = run(tmp_path / "j", plan=planned(n_trials=0))
    metrics, rows = written(result, tmp_path)
    assert result.best == planned().default()
    assert metrics == {"n_trials": 0, "completed": 0, "pruned": 0, "stopped_by_timeout": 0}
    assert rows == [["number", "state", "value", "epochs", "dropout", "layers", "learning_rate", "width"]]


def test_a_sweep_is_written_whole(tmp_path: Path) -> None:
    result = run(tmp_path / "logs" / "j")
    metrics, rows = written(result, tmp_path)
    assert result.best_trial is not None
    assert metrics == {
        "n_trials": 8,
        "completed": 8,
        "pruned": 0,
        "stopped_by_timeout": 0,
        "best_trial": result.best_trial.number,
        "best_value": pytest.approx(result.best_trial.value, abs=1e-6),
        "value": pytest.approx(result.best_trial.value, abs=1e-6),
    }
    assert rows[1] == ["0", "COMPLETE", "3.65", "3", "0.25", "[8]", "1e-05", "16"]
    assert len(rows) == 1 + 8
    assert sum(result.importances.values()) == pytest.approx(1)
    summary = json.loads((tmp_path / "reports" / "summary.json").read_text(encoding="utf-8"))
    assert summary == {
        "section": "toy",
        "direction": "minimize",
        "best_trial": result.best_trial.number,
        "importances": pytest.approx(result.importances, abs=1e-6),
    }


def test_a_log_knob_that_decides_alone_is_the_important_one(tmp_path: Path) -> None:
    # On a linear scale nine tenths of the range is one decade, where this value hardly changes.
    def decades(toy: Toy, report: sweep.Report) -> float:
        return abs(math.log10(toy.learning_rate) + 4) + 0.001 * toy.width

    result = run(tmp_path / "j", decades, planned(n_trials=12, n_startup_trials=12))
    assert next(iter(result.importances)) == "learning_rate"
    assert result.importances["learning_rate"] > 0.7


def test_importance_needs_four_finished_trials_of_different_values(tmp_path: Path) -> None:
    assert run(tmp_path / "few", plan=planned(n_trials=3)).importances == {}
    assert run(tmp_path / "equal", lambda *_: 1.0, planned(n_trials=5)).importances == {}


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        written(run(tmp_path / name / "j"), tmp_path / name)
    for name in ("best_params.yaml", "tune.json", "reports/trials.csv", "reports/summary.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_sweep_without_trials_has_no_winner_among_them(tmp_path: Path) -> None:
    written(run(tmp_path / "j", plan=planned(n_trials=0)), tmp_path)
    summary = json.loads((tmp_path / "reports" / "summary.json").read_text(encoding="utf-8"))
    assert (summary["best_trial"], summary["importances"]) == (None, {})


def test_the_winner_is_plain_yaml_that_every_reader_takes_for_numbers(tmp_path: Path) -> None:
    result = run(tmp_path / "j", plan=planned(n_trials=0))
    written(result, tmp_path)
    text = (tmp_path / "best_params.yaml").read_text(encoding="utf-8")
    assert text == "dropout: 0.25\nheads: 2\nlayers: [8]\nlearning_rate: 1.0e-05\nwidth: 16\n"
    assert yaml.safe_load(text)["learning_rate"] == 1e-5
    assert read_best(Toy, tmp_path / "best_params.yaml") == result.best
