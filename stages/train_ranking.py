"""Stage `train_ranking`: fit the sweep's winner on train and validation."""

import numpy as np

from marquee.data.tables import interactions
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import TRAIN, VALIDATION
from marquee.evaluation.reporting import learning_curve
from marquee.models.ranking import fitting
from marquee.models.ranking import rows as data
from marquee.models.ranking.dcn import Dcn
from marquee.models.training import weights
from marquee.models.training.runtime import start_tensorflow
from marquee.pipeline import paths, scores
from marquee.pipeline.params import Params, Ranking, read_best
from marquee.pipeline.stage import Log, run_stage

STAGE = "train_ranking"
FITTED = (TRAIN, VALIDATION)


def run(params: Params, log: Log) -> None:
    """Fit, then write the weights, the learning curve and the numbers of the fit."""
    ranking = read_best(Ranking, paths.RANKING.best_params)
    start_tensorflow(params.seed, params.threads)
    table = interactions.read(paths.PROCESSED.interactions)
    catalogue = Catalogue.read(paths.PROCESSED.movie_features)
    rows = data.training_rows(
        table, FITTED, catalogue, ranking.factors, ranking.blocks, params.preprocess_data, params.seed
    )
    losses: list[float] = []

    def after_epoch(epoch: int, loss: float, _: Dcn) -> None:
        losses.append(loss)
        log.info("epoch %d of %d: loss %.4f", epoch, ranking.epochs, loss)

    known = data.known_movies(table, FITTED, params.preprocess_data)
    model = fitting.fit(rows, catalogue, known, ranking, params.seed, after_epoch)
    weights.write(model, paths.RANKING.weights)
    learning_curve.write(losses, "DCN: squared error in training", "stars squared", paths.reports(STAGE))
    numbers = {
        "epochs": ranking.epochs,
        "final_loss": losses[-1],
        "rows": len(rows),
        "parameters": int(sum(np.prod(variable.shape) for variable in model.trainable_variables)),
    }
    scores.write_metrics(paths.metrics(STAGE), {"value": losses[-1]}, scores.counts(numbers))


if __name__ == "__main__":
    run_stage(run)
