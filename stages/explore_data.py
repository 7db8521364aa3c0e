"""Stage `explore_data`: what an engineer wants to know before modelling, as pictures, a page and numbers."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from marquee.data.exploration import pictures as explore_pictures
from marquee.data.exploration import report as explore_report
from marquee.data.exploration import survey
from marquee.data.preparation.splits import time_cutoff
from marquee.data.tables import schema
from marquee.pipeline import paths, scores
from marquee.pipeline.files import read_json, write_text
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage

STAGE = "explore_data"
COMPARED = ("num_interactions", "num_users", "num_movies", "mean_rating", "positive_share", "sparsity")
"""What tells one data set from another; every other number is in the report's scores.csv."""


def run(params: Params, log: Log) -> None:
    """Read the raw tables, look at them, write reports/explore_data and metrics/explore_data.json."""
    reports = paths.reports(STAGE)
    movies = _read(paths.RAW.movies, schema.MOVIES)
    metadata = _read(paths.RAW.metadata, schema.METADATA)
    interactions = survey.build_interactions(_read(paths.RAW.interactions, schema.INTERACTIONS), movies)
    timestamp = interactions.timestamp
    cutoffs = (
        time_cutoff(timestamp, params.preprocess_data.validation_cutoff),
        time_cutoff(timestamp, params.preprocess_data.test_cutoff),
    )
    found = survey.take(interactions, movies, metadata, cutoffs)
    numbers = survey.numbers(found, params.preprocess_data.positive_rating)
    pictures = explore_pictures.draw_all(found, numbers, reports)
    source = Path(
        str(read_json(paths.RAW.manifest)["source"])
    ).name  # a folder's path stays out of the outputs
    write_text(reports / "report.md", explore_report.page(numbers, source, pictures))
    measured = scores.counts(numbers)
    scores.write_table(measured, reports)
    compared = [score for score in measured if score.metric in COMPARED]
    scores.write_metrics(paths.metrics(STAGE), {"value": len(interactions)}, compared)
    log.info("%d interactions: %d pictures and %d numbers", len(interactions), len(pictures), len(numbers))


def _read(path: Path, columns: Any) -> Any:
    return pq.read_table(path).cast(columns).combine_chunks()


if __name__ == "__main__":
    run_stage(run)
