"""Stage `tune_recommender`: search how retrieval and rating make one list, on the validation period."""

import pyarrow.parquet as pq

from marquee.data.tables import interactions
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.facts import Titles
from marquee.data.tables.interactions import CONTEXT, TRAIN, VALIDATION
from marquee.models.training.runtime import start_tensorflow
from marquee.models.tuning import search_space, sweep, validation
from marquee.pipeline import paths
from marquee.pipeline.params import Params, RecommenderParams
from marquee.pipeline.stage import Log, run_stage
from marquee.serving.export import held_out
from marquee.serving.export.held_out import Winners
from marquee.serving.recommender.recommender import Recommender
from marquee.serving.replay import candidate_lists

READ = (paths.PROCESSED.interactions, paths.PROCESSED.movie_features)


def run(params: Params, log: Log) -> None:
    """Fit the winners on train, ask them the positive validation events once, then search the weights."""
    plan = search_space.plan("recommender", RecommenderParams, params.recommender, params.tune_recommender)
    winners = Winners.read()
    start_tensorflow(params.seed, params.threads)
    table = interactions.read(paths.PROCESSED.interactions).in_periods(TRAIN, VALIDATION, CONTEXT)
    positive_rating, max_users = params.preprocess_data.positive_rating, plan.tune.max_users
    asked = validation.positive_events(table, positive_rating, max_users, params.seed)
    sweep.require_events(len(asked), plan)
    default = plan.default()
    bundle = held_out.build(
        table,
        Catalogue.read(paths.PROCESSED.movie_features),
        Titles.of(pq.read_table(paths.PROCESSED.movies).to_pydict()),
        winners,
        params.preprocess_data,
        default.popular_days,
        params.seed,
    )
    lists = candidate_lists.collect(Recommender(bundle, default), table, asked)
    log.info("%d events, of which the sources give %d", len(asked), lists.num_found)
    sweep.search_and_write(
        plan, lists.objective, params.seed, "maximize", paths.RECOMMENDER.best_params, READ, log
    )


if __name__ == "__main__":
    run_stage(run, blas_threads=1)
