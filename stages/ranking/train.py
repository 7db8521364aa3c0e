"""Stage `train_ranking`: fit the sweep's winner on train and validation."""

import logging

import numpy as np
import pandas as pd

from stages import params, paths, plots
from stages.data import catalogue, interactions
from stages.data.interactions import TRAIN, VALIDATION
from stages.files import write_json, write_text, write_whole
from stages.params import PreprocessData, Ranking
from stages.ranking import data, fitting
from stages.ranking.dcn import Dcn
from stages.runtime import start_tensorflow
from stages.stage import run_stage

STAGE = "train_ranking"
FITTED = (TRAIN, VALIDATION)


def run(values: Ranking, preprocessing: PreprocessData, seed: int, threads: int, log: logging.Logger) -> None:
    """Fit, then write the weights, the learning curve and the numbers of the fit."""
    start_tensorflow(seed, threads)
    table = interactions.read(paths.PROCESSED.interactions)
    facts = catalogue.read(paths.PROCESSED.movie_features)
    rows = data.training_rows(table, FITTED, facts, values.factors, values.blocks, preprocessing, seed)
    losses: list[float] = []

    def after_epoch(epoch: int, loss: float, _: Dcn) -> None:
        losses.append(loss)
        log.info("epoch %d of %d: loss %.4f", epoch, values.epochs, loss)

    known = data.known_movies(table, FITTED, preprocessing)
    model = fitting.fit(rows, facts, known, values, seed, after_epoch)
    write_whole(paths.RANKING.weights, model.save_weights)
    write_curve(losses)
    numbers = {
        "epochs": values.epochs,
        "final_loss": losses[-1],
        "rows": len(rows),
        "parameters": int(sum(np.prod(variable.shape) for variable in model.trainable_variables)),
    }
    write_json(paths.metrics(STAGE), numbers)


def write_curve(losses: list[float]) -> None:
    """Write the loss of each epoch as a table and a picture."""
    folder = paths.reports(STAGE)
    curve = pd.DataFrame({"epoch": range(1, len(losses) + 1), "loss": losses})
    write_text(folder / "loss.csv", curve.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    figure, (axes,) = plots.new()
    axes.plot(curve["epoch"], curve["loss"], color=plots.ACCENT, linewidth=2, marker="o")
    axes.set(
        title="DCN: squared error in training", xlabel="epoch", ylabel="stars squared", xticks=curve["epoch"]
    )
    plots.save(figure, folder / "loss.png")


def main() -> None:
    """Run the stage as DVC does."""

    def stage(log: logging.Logger) -> None:
        run(
            params.load_best(Ranking, paths.RANKING.best_params),
            params.load("preprocess_data", PreprocessData),
            params.load_integer("seed"),
            params.load_integer("threads"),
            log,
        )

    run_stage(STAGE, stage)


if __name__ == "__main__":
    main()
