"""Collect what the service recorded into tables: a folder per day under data/events/tables."""

from marquee.monitoring.collection import collecting
from marquee.pipeline import paths
from marquee.pipeline.files import write_json
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage

STAGE = "collect_events"


def run(_: Params, log: Log) -> None:
    """Add the segments completed since the last run."""
    events = paths.EVENTS
    manifest, new = collecting.collect(events.folder, events.segments, events.tables)
    write_json(paths.metrics(STAGE), manifest.counts())
    log.info(
        "%d new segments. So far %d records, %d late; left out %d twice, %d bad, %d torn, %d of later ones",
        new,
        manifest.records,
        manifest.late,
        manifest.duplicates,
        manifest.bad,
        manifest.torn,
        manifest.later,
    )


if __name__ == "__main__":
    run_stage(run)
