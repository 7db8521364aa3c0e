"""Stage `explore_data`: what an engineer wants to know before modelling, as pictures, a page and numbers."""

import logging
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from stages import params, paths
from stages.data import explore_pictures, explore_report, schema, survey
from stages.data.splits import time_cutoff
from stages.files import read_json, write_json, write_text
from stages.params import PreprocessData
from stages.stage import run_stage

STAGE = "explore_data"


def run(raw: paths.Raw, reports: Path, metrics: Path, values: PreprocessData, log: logging.Logger) -> None:
    """Read the raw tables, look at them, write reports/explore_data and metrics/explore_data.json."""
    movies = _read(raw.movies, schema.MOVIES)
    metadata = _read(raw.metadata, schema.METADATA)
    interactions = survey.build_interactions(_read(raw.interactions, schema.INTERACTIONS), movies)
    timestamp = interactions.timestamp
    cutoffs = (
        time_cutoff(timestamp, values.validation_cutoff),
        time_cutoff(timestamp, values.test_cutoff),
    )
    found = survey.take(interactions, movies, metadata, cutoffs)
    numbers = survey.numbers(found, values.positive_rating)
    pictures = explore_pictures.draw_all(found, numbers, reports)
    source = Path(str(read_json(raw.manifest)["source"])).name  # a folder's path stays out of the outputs
    write_text(reports / "report.md", explore_report.page(numbers, source, pictures))
    write_json(metrics, numbers)
    log.info("%d interactions: %d pictures and %d numbers", len(interactions), len(pictures), len(numbers))


def _read(path: Path, columns: Any) -> Any:
    return pq.read_table(path).cast(columns).combine_chunks()


def main() -> None:
    """Run the stage as DVC does."""

    def stage(log: logging.Logger) -> None:
        values = params.load("preprocess_data", PreprocessData)
        run(paths.RAW, paths.reports(STAGE), paths.metrics(STAGE), values, log)

    run_stage(STAGE, stage)


if __name__ == "__main__":
    main()
