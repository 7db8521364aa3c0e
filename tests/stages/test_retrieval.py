"""tune_retrieval and train_retrieval, from files to files."""

import logging
import shutil
from pathlib import Path

import pytest

from marquee.pipeline import params, paths
from marquee.pipeline.files import read_json
from marquee.pipeline.params import Params, Retrieval
from tests.fixtures.tiny_pipeline import PARAMS, RETRIEVAL, Tiny
from tests.measured import compared
from tests.places import ROOT

pytestmark = pytest.mark.usefixtures("tensorflow")
LOG = logging.getLogger("test")


@pytest.fixture
def given(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """A small two-tower and a search of two trials, in a folder with the tiny pipeline's tables alone."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny.root / paths.PROCESSED.folder, paths.PROCESSED.folder)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    fixed = PARAMS.retrieval | RETRIEVAL | {"epochs": 2}
    tune = PARAMS.tune_retrieval.model_copy(update={"n_trials": 2})
    return PARAMS.model_copy(update={"retrieval": fixed, "tune_retrieval": tune})


def test_the_sweep_s_winner_is_trained_and_what_draw_training_reads_is_there(given: Params) -> None:
    from stages import train_retrieval, tune_retrieval

    tune_retrieval.run(given, LOG)
    retrieval = params.read_best(Retrieval, paths.RETRIEVAL.best_params)
    assert retrieval.embedding_dim == RETRIEVAL["embedding_dim"]
    assert compared("tune_retrieval", "n_trials") == 2
    assert read_json(paths.sweep("tune_retrieval").summary)["direction"] == "maximize"

    train_retrieval.run(given, LOG)
    losses = [float(line.split(",")[1]) for line in paths.losses("train_retrieval").read_text().split()[1:]]
    assert len(losses) == compared("train_retrieval", "epochs") == 2
    assert (
        compared("train_retrieval", "final_loss") == losses[-1] < losses[0]
    )  # both are rounded to six decimals
    assert paths.RETRIEVAL.weights.stat().st_size > 4 * compared("train_retrieval", "parameters")
