"""Stage `train_retrieval`: fit the sweep's winner on train and validation."""

import logging

import numpy as np

from stages import learning_curve, params, paths, weights
from stages.data import catalogue, interactions
from stages.data.interactions import CONTEXT, TRAIN, VALIDATION
from stages.files import write_json
from stages.params import PreprocessData, Retrieval
from stages.retrieval import fitting
from stages.runtime import start_tensorflow
from stages.stage import run_stage

STAGE = "train_retrieval"


def run(
    values: Retrieval, preprocessing: PreprocessData, seed: int, threads: int, log: logging.Logger
) -> None:
    """Fit, then write the weights, the learning curve and the numbers of the fit."""
    start_tensorflow(seed, threads)
    fitted = interactions.read(paths.PROCESSED.interactions).in_periods(TRAIN, VALIDATION, CONTEXT)
    movies = catalogue.read(paths.PROCESSED.movie_features)
    losses: list[float] = []

    def after_epoch(epoch: int, loss: float, _: fitting.FittedTwoTower) -> None:
        losses.append(loss)
        log.info("epoch %d of %d: loss %.4f", epoch, values.epochs, loss)

    two_tower = fitting.fit(fitted, movies, values, preprocessing, seed, after_epoch)
    weights.write(two_tower.model, paths.RETRIEVAL.weights)
    learning_curve.write(
        losses, "Two-tower: softmax loss in training", "cross-entropy, nats", paths.reports(STAGE)
    )
    numbers = {
        "epochs": values.epochs,
        "final_loss": losses[-1],
        "interactions": int(np.count_nonzero(fitted.period != CONTEXT)),
        "parameters": int(sum(np.prod(variable.shape) for variable in two_tower.model.trainable_variables)),
    }
    write_json(paths.metrics(STAGE), numbers)


def main() -> None:
    """Run the stage as DVC does."""

    def stage(log: logging.Logger) -> None:
        run(
            params.load_best(Retrieval, paths.RETRIEVAL.best_params),
            params.load("preprocess_data", PreprocessData),
            params.load_integer("seed"),
            params.load_integer("threads"),
            log,
        )

    run_stage(STAGE, stage)


if __name__ == "__main__":
    main()
