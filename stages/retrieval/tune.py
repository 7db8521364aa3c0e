"""Stage `tune_retrieval`: search the two-tower's knobs on the validation period."""

import logging
from collections.abc import Callable

import numpy as np

from stages import params, paths, sweep
from stages.data import catalogue, interactions
from stages.data.interactions import CONTEXT, TRAIN, VALIDATION
from stages.evaluation import events, metrics, ranks
from stages.evaluation.report import HIT_K
from stages.params import PreprocessData, Retrieval, Tune
from stages.stage import run_stage
from stages.sweep import Plan

STAGE = "tune_retrieval"
READ = (paths.PROCESSED.interactions, paths.PROCESSED.movie_features)


def run(
    plan: Plan[Retrieval],
    tune: Tune,
    preprocessing: PreprocessData,
    seed: int,
    threads: int,
    log: logging.Logger,
) -> None:
    """Fit on train, score top-100 accuracy on validation, keep the best knobs."""
    # Under a random split a history may hold test rows: they are not read here.
    table = interactions.read(paths.PROCESSED.interactions).in_periods(TRAIN, VALIDATION, CONTEXT)
    movies = catalogue.read(paths.PROCESSED.movie_features)
    fitted = table.in_periods(TRAIN)
    asked = events.of_period(table, VALIDATION, tune.max_users, seed)
    positive = table.rating[asked.rows] >= preprocessing.positive_rating
    asked = asked.only(positive & asked.has_history)
    sweep.require_events(len(asked), plan.section, tune)
    log.info("%d interactions to fit, %d positive events to score", len(fitted), len(asked))

    def objective(values: Retrieval, report: Callable[[int, float], None]) -> float:
        from stages.retrieval import fitting
        from stages.runtime import start_tensorflow

        start_tensorflow(seed, threads)
        accuracy = 0.0

        def after_epoch(epoch: int, _: float, two_tower: fitting.FittedTwoTower) -> None:
            nonlocal accuracy
            rank = ranks.rank_events(two_tower.scorer(table), table, asked, progress=False)
            accuracy = float(np.mean(metrics.in_top_k(rank, HIT_K)))
            report(epoch, accuracy)

        fitting.fit(fitted, movies, values, preprocessing, seed, after_epoch)
        return accuracy

    sweep.search_and_write(plan, objective, tune, seed, "maximize", paths.RETRIEVAL.best_params, READ, log)


def main() -> None:
    """Run the stage as DVC does."""

    def stage(log: logging.Logger) -> None:
        plan, tune = sweep.load_plan("retrieval", Retrieval)
        run(
            plan,
            tune,
            params.load("preprocess_data", PreprocessData),
            params.load_integer("seed"),
            params.load_integer("threads"),
            log,
        )

    run_stage(STAGE, stage)


if __name__ == "__main__":
    main()
