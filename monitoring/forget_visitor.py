"""Take one visitor out of everything that was recorded: `make forget VISITOR=...`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from marquee.events import forgetting
from marquee.events.forgetting import ForgettingError
from marquee.pipeline import logs, paths
from marquee.pipeline.files import WriteError
from marquee.pipeline.paths import Events

log = logs.get("forget_visitor")


def run(visitor_id: str, events: Events) -> int:
    """Forget a visitor and say how much went.

    Returns:
        0, or 1 where records are left in segments that are still being written.

    Raises:
        ForgettingError: no visitor can have this id, or there is no such folder.
        WriteError: a file cannot be written.
    """
    gone = forgetting.forget(events.folder, events.segments, visitor_id)
    log.info("%d records and %d rows of tables went, from %d files", gone.records, gone.rows, gone.files)
    if gone.rows:
        log.info("DVC's cache and remotes may hold earlier versions of the tables: see `dvc gc`")
    if gone.still_open:
        log.warning(
            "%d records are in segments that are still being written. Each is complete within an hour, or "
            "as soon as the service stops: run this again then",
            gone.still_open,
        )
    return 1 if gone.still_open else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line; 2 where it makes no sense or a file cannot be written."""
    parser = argparse.ArgumentParser(prog="forget_visitor", description=__doc__)
    parser.add_argument("visitor", help="the visitor_id, exactly as it was sent")
    parser.add_argument(
        "--events",
        type=Path,
        default=paths.EVENTS.folder,
        help="the folder that events are recorded in (default: %(default)s)",
    )
    parsed = parser.parse_args(arguments)
    try:
        return run(parsed.visitor, Events(parsed.events))
    except (ForgettingError, WriteError) as error:
        log.error("%s", error)
        return 2


if __name__ == "__main__":
    sys.exit(main())
