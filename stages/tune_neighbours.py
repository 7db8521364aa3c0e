"""Stage `tune_neighbours`: search the item-item weights' knobs on the validation period."""

from collections.abc import Callable

from marquee.data.tables import interactions
from marquee.data.tables.interactions import CONTEXT, TRAIN, VALIDATION
from marquee.evaluation.measures import events, ranks
from marquee.evaluation.measures.rank_metrics import TOP_100
from marquee.models.neighbours import fitting, item_item
from marquee.models.tuning import sweep
from marquee.pipeline import paths
from marquee.pipeline.params import Neighbours, Params
from marquee.pipeline.stage import Log, run_stage

STAGE = "tune_neighbours"
READ = (paths.PROCESSED.interactions,)


def run(params: Params, log: Log) -> None:
    """Fit on train, score top-100 accuracy on validation, keep the best knobs."""
    plan = sweep.plan("neighbours", Neighbours, params.neighbours, params.tune_neighbours)
    table = interactions.read(paths.PROCESSED.interactions).in_periods(TRAIN, VALIDATION, CONTEXT)
    fitted = table.in_periods(TRAIN)
    asked = events.of_period(table, VALIDATION, params.tune_neighbours.max_users, params.seed)
    asked = asked.only(
        (table.rating[asked.rows] >= params.preprocess_data.positive_rating) & asked.has_history
    )
    sweep.require_events(len(asked), plan.section, params.tune_neighbours)
    log.info("%d interactions to fit, %d positive events to score", len(fitted), len(asked))

    def objective(neighbours: Neighbours, report: Callable[[int, float], None]) -> float:
        strength = item_item.strengths(
            table.rating, params.preprocess_data.positive_rating, neighbours.other_weight
        )
        score = fitting.scorer(fitting.fit(fitted, neighbours), table, strength)
        rank = ranks.rank_events(score, table, asked, progress=False)
        accuracy = TOP_100.mean(rank)
        report(1, accuracy)
        return accuracy

    sweep.search_and_write(
        plan,
        objective,
        params.tune_neighbours,
        params.seed,
        "maximize",
        paths.NEIGHBOURS.best_params,
        READ,
        log,
    )


if __name__ == "__main__":
    run_stage(run)
