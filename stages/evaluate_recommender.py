"""Stage `evaluate_recommender`: the served code, on the served models, over the test period."""

import numpy as np

from marquee.data.tables import interactions
from marquee.data.tables.interactions import TEST, TRAIN, VALIDATION
from marquee.evaluation.measures import dislikes, events, ranks, report
from marquee.evaluation.measures.rank_metrics import LIST_K, NDCG_AT_10
from marquee.evaluation.reporting import curves, oracle, outputs, pictures
from marquee.models.baselines import rankers
from marquee.pipeline import paths
from marquee.pipeline.params import Neighbours, Params, RecommenderParams, read_best
from marquee.pipeline.stage import Log, run_stage
from marquee.serving.recommender import bundle, bundle_files
from marquee.serving.recommender.recommender import Recommender
from marquee.serving.replay import histories

STAGE = "evaluate_recommender"
BASELINES = ("popularity", "ease")
COMPARED = ("retrieval_only", *BASELINES)
"""The recommender's own candidates before predicted ratings and rules say what those are worth."""
HEADLINE = report.Headline(NDCG_AT_10.name, "recommender", BASELINES)


def run(params: Params, log: Log) -> None:
    """Ask the recommender every positive test event, and report it beside baselines."""
    neighbours = read_best(Neighbours, paths.NEIGHBOURS.best_params)
    recommender = Recommender(
        bundle.read(bundle_files.parts_of_pipeline(additions=False)),
        read_best(RecommenderParams, paths.RECOMMENDER.best_params),
    )
    table = interactions.read(paths.PROCESSED.interactions)
    fitted = table.in_periods(TRAIN, VALIDATION)
    asked = events.of_period(table, TEST, params.evaluation.max_listed_users, params.seed)
    asked = asked.only(table.rating[asked.rows] >= params.preprocess_data.positive_rating)

    answered = histories.answer(recommender, table, asked, LIST_K)
    ranked = {"recommender": answered.rank, "retrieval_only": answered.retrieval_rank}
    once = ranks.last_of_each_user(table, asked)
    latest = np.searchsorted(asked.rows, once.rows)
    shown = {"recommender": answered.shown[latest], "retrieval_only": answered.retrieved[latest]}
    models = rankers.fit(fitted, params.preprocess_data, neighbours, params.evaluation.recent_days)
    for name in BASELINES:
        ranked[name] = ranks.rank_events(models[name].scorer(table), table, asked)
        shown[name] = ranks.list_events(models[name].scorer(table), table, once, LIST_K)
    known = oracle.read(paths.RAW.oracle, table)
    if known is not None:
        ranked["oracle"] = known.rank[asked.rows]

    described = report.describe(table, fitted, asked, params.preprocess_data.positive_rating)
    measured = report.rank_scores(
        ranked, described, COMPARED, params.evaluation.bootstrap_samples, params.seed
    )
    measured += report.shares_of_oracle(measured, NDCG_AT_10.name) + report.list_scores(shown, fitted)
    genres = recommender.catalogue_filter.has_genre
    measured += dislikes.scores(shown, table, once, genres)
    tables = curves.retrieval_curves(ranked, described)
    outputs.write(STAGE, measured, HEADLINE, tables)
    pictures.draw_retrieval(tables, paths.reports(STAGE))
    for name, value in report.values_of(measured, NDCG_AT_10.name).items():
        log.info("%s: %s %.4f", name, NDCG_AT_10.name, value)


if __name__ == "__main__":
    run_stage(run, blas_threads=1)
