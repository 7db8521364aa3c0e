"""Stage `train_ranking`: fit the sweep's winner on train and validation."""

from marquee.data.tables import interactions
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import TRAIN, VALIDATION
from marquee.models.ranking import fitting
from marquee.models.ranking.rows import known_movies, training_rows
from marquee.models.training import checkpoint, fit_report, journals, weights
from marquee.models.training.checkpoint import Checkpoint
from marquee.models.training.runtime import start_tensorflow
from marquee.pipeline import paths
from marquee.pipeline.params import Params, Ranking, read_best
from marquee.pipeline.stage import Log, run_stage

STAGE = "train_ranking"
READ = (paths.RANKING.best_params, paths.PROCESSED.interactions, paths.PROCESSED.movie_features)
FITTED = (TRAIN, VALIDATION)


def run(params: Params, log: Log) -> None:
    """Fit, then write the weights, the learning curve and the numbers of the fit."""
    ranking = read_best(Ranking, paths.RANKING.best_params)
    start_tensorflow(params.seed, params.threads)
    table = interactions.read(paths.PROCESSED.interactions)
    catalogue = Catalogue.read(paths.PROCESSED.movie_features)
    rows = training_rows(
        table, FITTED, catalogue, ranking.factors, ranking.blocks, params.preprocess_data, params.seed
    )
    known = known_movies(table, FITTED, params.preprocess_data)
    kept = Checkpoint(paths.checkpoint(STAGE))
    journals.drop_recorded(paths.checkpoint(STAGE), paths.RANKING.weights)
    kept.begin(checkpoint.key_of_stage(STAGE, READ))
    say = fit_report.say_losses(ranking.epochs, log)
    model = fitting.fit(rows, catalogue, known, ranking, params.seed, say, kept)
    weights.write(model, paths.RANKING.weights)
    counts = {"rows": len(rows)}
    fit_report.write(kept.losses, model, counts, paths.losses(STAGE), paths.metrics(STAGE))
    journals.mark_finished(paths.checkpoint(STAGE), paths.RANKING.weights)


if __name__ == "__main__":
    run_stage(run)
