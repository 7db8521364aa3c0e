"""Stage `tune_retrieval`: search the two-tower's knobs on the validation period."""

from marquee.data.tables import interactions
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import CONTEXT, TRAIN, VALIDATION
from marquee.models.training.checkpoint import Checkpoint
from marquee.models.tuning import search_space, sweep, validation
from marquee.pipeline import paths
from marquee.pipeline.params import Params, Retrieval
from marquee.pipeline.stage import Log, run_stage

READ = (paths.PROCESSED.interactions, paths.PROCESSED.movie_features)


def run(params: Params, log: Log) -> None:
    """Fit on train, score top-100 accuracy on validation, keep the best knobs."""
    plan = search_space.plan("retrieval", Retrieval, params.retrieval, params.tune_retrieval)
    # Under a random split a history may hold test rows: they are not read here.
    table = interactions.read(paths.PROCESSED.interactions).in_periods(TRAIN, VALIDATION, CONTEXT)
    catalogue = Catalogue.read(paths.PROCESSED.movie_features)
    fitted = table.in_periods(TRAIN)
    positive_rating, max_users = params.preprocess_data.positive_rating, plan.tune.max_users
    asked = validation.positive_events(table, positive_rating, max_users, params.seed)
    sweep.require_events(len(asked), plan)
    log.info("%d interactions to fit, %d positive events to score", len(fitted), len(asked))

    kept = Checkpoint(paths.checkpoint("tune_retrieval"))

    def objective(retrieval: Retrieval, report: sweep.Report) -> float:
        from marquee.models.retrieval import fitting
        from marquee.models.training.runtime import start_tensorflow

        start_tensorflow(params.seed, params.threads)
        accuracy = list(kept.values)

        def after_epoch(epoch: int, _: float, two_tower: fitting.FittedTwoTower) -> None:
            accuracy.append(validation.accuracy(two_tower.scorer(table), table, asked))
            report(epoch, accuracy[-1])

        fitting.fit(fitted, catalogue, retrieval, params.preprocess_data, params.seed, after_epoch, kept)
        return accuracy[-1]

    best_params = paths.RETRIEVAL.best_params
    sweep.search_and_write(plan, objective, params.seed, "maximize", best_params, READ, log, kept)


if __name__ == "__main__":
    run_stage(run)
