"""Two runs are compared output by output; what moved, and how far, is told."""

import math
from pathlib import Path
from typing import Any

import pytest

from marquee.upkeep import verify
from marquee.upkeep.verify import Difference, differences, headlines, moved, told


def lock(**outs: dict[str, str]) -> dict[str, Any]:
    return {
        stage: {"cmd": "x", "outs": [{"path": path, "md5": md5} for path, md5 in of_stage.items()]}
        for stage, of_stage in outs.items()
    }


COMMITTED = lock(fetch={"raw": "1"}, train={"weights": "2", "metrics/train.json": "3"}, evaluate={"x": "4"})
ORDER = ["fetch", "train", "evaluate"]


def test_equal_runs_have_no_differences():
    assert differences(COMMITTED, COMMITTED, ORDER) == []
    assert told([], {}) == (["the same bytes: every output is what was committed"], 0)


def test_outputs_that_differ_or_lack_are_told_in_the_order_the_data_flows():
    again = lock(evaluate={"x": "5"}, train={"weights": "6", "metrics/train.json": "3"})
    assert differences(COMMITTED, again, ORDER) == [
        Difference("fetch", "raw"),
        Difference("train", "weights"),
        Difference("evaluate", "x"),
    ]


def test_headline_numbers_are_compared_bytes_as_a_share():
    committed = {"train": 0.5, "package_service": 1000.0, "gone": 1.0, "same": 2.0}
    by = moved(committed, {"train": 0.5004, "package_service": 1002.0, "same": 2.0})
    assert by.keys() == {"train", "package_service", "gone"}
    assert by["train"] == pytest.approx(0.0004)
    assert by["package_service"] == pytest.approx(0.002)
    assert math.isnan(by["gone"])


@pytest.mark.parametrize(("by", "code"), [(0.003, 0), (0.0031, 1), (math.nan, 1)])
def test_up_to_three_thousandths_are_promised_between_processors(by: float, code: int):
    lines, received = told([Difference("train", "weights")], {"train": by})
    assert received == code
    assert lines[0] == "train differs first; outputs that differ: weights"
    assert ("more than promised" in lines[1]) == bool(code)
    assert ("within 0.003" in lines[-1]) != bool(code)


def test_headlines_are_the_value_of_each_metrics_file(tmp_path: Path):
    (tmp_path / "train.json").write_text('{"value": 0.5, "scores": []}')
    (tmp_path / "other.json").write_text('{"scores": []}')
    assert headlines(tmp_path) == {"train": 0.5}


def test_a_run_that_fails_is_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any):
    monkeypatch.chdir(tmp_path)  # no repository
    assert verify.main() == 2
    assert "`git clone" in caplog.text
