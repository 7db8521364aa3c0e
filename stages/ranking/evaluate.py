"""Stage `evaluate_ranking`: the test period, read once, beside baselines on the same events."""

import logging

import numpy as np

from stages import params, paths
from stages.data import catalogue, interactions
from stages.data.catalogue import Catalogue
from stages.data.interactions import TEST, TRAIN, VALIDATION, Float32, Interactions
from stages.evaluation import baselines, curves, events, oracle, pictures, report
from stages.evaluation.events import Events
from stages.files import write_json
from stages.params import Evaluation, PreprocessData, Ranking
from stages.ranking import data, fitting
from stages.ranking.data import Rows
from stages.ranking.features import FEATURES
from stages.runtime import start_tensorflow
from stages.stage import run_stage

STAGE = "evaluate_ranking"
FITTED = (TRAIN, VALIDATION)
BASELINES = ("global_mean", "movie_mean", "movie_user_bias", "gradient_boosting_plain", "gradient_boosting")
PLAIN = [
    FEATURES.index(name)
    for name in (
        "user_bias", "rating_spread", "log_history_length", "log_days_since_last", "log_days_since_first",
        "session_position", "movie_bias", "movie_spread", "log_movie_count", "release", "movie_age",
        "genre_share", "genre_affinity",
    )
]  # fmt: skip
"""Counts, means and times, what anyone would start from; the other features are models of their own."""


def run(
    values: Ranking,
    preprocessing: PreprocessData,
    evaluation: Evaluation,
    seed: int,
    threads: int,
    log: logging.Logger,
) -> None:
    """Predict the rating of every test event with every model and report the comparison."""
    start_tensorflow(seed, threads)
    table = interactions.read(paths.PROCESSED.interactions)
    facts = catalogue.read(paths.PROCESSED.movie_features)
    asked = events.of_period(table, TEST, evaluation.max_users, seed)
    movies = data.final_movies(table, FITTED, facts, values.factors, seed)
    rows = data.event_rows(table, asked, movies)

    known_movies = data.known_movies(table, FITTED, preprocessing)
    model = fitting.load(paths.RANKING.weights, facts, known_movies, values)
    predicted = {"dcn": fitting.predict(model, rows)}
    predicted |= predict_baselines(table, facts, asked, rows, values, preprocessing, seed)
    known = oracle.read(paths.RAW.oracle, table)
    if known is not None:
        predicted["oracle"] = known.expected_rating[asked.rows]

    fitted = table.in_periods(*FITTED)
    described = report.describe(table, fitted, asked, preprocessing.positive_rating)
    numbers = report.rating_metrics(predicted, described, BASELINES, evaluation.bootstrap_samples, seed)
    write_json(paths.metrics(STAGE), numbers)
    tables = curves.rating_curves(predicted, described)
    curves.write(tables, paths.reports(STAGE))
    pictures.draw_ratings(tables, paths.reports(STAGE))
    for name in predicted:
        log.info("%s: rmse %.4f", name, numbers[name]["rmse"])


def predict_baselines(
    table: Interactions,
    facts: Catalogue,
    asked: Events,
    rows: Rows,
    values: Ranking,
    preprocessing: PreprocessData,
    seed: int,
) -> dict[str, Float32]:
    """(e,) stars of every baseline; gradient boosting reads the features the DCN reads, or the plain ones."""
    fitted = table.in_periods(*FITTED)
    training = data.training_rows(table, FITTED, facts, values.factors, values.blocks, preprocessing, seed)

    def boosted(columns: list[int]) -> Float32:
        trees = baselines.fit_gradient_boosting(training.features[:, columns], training.rating, seed)
        stars: Float32 = np.clip(trees.predict(rows.features[:, columns]), 0.5, 5.0).astype(np.float32)
        return stars

    return {
        "global_mean": baselines.fit_global_mean(fitted).predict(table, asked),
        "movie_mean": baselines.fit_movie_mean(fitted).predict(table, asked),
        "movie_user_bias": baselines.fit_movie_user_bias(fitted).predict(table, asked),
        "gradient_boosting_plain": boosted(PLAIN),
        "gradient_boosting": boosted(list(range(len(FEATURES)))),
    }


def main() -> None:
    """Run the stage as DVC does."""

    def stage(log: logging.Logger) -> None:
        run(
            params.load_best(Ranking, paths.RANKING.best_params),
            params.load("preprocess_data", PreprocessData),
            params.load("evaluation", Evaluation),
            params.load_integer("seed"),
            params.load_integer("threads"),
            log,
        )

    run_stage(STAGE, stage)


if __name__ == "__main__":
    main()
