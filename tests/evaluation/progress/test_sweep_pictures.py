"""A sweep's pictures, from what it reports."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marquee.evaluation.progress import sweep_pictures
from marquee.evaluation.progress.sweep_pictures import Sweep
from marquee.pictures import plots
from marquee.pipeline import paths
from marquee.pipeline.files import write_json, write_text

TRIALS = """number,state,value,epochs,width
0,COMPLETE,2.0,3,8
1,PRUNED,3.0,1,16
2,DIVERGED,,2,24
3,COMPLETE,1.0,3,32
4,COMPLETE,1.5,3,64
"""


@pytest.fixture
def reported(tmp_path: Path) -> Callable[..., Sweep]:
    """A sweep as read from the files that a stage wrote."""

    def read(trials: str = TRIALS, **changed: Any) -> Sweep:
        report = paths.Sweep(tmp_path / "tune_toy")
        summary = {"section": "toy", "direction": "minimize", "best_trial": 3, "importances": {}}
        write_text(report.trials, trials)
        write_json(report.summary, summary | changed)
        return sweep_pictures.read(report)

    return read


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Axes]:
    """The axes of what was saved."""
    axes: list[Axes] = []

    def save(figure: Figure, path: Path) -> None:
        axes.extend(figure.axes)

    monkeypatch.setattr(plots, "save", save)
    return axes


def points(axes: Axes, label: str) -> list[tuple[float, float]]:
    (line,) = [line for line in axes.lines if line.get_label() == label]
    return [(float(x), float(y)) for x, y in zip(*line.get_data(), strict=True)]


def test_the_history_shows_the_best_so_far_to_the_last_trial_and_where_trials_were_pruned(
    reported: Callable[..., Sweep], shown: list[Axes], tmp_path: Path
) -> None:
    sweep_pictures.draw_history(reported(), tmp_path / "history.png")
    (axes,) = shown
    assert points(axes, "best so far") == [(0, 2), (3, 1), (4, 1), (4, 1)]
    assert points(axes, "completed") == [(0, 2), (3, 1), (4, 1.5)]
    assert points(axes, "pruned, at its last epoch") == [(1, 3)]
    assert axes.get_ylabel() == "value on validation (lower is better)"
    assert axes.get_title(loc="left") == "Sweep of toy: 1.0000 in trial 3"


def test_where_higher_is_better_the_best_so_far_rises(
    reported: Callable[..., Sweep], shown: list[Axes], tmp_path: Path
) -> None:
    sweep_pictures.draw_history(reported(direction="maximize", best_trial=0), tmp_path / "history.png")
    assert [value for _, value in points(shown[0], "best so far")] == [2, 2, 2, 2]
    assert "higher is better" in shown[0].get_ylabel()


def test_the_knob_that_mattered_most_stands_on_top(
    reported: Callable[..., Sweep], shown: list[Axes], tmp_path: Path
) -> None:
    sweep = reported(importances={"dropout": 0.25, "width": 0.75})
    sweep_pictures.draw_importance(sweep, tmp_path / "importance.png")
    (axes,) = shown
    assert [label.get_text() for label in axes.get_yticklabels()] == ["dropout", "width"]  # upwards
    assert [bar.get_width() for bar in axes.patches] == [0.25, 0.75]


@pytest.mark.parametrize(
    ("changed", "drawn"),
    [
        ({"best_trial": None}, []),
        ({}, ["history.png"]),
        ({"importances": {"width": 1.0}}, ["history.png", "importance.png"]),
    ],
)
def test_what_there_is_to_see_is_drawn_and_nothing_else(
    reported: Callable[..., Sweep], tmp_path: Path, changed: dict[str, Any], drawn: list[str]
) -> None:
    folder = tmp_path / "pictures"
    given = sweep_pictures.draw(reported(**changed), folder / "history.png", folder / "importance.png")
    assert [path.name for path in given] == drawn
    assert sorted(path.name for path in folder.glob("*")) == drawn


def test_a_sweep_is_drawn_the_same_each_time(reported: Callable[..., Sweep], tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        sweep_pictures.draw_history(reported(), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
