"""The loss of each epoch and the numbers of a fit."""

import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from marquee.models.training import fit_report
from marquee.pipeline.files import read_json


def test_losses_are_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    say = fit_report.say_losses(epochs=2, log=logging.getLogger("train_toy"))
    for epoch, loss in ((1, 2.0), (2, 1.25)):
        say(epoch, loss, None)
    assert caplog.messages == ["epoch 1 of 2: loss 2.0000", "epoch 2 of 2: loss 1.2500"]


def test_a_fit_leaves_a_table_of_losses_and_its_numbers(tmp_path: Path) -> None:
    # A matrix of 2 x 3 and a bias of 3 are 9 parameters.
    model = SimpleNamespace(trainable_variables=[np.zeros((2, 3)), np.zeros(3)])
    curve, metrics = tmp_path / "loss.csv", tmp_path / "train_toy.json"
    fit_report.write([2.0, 1.25], model, {"rows": 7}, curve, metrics)
    assert curve.read_text(encoding="utf-8") == "epoch,loss\n1,2.000000\n2,1.250000\n"
    written = read_json(metrics)
    assert written["value"] == 1.25
    assert {row["metric"]: row["value"] for row in written["scores"]} == {
        "epochs": 2,
        "final_loss": 1.25,
        "parameters": 9,
        "rows": 7,
    }
