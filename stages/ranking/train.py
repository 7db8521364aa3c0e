"""Stage `train_ranking`: fit the sweep's winner on train and validation."""

import logging

import numpy as np

from stages import learning_curve, params, paths, weights
from stages.data import catalogue, interactions
from stages.data.interactions import TRAIN, VALIDATION
from stages.files import write_json
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
    weights.write(model, paths.RANKING.weights)
    learning_curve.write(losses, "DCN: squared error in training", "stars squared", paths.reports(STAGE))
    numbers = {
        "epochs": values.epochs,
        "final_loss": losses[-1],
        "rows": len(rows),
        "parameters": int(sum(np.prod(variable.shape) for variable in model.trainable_variables)),
    }
    write_json(paths.metrics(STAGE), numbers)


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
