"""Stage `train_retrieval`: fit the sweep's winner on train and validation."""

import numpy as np

from marquee.data.tables import interactions
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import CONTEXT, TRAIN, VALIDATION
from marquee.models.retrieval import fitting
from marquee.models.training import checkpoint, fit_report, journals, weights
from marquee.models.training.checkpoint import Checkpoint
from marquee.models.training.runtime import start_tensorflow
from marquee.pipeline import paths
from marquee.pipeline.params import Params, Retrieval, read_best
from marquee.pipeline.stage import Log, run_stage

STAGE = "train_retrieval"
READ = (paths.RETRIEVAL.best_params, paths.PROCESSED.interactions, paths.PROCESSED.movie_features)


def run(params: Params, log: Log) -> None:
    """Fit, then write the weights, the learning curve and the numbers of the fit."""
    retrieval = read_best(Retrieval, paths.RETRIEVAL.best_params)
    start_tensorflow(params.seed, params.threads)
    fitted = interactions.read(paths.PROCESSED.interactions).in_periods(TRAIN, VALIDATION, CONTEXT)
    catalogue = Catalogue.read(paths.PROCESSED.movie_features)
    kept = Checkpoint(paths.checkpoint(STAGE))
    journals.drop_recorded(paths.checkpoint(STAGE), paths.RETRIEVAL.weights)
    kept.begin(checkpoint.key_of_stage(STAGE, READ))
    say = fit_report.say_losses(retrieval.epochs, log)
    two_tower = fitting.fit(fitted, catalogue, retrieval, params.preprocess_data, params.seed, say, kept)
    weights.write(two_tower.model, paths.RETRIEVAL.weights)
    counts = {"interactions": int(np.count_nonzero(fitted.period != CONTEXT))}
    fit_report.write(kept.losses, two_tower.model, counts, paths.losses(STAGE), paths.metrics(STAGE))
    journals.mark_finished(paths.checkpoint(STAGE), paths.RETRIEVAL.weights)


if __name__ == "__main__":
    run_stage(run)
