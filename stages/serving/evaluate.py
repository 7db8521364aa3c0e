"""Stage `evaluate_recommender`: the served code, on the served models, over the test period."""

import logging

import numpy as np

from stages import params, paths
from stages.data import interactions
from stages.data.interactions import TEST, TRAIN, VALIDATION, Interactions
from stages.evaluation import baselines, curves, events, lists, oracle, pictures, ranks, report
from stages.evaluation.report import LIST_K
from stages.files import write_json
from stages.params import Evaluation, Neighbours, PreprocessData
from stages.serving import bundle, histories
from stages.serving.recommender import Recommender
from stages.stage import run_stage

STAGE = "evaluate_recommender"
COMPARED = ("retrieval_only", "popularity", "ease")


def run(
    values: params.Recommender,
    neighbours: Neighbours,
    preprocessing: PreprocessData,
    evaluation: Evaluation,
    seed: int,
    log: logging.Logger,
) -> None:
    """Ask the recommender every positive test event, and report it beside baselines."""
    recommender = Recommender(bundle.read(bundle.parts_of_pipeline(additions=False)), values)
    table = interactions.read(paths.PROCESSED.interactions)
    fitted = table.in_periods(TRAIN, VALIDATION)
    asked = events.of_period(table, TEST, evaluation.max_listed_users, seed)
    asked = asked.only(table.rating[asked.rows] >= preprocessing.positive_rating)

    answered = histories.answer(recommender, table, asked, LIST_K)
    ranked = {"recommender": answered.rank, "retrieval_only": answered.retrieval_rank}
    once = ranks.last_of_each_user(table, asked)
    latest = np.searchsorted(asked.rows, once.rows)
    shown = {"recommender": answered.shown[latest], "retrieval_only": answered.retrieved[latest]}
    for name, model in fit_baselines(fitted, neighbours, preprocessing).items():
        ranked[name] = ranks.rank_events(model.scorer(table), table, asked)
        shown[name] = ranks.list_events(model.scorer(table), table, once, LIST_K)
    known = oracle.read(paths.RAW.oracle, table)
    if known is not None:
        ranked["oracle"] = known.rank[asked.rows]

    described = report.describe(table, fitted, asked, preprocessing.positive_rating)
    compared = {"recommender": COMPARED}
    numbers = lists.recommender_metrics(ranked, described, compared, evaluation.bootstrap_samples, seed)
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


def main() -> None:
    """Run the stage as DVC does."""

    def stage(log: logging.Logger) -> None:
        run(
            params.load_best(params.Recommender, paths.RECOMMENDER.best_params),
            params.load_best(Neighbours, paths.NEIGHBOURS.best_params),
            params.load("preprocess_data", PreprocessData),
            params.load("evaluation", Evaluation),
            params.load_integer("seed"),
            log,
        )

    run_stage(STAGE, stage)


if __name__ == "__main__":
    main()
