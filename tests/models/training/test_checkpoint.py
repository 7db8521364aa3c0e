"""What is kept of a training is taken up by the same training alone."""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from marquee.models.training import checkpoint
from marquee.models.training.checkpoint import Checkpoint


class Variable:
    def __init__(self, value: float) -> None:
        self.value = np.float32(value)

    def assign(self, value: Any) -> None:
        self.value = value

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self.value, dtype)


class Model:
    """As much of a Keras model with `draws` as is kept of one."""

    def __init__(self, value: float = 0.0) -> None:
        self.trainable_variables: list[Any] = []
        self.optimizer = SimpleNamespace(variables=[Variable(value), Variable(value + 1)], build=self.built)
        self.draws = SimpleNamespace(counts=lambda: np.array([int(value)]), start=self.started)
        self.weights = [np.full(2, value, np.float32)]
        self.calls: list[Any] = []

    def built(self, variables: Any) -> None:
        self.calls.append("built")

    def started(self, counts: Any) -> None:
        self.calls.append(None if counts is None else counts.tolist())

    def get_weights(self) -> Any:
        return self.weights

    def set_weights(self, weights: Any) -> None:
        self.weights = weights


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two epochs of the training "a", whose model has 3 everywhere."""
    kept = Checkpoint(tmp_path / "toy.epoch.npz")
    kept.begin("a")
    for loss in (2.0, 1.5):
        kept.values.append(loss / 10)
        kept.keep(loss, Model(3.0), steps=7)
    return tmp_path / "toy.epoch.npz"


def test_a_training_goes_on_after_its_last_epoch(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    kept, model = Checkpoint(path), Model()
    kept.begin("a")
    assert kept.restore(model) == 2
    assert (kept.losses, kept.values, kept.steps) == ([2.0, 1.5], [0.2, 0.15], 7)
    assert model.weights[0].tolist() == [3.0, 3.0]
    assert [float(variable.value) for variable in model.optimizer.variables] == [3.0, 4.0]
    assert model.calls == [[3], "built"]
    assert "goes on after epoch 2" in caplog.text


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 cut off"])
def test_another_training_or_a_broken_file_is_not_taken_up(path: Path, content: bytes | None) -> None:
    if content is not None:
        path.write_bytes(content)
    kept, model = Checkpoint(path), Model()
    kept.begin("b" if content is None else "a")
    assert kept.restore(model) == 0
    assert (kept.losses, kept.values, model.calls) == ([], [], [None, "built"])


def test_what_is_over_leaves_no_file_and_what_has_none_writes_none(path: Path) -> None:
    Checkpoint(path).drop()
    nowhere = Checkpoint()
    nowhere.begin("a")
    nowhere.keep(1.0, Model(), steps=1)
    nowhere.drop()
    assert list(path.parent.iterdir()) == []
    assert nowhere.losses == [1.0]


def test_the_key_of_a_stage_changes_with_what_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text("stages: {train_toy: {params: [seed], deps: [toy.py]}}")
    files = {"params.yaml": "seed: 7", "toy.py": "A = 1", "input": "x"}
    for name, text in files.items():
        Path(name).write_text(text)
    keys = {checkpoint.key_of_stage("train_toy", [Path("input")])}
    for name, text in files.items():
        Path(name).write_text(text.replace("7", "8") + " ")
        keys.add(checkpoint.key_of_stage("train_toy", [Path("input")]))
    assert len(keys) == 1 + len(files)
