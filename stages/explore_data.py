"""Stage `explore_data`: what an engineer wants to know before modelling, as pictures, a page and numbers."""

from marquee.data.exploration import pictures, report, survey
from marquee.data.preparation import splits
from marquee.data.tables import schema
from marquee.data.tables.interactions import Interactions
from marquee.pipeline import paths, scores
from marquee.pipeline.files import read_json, write_text
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage

STAGE = "explore_data"
COMPARED = ("num_interactions", "num_users", "num_movies", "mean_rating", "positive_share", "sparsity")
"""What tells one data set from another; every other number is in the report's scores.csv."""


def run(params: Params, log: Log) -> None:
    """Read the raw tables, survey them, write reports/explore_data and metrics/explore_data.json."""
    movies = schema.read(paths.RAW.movies, schema.MOVIES)
    metadata = schema.read(paths.RAW.metadata, schema.METADATA)
    rated = schema.read_interactions(paths.RAW.interactions)
    interactions = Interactions.from_ratings(rated, movies["movie_id"].to_numpy())
    cutoffs = splits.time_cutoffs(interactions.timestamp, params.preprocess_data)
    found = survey.take(interactions, movies, metadata, cutoffs)
    numbers = survey.numbers(found, params.preprocess_data.positive_rating)
    drawn = pictures.draw_all(found, numbers, paths.reports(STAGE))
    page = report.page(numbers, read_json(paths.RAW.manifest)["source"], drawn)
    write_text(paths.reports(STAGE) / "report.md", page)
    measured = scores.counts(numbers)
    scores.write_table(measured, paths.reports(STAGE))
    compared = [score for score in measured if score.metric in COMPARED]
    scores.write_metrics(paths.metrics(STAGE), {"value": len(interactions)}, compared)
    log.info("%d interactions: %d pictures and %d numbers", len(interactions), len(drawn), len(numbers))


if __name__ == "__main__":
    run_stage(run)
