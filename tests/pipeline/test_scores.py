import csv
import math
from pathlib import Path

import numpy as np

from marquee.pipeline import scores
from marquee.pipeline.files import read_json
from marquee.pipeline.scores import Score

MEASURED = [
    Score("users", 405),
    Score("rmse", np.float32(0.5), "dcn", low=0.1234567, high=0.9),
    Score("rmse", math.nan, "dcn", "cold"),
]


def test_every_number_is_a_row_and_what_was_not_measured_an_empty_cell(tmp_path: Path):
    scores.write_table(MEASURED, tmp_path)
    with (tmp_path / "scores.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["model", "metric", "group", "value", "low", "high"],
        ["", "users", "all", "405", "", ""],
        ["dcn", "rmse", "all", "0.5", "0.123457", "0.9"],
        ["dcn", "rmse", "cold", "", "", ""],
    ]


def test_a_metrics_file_has_few_numbers_for_dvc_and_rows_that_can_be_found(tmp_path: Path):
    scores.write_metrics(tmp_path / "a.json", {"value": 0.5}, MEASURED)
    numbers = read_json(tmp_path / "a.json")
    assert [name for name, found in numbers.items() if not isinstance(found, list)] == ["value"]
    assert numbers["scores"][0] == {"metric": "users", "value": 405}
    assert scores.find(numbers, "rmse", "dcn") == {
        "metric": "rmse",
        "model": "dcn",
        "value": 0.5,
        "low": 0.123457,
        "high": 0.9,
    }
    assert scores.find(numbers, "rmse", "dcn", "cold")["value"] is None
    assert scores.find(numbers, "rmse") is None
    assert scores.find({}, "rmse") is None


def test_numbers_without_an_interval_share_model_and_group():
    assert scores.counts({"a": 1, "b": 2.5}, "ease", "knob") == [
        Score("a", 1, "ease", "knob"),
        Score("b", 2.5, "ease", "knob"),
    ]
