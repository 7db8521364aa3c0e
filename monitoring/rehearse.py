"""Leave events as the people of the test period would, where none were recorded: to see monitoring at work.

`python -m monitoring.rehearse --stars -0.5` lets ratings fall by half a star from the middle on.
"""

import argparse
import sys
from collections.abc import Sequence

from tqdm import tqdm

from marquee.data.tables import interactions
from marquee.events import records, segments
from marquee.events.segments import SegmentWriter
from marquee.monitoring.evidence import rehearsal
from marquee.monitoring.evidence.rehearsal import Drift
from marquee.pipeline import paths
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage
from marquee.serving.recommender import bundle
from marquee.serving.recommender.recommender import Recommender

MIDDLE = 0.5
MILLISECONDS = 1000


class RehearsalError(ValueError):
    """There are events already; the message says what to do."""


def rehearse(params: Params, log: Log, most: int, stars: float) -> None:
    """Write one segment, and refuse to where there are any, or tables: made up and recorded never mix.

    Raises:
        RehearsalError: there are events.
    """
    events = paths.EVENTS
    if segments.found(events.segments) or events.tables.exists():
        raise RehearsalError(
            f"{events.folder} holds events already, and a rehearsal must not mix with them. "
            "Rehearse in another clone, or remove its segments and tables."
        )
    packaged = bundle.open_packaged(paths.BUNDLE)
    recommender = Recommender(packaged.bundle, packaged.recommender)
    table = interactions.read(paths.PROCESSED.interactions)
    made = rehearsal.rehearse(
        recommender, packaged.content_hash, table, most, Drift(MIDDLE, stars), params.seed
    )
    writer = SegmentWriter(events.segments, int(table.timestamp.max()) * MILLISECONDS)
    count = 0
    for record in tqdm(made, desc="rehearsing", unit="record", disable=None, leave=False):
        writer.append(records.to_line(record))
        count += 1
    writer.close()
    log.info("%d records, made up of the test period; collect them next", count)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and rehearse."""
    parser = argparse.ArgumentParser(prog="rehearse", description=__doc__)
    parser.add_argument(
        "--requests", type=int, default=sys.maxsize, help="at most; default: the whole period"
    )
    parser.add_argument("--stars", type=float, default=0.0, help="added to all ratings from the middle on")
    parsed = parser.parse_args(arguments)

    def run(params: Params, log: Log) -> None:
        rehearse(params, log, parsed.requests, parsed.stars)

    run_stage(run, blas_threads=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
