"""Stage `explore_data`: what an engineer wants to know before modelling, as pictures, a page and numbers."""

from marquee.data.exploration import pictures, report, survey
from marquee.data.preparation import splits
from marquee.data.tables import schema
from marquee.data.tables.interactions import Interactions
from marquee.pipeline import paths
from marquee.pipeline.files import read_json, write_json, write_text
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage

STAGE = "explore_data"


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
    write_json(paths.metrics(STAGE), numbers)
    log.info("%d interactions: %d pictures and %d numbers", len(interactions), len(drawn), len(numbers))


if __name__ == "__main__":
    run_stage(run)
