"""Stage `evaluate_ranking`: the test period, read once, beside baselines on the same events."""

from marquee.data.tables import interactions
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import TEST, TRAIN, VALIDATION
from marquee.evaluation.measures import events, report
from marquee.evaluation.reporting import curves, oracle, outputs, pictures
from marquee.models.baselines import raters
from marquee.models.ranking import fitting, rows
from marquee.models.training.runtime import start_tensorflow
from marquee.pipeline import paths
from marquee.pipeline.params import Params, Ranking, read_best
from marquee.pipeline.stage import Log, run_stage

STAGE = "evaluate_ranking"
FITTED = (TRAIN, VALIDATION)
HEADLINE = report.Headline("rmse", "dcn", raters.RATERS, higher_is_better=False)


def run(params: Params, log: Log) -> None:
    """Predict the rating of every test event with every model and report the comparison."""
    ranking = read_best(Ranking, paths.RANKING.best_params)
    start_tensorflow(params.seed, params.threads)
    table = interactions.read(paths.PROCESSED.interactions)
    fitted = table.in_periods(*FITTED)
    catalogue = Catalogue.read(paths.PROCESSED.movie_features)
    asked = events.of_period(table, TEST, params.evaluation.max_users, params.seed)
    movies = rows.final_movies(table, FITTED, catalogue, ranking.factors, params.seed)
    asked_rows = rows.event_rows(table, asked, movies)
    training = rows.training_rows(
        table, FITTED, catalogue, ranking.factors, ranking.blocks, params.preprocess_data, params.seed
    )

    known_movies = rows.known_movies(table, FITTED, params.preprocess_data)
    dcn = fitting.load(paths.RANKING.weights, catalogue, known_movies, ranking)
    predicted = {"dcn": fitting.predict(dcn, asked_rows)}
    predicted |= raters.predict_by_bias(table, fitted, asked)
    predicted |= raters.predict_by_trees(training.features, training.rating, asked_rows.features, params.seed)
    known = oracle.read(paths.RAW.oracle, table)
    if known is not None:
        predicted["oracle"] = known.expected_rating[asked.rows]

    described = report.describe(table, fitted, asked, params.preprocess_data.positive_rating)
    measured = report.rating_scores(
        predicted, described, raters.RATERS, params.evaluation.bootstrap_samples, params.seed
    )
    tables = curves.rating_curves(predicted, described)
    outputs.write(STAGE, measured, HEADLINE, tables)
    pictures.draw_ratings(tables, paths.reports(STAGE))
    for name, value in report.values_of(measured, "rmse").items():
        log.info("%s: rmse %.4f", name, value)


if __name__ == "__main__":
    run_stage(run)
