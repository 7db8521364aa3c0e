"""Stage `tune_recommender`: search how retrieval and rating make one list, on the validation period."""

import logging
from collections.abc import Callable

import numpy as np
import pyarrow.parquet as pq

from stages import params, paths, sweep
from stages.data import catalogue, interactions
from stages.data.interactions import CONTEXT, TRAIN, VALIDATION
from stages.evaluation import events, metrics
from stages.evaluation.report import HIT_K
from stages.params import Neighbours, PreprocessData, Ranking, Retrieval, Tune
from stages.runtime import start_tensorflow
from stages.serving import candidate_lists, held_out
from stages.serving.catalogue_index import titles_of
from stages.serving.held_out import Winners
from stages.serving.recommender import Recommender
from stages.stage import run_stage
from stages.sweep import Plan

STAGE = "tune_recommender"
READ = (paths.PROCESSED.interactions, paths.PROCESSED.movie_features)


def run(
    plan: Plan[params.Recommender],
    tune: Tune,
    winners: Winners,
    preprocessing: PreprocessData,
    seed: int,
    threads: int,
    log: logging.Logger,
) -> None:
    """Fit the winners on train, ask them the positive validation events once, then search the weights.

    The value is NDCG@100: a movie is worth more the higher it stands, and nothing beyond the hundredth
    place. It speaks for what retrieval finds and for the order in which it is shown.
    """
    start_tensorflow(seed, threads)
    table = interactions.read(paths.PROCESSED.interactions).in_periods(TRAIN, VALIDATION, CONTEXT)
    asked = events.of_period(table, VALIDATION, tune.max_users, seed)
    asked = asked.only((table.rating[asked.rows] >= preprocessing.positive_rating) & asked.has_history)
    sweep.require_events(len(asked), plan.section, tune)
    facts = catalogue.read(paths.PROCESSED.movie_features)
    titles = titles_of(pq.read_table(paths.PROCESSED.movies).to_pydict())
    values = plan.default()
    bundle = held_out.build(table, facts, titles, winners, preprocessing, values.popular_days, seed)
    lists = candidate_lists.collect(Recommender(bundle, values), table, asked)
    log.info("%d events, of which the sources give %d", len(asked), np.count_nonzero(lists.target >= 0))

    def objective(values: params.Recommender, report: Callable[[int, float], None]) -> float:
        value = float(np.mean(metrics.single_target_ndcg(lists.ranks(values), HIT_K)))
        report(1, value)
        return value

    sweep.search_and_write(plan, objective, tune, seed, "maximize", paths.RECOMMENDER.best_params, READ, log)


def main() -> None:
    """Run the stage as DVC does."""

    def stage(log: logging.Logger) -> None:
        plan, tune = sweep.load_plan("recommender", params.Recommender)
        winners = Winners(
            params.load_best(Retrieval, paths.RETRIEVAL.best_params),
            params.load_best(Ranking, paths.RANKING.best_params),
            params.load_best(Neighbours, paths.NEIGHBOURS.best_params),
        )
        preprocessing = params.load("preprocess_data", PreprocessData)
        seed, threads = params.load_integer("seed"), params.load_integer("threads")
        run(plan, tune, winners, preprocessing, seed, threads, log)

    run_stage(STAGE, stage)


if __name__ == "__main__":
    main()
