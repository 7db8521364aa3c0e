"""Stage `train_retrieval`: fit the sweep's winner on train and validation."""

import numpy as np

from marquee.data.tables import interactions
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import CONTEXT, TRAIN, VALIDATION
from marquee.evaluation.reporting import learning_curve
from marquee.models.retrieval import fitting
from marquee.models.training import weights
from marquee.models.training.runtime import start_tensorflow
from marquee.pipeline import paths, scores
from marquee.pipeline.params import Params, Retrieval, read_best
from marquee.pipeline.stage import Log, run_stage

STAGE = "train_retrieval"


def run(params: Params, log: Log) -> None:
    """Fit, then write the weights, the learning curve and the numbers of the fit."""
    retrieval = read_best(Retrieval, paths.RETRIEVAL.best_params)
    start_tensorflow(params.seed, params.threads)
    fitted = interactions.read(paths.PROCESSED.interactions).in_periods(TRAIN, VALIDATION, CONTEXT)
    catalogue = Catalogue.read(paths.PROCESSED.movie_features)
    losses: list[float] = []

    def after_epoch(epoch: int, loss: float, _: fitting.FittedTwoTower) -> None:
        losses.append(loss)
        log.info("epoch %d of %d: loss %.4f", epoch, retrieval.epochs, loss)

    two_tower = fitting.fit(fitted, catalogue, retrieval, params.preprocess_data, params.seed, after_epoch)
    weights.write(two_tower.model, paths.RETRIEVAL.weights)
    learning_curve.write(
        losses, "Two-tower: softmax loss in training", "cross-entropy, nats", paths.reports(STAGE)
    )
    numbers = {
        "epochs": retrieval.epochs,
        "final_loss": losses[-1],
        "interactions": int(np.count_nonzero(fitted.period != CONTEXT)),
        "parameters": int(sum(np.prod(variable.shape) for variable in two_tower.model.trainable_variables)),
    }
    scores.write_metrics(paths.metrics(STAGE), {"value": losses[-1]}, scores.counts(numbers))


if __name__ == "__main__":
    run_stage(run)
