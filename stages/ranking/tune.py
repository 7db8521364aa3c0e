"""Stage `tune_ranking`: search the DCN's knobs on the validation period."""

import logging
from collections.abc import Callable
from functools import lru_cache

from stages import params, paths, sweep
from stages.data import catalogue, interactions
from stages.data.interactions import CONTEXT, TRAIN, VALIDATION
from stages.evaluation import events, metrics
from stages.params import PreprocessData, Ranking, Tune
from stages.ranking import data
from stages.ranking.data import Rows
from stages.stage import run_stage
from stages.sweep import Plan

STAGE = "tune_ranking"
READ = (paths.PROCESSED.interactions, paths.PROCESSED.movie_features)


def run(
    plan: Plan[Ranking],
    tune: Tune,
    preprocessing: PreprocessData,
    seed: int,
    threads: int,
    log: logging.Logger,
) -> None:
    """Fit on train, measure RMSE on validation events with a history, keep the best knobs."""
    # Without test, which `split: random` would otherwise put into histories.
    table = interactions.read(paths.PROCESSED.interactions).in_periods(TRAIN, VALIDATION, CONTEXT)
    facts = catalogue.read(paths.PROCESSED.movie_features)
    known = data.known_movies(table, (TRAIN,), preprocessing)
    asked = events.of_period(table, VALIDATION, tune.max_users, seed)
    asked = asked.only(asked.has_history)
    sweep.require_events(len(asked), plan.section, tune)
    log.info("%d interactions to fit, %d events to score", int((table.period == TRAIN).sum()), len(asked))

    @lru_cache(maxsize=1)  # most sweeps leave the features alone
    def rows(factors: int, blocks: int) -> tuple[Rows, Rows]:
        movies = data.final_movies(table, (TRAIN,), facts, factors, seed)
        fitted = data.training_rows(table, (TRAIN,), facts, factors, blocks, preprocessing, seed)
        return fitted, data.event_rows(table, asked, movies)

    def objective(values: Ranking, report: Callable[[int, float], None]) -> float:
        from stages.ranking import dcn, fitting
        from stages.runtime import start_tensorflow

        start_tensorflow(seed, threads)
        fitted, scored = rows(values.factors, values.blocks)
        error = float("nan")

        def after_epoch(epoch: int, _: float, model: dcn.Dcn) -> None:
            nonlocal error
            error = metrics.rmse(fitting.predict(model, scored), scored.rating)
            report(epoch, error)

        fitting.fit(fitted, facts, known, values, seed, after_epoch)
        return error

    sweep.search_and_write(plan, objective, tune, seed, "minimize", paths.RANKING.best_params, READ, log)


def main() -> None:
    """Run the stage as DVC does."""

    def stage(log: logging.Logger) -> None:
        plan, tune = sweep.load_plan("ranking", Ranking)
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
