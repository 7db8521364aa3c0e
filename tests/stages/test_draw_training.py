"""The stage draw_training, from what the sweeps and the training report."""

import logging
from pathlib import Path

import pytest

from marquee.pipeline import paths
from marquee.pipeline.files import write_json, write_text
from stages import draw_training
from tests.fixtures.tiny_pipeline import PARAMS


@pytest.fixture(autouse=True)
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reports of four sweeps, of which one searched nothing, and of two models."""
    monkeypatch.chdir(tmp_path)
    for section in ("retrieval", "ranking", "neighbours", "recommender"):
        report, searched = paths.sweep(f"tune_{section}"), section != "neighbours"
        shares = {"width": 0.8, "dropout": 0.2} if section == "recommender" else {}
        trials = "0,COMPLETE,0.5,1,8,0.1\n" if searched else ""
        write_text(report.trials, f"number,state,value,epochs,width,dropout\n{trials}")
        summary = {"section": section, "direction": "maximize", "importances": shares}
        write_json(report.summary, summary | {"best_trial": 0 if searched else None})
    for model in ("retrieval", "ranking"):
        write_text(paths.losses(f"train_{model}"), "epoch,loss\n1,2.0\n2,1.5\n")


def test_every_sweep_that_searched_and_every_model_that_trained_is_drawn() -> None:
    draw_training.run(PARAMS, logging.getLogger("test"))
    assert sorted(path.name for path in paths.reports("draw_training").iterdir()) == [
        "train_ranking_loss.png",
        "train_retrieval_loss.png",
        "tune_ranking_history.png",
        "tune_recommender_history.png",
        "tune_recommender_importance.png",
        "tune_retrieval_history.png",
    ]
