"""Stage `evaluate_retrieval`: the test period, read once, beside baselines on the same events."""

import logging

from stages import params, paths
from stages.data import catalogue, interactions
from stages.data.interactions import TEST, TRAIN, VALIDATION, Int32, Interactions
from stages.evaluation import baselines, curves, events, oracle, pictures, ranks, report
from stages.evaluation.events import Events
from stages.evaluation.report import HIT_K
from stages.files import write_json
from stages.params import Evaluation, Neighbours, PreprocessData, Retrieval
from stages.retrieval import fitting
from stages.runtime import start_tensorflow
from stages.stage import run_stage

STAGE = "evaluate_retrieval"
BASELINES = ("popularity", "recent_popularity", "ease")


def run(
    values: Retrieval,
    neighbours: Neighbours,
    preprocessing: PreprocessData,
    evaluation: Evaluation,
    seed: int,
    threads: int,
    log: logging.Logger,
) -> None:
    """Rank every positive test event under every model and report the comparison."""
    start_tensorflow(seed, threads)
    table = interactions.read(paths.PROCESSED.interactions)
    fitted = table.in_periods(TRAIN, VALIDATION)
    movies = catalogue.read(paths.PROCESSED.movie_features)
    two_tower = fitting.load(paths.RETRIEVAL.weights, fitted, movies, values, preprocessing)

    asked = events.of_period(table, TEST, evaluation.max_users, seed)
    asked = asked.only(table.rating[asked.rows] >= preprocessing.positive_rating)
    ranked = {"two_tower": ranks.rank_events(two_tower.scorer(table), table, asked)}
    compared, cut_to = rank_baselines(table, fitted, asked, preprocessing, neighbours, evaluation.recent_days)
    ranked |= compared
    known = oracle.read(paths.RAW.oracle, table)
    if known is not None:
        ranked["oracle"] = known.rank[asked.rows]

    described = report.describe(table, fitted, asked, preprocessing.positive_rating)
    numbers = report.retrieval_metrics(ranked, described, BASELINES, evaluation.bootstrap_samples, seed)
    numbers["ease"]["movies"] = cut_to
    write_json(paths.metrics(STAGE), report.with_share_of_oracle(numbers, f"top_{HIT_K}_accuracy"))
    tables = curves.retrieval_curves(ranked, described)
    curves.write(tables, paths.reports(STAGE))
    pictures.draw_retrieval(tables, paths.reports(STAGE))
    for name in ranked:
        log.info("%s: top_100_accuracy %.4f", name, numbers[name]["top_100_accuracy"])


def rank_baselines(
    table: Interactions,
    fitted: Interactions,
    asked: Events,
    preprocessing: PreprocessData,
    neighbours: Neighbours,
    recent_days: int,
) -> tuple[dict[str, Int32], int]:
    """Ranks of every baseline, and how many movies EASE was cut to; its knobs were chosen on validation."""
    ease = baselines.fit_ease(fitted, neighbours.regularization, neighbours.max_movies)
    scorers = {
        "popularity": baselines.fit_popularity(fitted, preprocessing.positive_rating).scorer(table),
        "recent_popularity": baselines.fit_recent_popularity(fitted, recent_days).scorer(table),
        "ease": ease.scorer(table),
    }
    ranked = {name: ranks.rank_events(score, table, asked) for name, score in scorers.items()}
    return ranked, len(ease.movies)


def main() -> None:
    """Run the stage as DVC does."""

    def stage(log: logging.Logger) -> None:
        run(
            params.load_best(Retrieval, paths.RETRIEVAL.best_params),
            params.load_best(Neighbours, paths.NEIGHBOURS.best_params),
            params.load("preprocess_data", PreprocessData),
            params.load("evaluation", Evaluation),
            params.load_integer("seed"),
            params.load_integer("threads"),
            log,
        )

    run_stage(STAGE, stage)


if __name__ == "__main__":
    main()
