"""Stage `evaluate_recommender`: the served code, on the served models, over the test period."""

import numpy as np

from marquee.data.tables import interactions
from marquee.data.tables.interactions import TEST, TRAIN, VALIDATION, Interactions
from marquee.evaluation.measures import events, ranks, report
from marquee.evaluation.measures.report import LIST_K
from marquee.evaluation.reporting import curves, lists, oracle, pictures
from marquee.models.baselines import baselines
from marquee.pipeline import paths
from marquee.pipeline.files import write_json
from marquee.pipeline.params import Neighbours, Params, PreprocessData, RecommenderParams, read_best
from marquee.pipeline.stage import Log, run_stage
from marquee.serving.recommender import bundle, bundle_files
from marquee.serving.recommender.recommender import Recommender
from marquee.serving.replay import histories

STAGE = "evaluate_recommender"
COMPARED = ("retrieval_only", "popularity", "ease")


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
    for name, model in fit_baselines(fitted, neighbours, params.preprocess_data).items():
        ranked[name] = ranks.rank_events(model.scorer(table), table, asked)
        shown[name] = ranks.list_events(model.scorer(table), table, once, LIST_K)
    known = oracle.read(paths.RAW.oracle, table)
    if known is not None:
        ranked["oracle"] = known.rank[asked.rows]

    described = report.describe(table, fitted, asked, params.preprocess_data.positive_rating)
    compared = {"recommender": COMPARED}
    numbers = lists.recommender_metrics(
        ranked, described, compared, params.evaluation.bootstrap_samples, params.seed
    )
    numbers = report.with_share_of_oracle(numbers, f"ndcg_at_{LIST_K}")
    write_json(paths.metrics(STAGE), lists.with_list_metrics(numbers, shown, fitted))
    tables = curves.retrieval_curves(ranked, described)
    curves.write(tables, paths.reports(STAGE))
    pictures.draw_retrieval(tables, paths.reports(STAGE))
    for name in ranked:
        log.info("%s: ndcg_at_10 %.4f", name, numbers[name]["ndcg_at_10"])


def fit_baselines(
    fitted: Interactions, neighbours: Neighbours, preprocessing: PreprocessData
) -> dict[str, baselines.Popularity | baselines.Ease]:
    """What the recommender is compared with."""
    return {
        "popularity": baselines.fit_popularity(fitted, preprocessing.positive_rating),
        "ease": baselines.fit_ease(fitted, neighbours.regularization, neighbours.max_movies),
    }


if __name__ == "__main__":
    run_stage(run, blas_threads=1)
