"""Stage `tune_neighbours`: search the item-item weights' knobs on the validation period."""

import logging
from collections.abc import Callable

import numpy as np

from stages import params, paths, sweep
from stages.data import interactions
from stages.data.interactions import CONTEXT, TRAIN, VALIDATION
from stages.evaluation import events, metrics, ranks
from stages.evaluation.report import HIT_K
from stages.neighbours import fitting, item_item
from stages.params import Neighbours, PreprocessData, Tune
from stages.stage import run_stage
from stages.sweep import Plan

STAGE = "tune_neighbours"
READ = (paths.PROCESSED.interactions,)


def run(
    plan: Plan[Neighbours], tune: Tune, preprocessing: PreprocessData, seed: int, log: logging.Logger
) -> None:
    """Fit on train, score top-100 accuracy on validation, keep the best knobs."""
    table = interactions.read(paths.PROCESSED.interactions).in_periods(TRAIN, VALIDATION, CONTEXT)
    fitted = table.in_periods(TRAIN)
    asked = events.of_period(table, VALIDATION, tune.max_users, seed)
    asked = asked.only((table.rating[asked.rows] >= preprocessing.positive_rating) & asked.has_history)
    sweep.require_events(len(asked), plan.section, tune)
    log.info("%d interactions to fit, %d positive events to score", len(fitted), len(asked))

    def objective(values: Neighbours, report: Callable[[int, float], None]) -> float:
        strength = item_item.strengths(table.rating, preprocessing.positive_rating, values.other_weight)
        score = fitting.scorer(fitting.fit(fitted, values), table, strength)
        rank = ranks.rank_events(score, table, asked, progress=False)
        accuracy = float(np.mean(metrics.in_top_k(rank, HIT_K)))
        report(1, accuracy)
        return accuracy

    sweep.search_and_write(plan, objective, tune, seed, "maximize", paths.NEIGHBOURS.best_params, READ, log)


def main() -> None:
    """Run the stage as DVC does."""

    def stage(log: logging.Logger) -> None:
        plan, tune = sweep.load_plan("neighbours", Neighbours)
        preprocessing = params.load("preprocess_data", PreprocessData)
        run(plan, tune, preprocessing, params.load_integer("seed"), log)

    run_stage(STAGE, stage)


if __name__ == "__main__":
    main()
