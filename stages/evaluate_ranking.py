"""Stage `evaluate_ranking`: the test period, read once, beside baselines on the same events."""

import numpy as np

from marquee.data.tables import interactions
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import TEST, TRAIN, VALIDATION, Interactions
from marquee.evaluation.measures import events, report
from marquee.evaluation.measures.events import Events
from marquee.evaluation.reporting import curves, oracle, pictures
from marquee.models.baselines import baselines
from marquee.models.features.pair import FEATURES
from marquee.models.ranking import fitting
from marquee.models.ranking import rows as data
from marquee.models.ranking.rows import Rows
from marquee.models.training.runtime import start_tensorflow
from marquee.pipeline import paths
from marquee.pipeline.arrays import Float32
from marquee.pipeline.files import write_json
from marquee.pipeline.params import Params, PreprocessData, Ranking, read_best
from marquee.pipeline.stage import Log, run_stage

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


def run(params: Params, log: Log) -> None:
    """Predict the rating of every test event with every model and report the comparison."""
    ranking = read_best(Ranking, paths.RANKING.best_params)
    start_tensorflow(params.seed, params.threads)
    table = interactions.read(paths.PROCESSED.interactions)
    catalogue = Catalogue.read(paths.PROCESSED.movie_features)
    asked = events.of_period(table, TEST, params.evaluation.max_users, params.seed)
    movies = data.final_movies(table, FITTED, catalogue, ranking.factors, params.seed)
    rows = data.event_rows(table, asked, movies)

    known_movies = data.known_movies(table, FITTED, params.preprocess_data)
    model = fitting.load(paths.RANKING.weights, catalogue, known_movies, ranking)
    predicted = {"dcn": fitting.predict(model, rows)}
    predicted |= predict_baselines(
        table, catalogue, asked, rows, ranking, params.preprocess_data, params.seed
    )
    known = oracle.read(paths.RAW.oracle, table)
    if known is not None:
        predicted["oracle"] = known.expected_rating[asked.rows]

    fitted = table.in_periods(*FITTED)
    described = report.describe(table, fitted, asked, params.preprocess_data.positive_rating)
    numbers = report.rating_metrics(
        predicted, described, BASELINES, params.evaluation.bootstrap_samples, params.seed
    )
    write_json(paths.metrics(STAGE), numbers)
    tables = curves.rating_curves(predicted, described)
    curves.write(tables, paths.reports(STAGE))
    pictures.draw_ratings(tables, paths.reports(STAGE))
    for name in predicted:
        log.info("%s: rmse %.4f", name, numbers[name]["rmse"])


def predict_baselines(
    table: Interactions,
    catalogue: Catalogue,
    asked: Events,
    rows: Rows,
    values: Ranking,
    preprocessing: PreprocessData,
    seed: int,
) -> dict[str, Float32]:
    """(e,) stars of every baseline; gradient boosting reads the features the DCN reads, or the plain ones."""
    fitted = table.in_periods(*FITTED)
    training = data.training_rows(
        table, FITTED, catalogue, values.factors, values.blocks, preprocessing, seed
    )

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


if __name__ == "__main__":
    run_stage(run)
