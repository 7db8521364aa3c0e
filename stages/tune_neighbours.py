"""Stage `tune_neighbours`: search the item-item weights' knobs on the validation period."""

from marquee.data.tables import interactions
from marquee.data.tables.interactions import CONTEXT, TRAIN, VALIDATION
from marquee.models.neighbours import fitting, item_item
from marquee.models.tuning import search_space, sweep, validation
from marquee.pipeline import paths
from marquee.pipeline.params import Neighbours, Params
from marquee.pipeline.stage import Log, run_stage

READ = (paths.PROCESSED.interactions,)


def run(params: Params, log: Log) -> None:
    """Fit on train, score top-100 accuracy on validation, keep the best knobs."""
    plan = search_space.plan("neighbours", Neighbours, params.neighbours, params.tune_neighbours)
    table = interactions.read(paths.PROCESSED.interactions).in_periods(TRAIN, VALIDATION, CONTEXT)
    fitted = table.in_periods(TRAIN)
    positive_rating, max_users = params.preprocess_data.positive_rating, plan.tune.max_users
    asked = validation.positive_events(table, positive_rating, max_users, params.seed)
    sweep.require_events(len(asked), plan)
    log.info("%d interactions to fit, %d positive events to score", len(fitted), len(asked))

    def objective(neighbours: Neighbours, report: sweep.Report) -> float:
        strength = item_item.strengths(table.rating, positive_rating, neighbours)
        scorer = fitting.scorer(fitting.fit(fitted, neighbours), table, strength)
        accuracy = validation.accuracy(scorer, table, asked)
        report(1, accuracy)
        return accuracy

    sweep.search_and_write(plan, objective, params.seed, "maximize", paths.NEIGHBOURS.best_params, READ, log)


if __name__ == "__main__":
    run_stage(run)
