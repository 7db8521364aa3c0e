"""Stage `tune_retrieval`: search the two-tower's knobs on the validation period."""

from collections.abc import Callable

from marquee.data.tables import interactions
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import CONTEXT, TRAIN, VALIDATION
from marquee.evaluation.measures import events, ranks
from marquee.evaluation.measures.rank_metrics import TOP_100
from marquee.models.tuning import sweep
from marquee.pipeline import paths
from marquee.pipeline.params import Params, Retrieval
from marquee.pipeline.stage import Log, run_stage

STAGE = "tune_retrieval"
READ = (paths.PROCESSED.interactions, paths.PROCESSED.movie_features)


def run(params: Params, log: Log) -> None:
    """Fit on train, score top-100 accuracy on validation, keep the best knobs."""
    plan = sweep.plan("retrieval", Retrieval, params.retrieval, params.tune_retrieval)
    # Under a random split a history may hold test rows: they are not read here.
    table = interactions.read(paths.PROCESSED.interactions).in_periods(TRAIN, VALIDATION, CONTEXT)
    catalogue = Catalogue.read(paths.PROCESSED.movie_features)
    fitted = table.in_periods(TRAIN)
    asked = events.of_period(table, VALIDATION, params.tune_retrieval.max_users, params.seed)
    positive = table.rating[asked.rows] >= params.preprocess_data.positive_rating
    asked = asked.only(positive & asked.has_history)
    sweep.require_events(len(asked), plan.section, params.tune_retrieval)
    log.info("%d interactions to fit, %d positive events to score", len(fitted), len(asked))

    def objective(retrieval: Retrieval, report: Callable[[int, float], None]) -> float:
        from marquee.models.retrieval import fitting
        from marquee.models.training.runtime import start_tensorflow

        start_tensorflow(params.seed, params.threads)
        accuracy = 0.0

        def after_epoch(epoch: int, _: float, two_tower: fitting.FittedTwoTower) -> None:
            nonlocal accuracy
            rank = ranks.rank_events(two_tower.scorer(table), table, asked, progress=False)
            accuracy = TOP_100.mean(rank)
            report(epoch, accuracy)

        fitting.fit(fitted, catalogue, retrieval, params.preprocess_data, params.seed, after_epoch)
        return accuracy

    sweep.search_and_write(
        plan,
        objective,
        params.tune_retrieval,
        params.seed,
        "maximize",
        paths.RETRIEVAL.best_params,
        READ,
        log,
    )


if __name__ == "__main__":
    run_stage(run)
