"""Champion and challenger side by side, on what visitors did with their lists: `make compare`."""

import argparse
import math
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from marquee.evaluation.measures.intervals import Interval
from marquee.monitoring.arms import comparison, experiment
from marquee.monitoring.arms.comparison import Compared
from marquee.monitoring.arms.experiment import NoExperimentError, Visitors
from marquee.pipeline import logs, params, paths

HOURS = 24.0
"""Of each visitor, from the first list they were shown: they count when these are over."""
log = logs.get("compare_arms")


def run(folder: Path, hours: float, since: float, now: float, seed: int) -> str:
    """Compare, for people to read.

    Raises:
        NoExperimentError: the log holds no two arms.
    """
    recorded = experiment.read(folder)
    visitors = experiment.select(recorded, hours, now, since)
    log.info("%d clicks and ratings are about no list of the log", recorded.unattributed)
    return table(visitors, comparison.compare(visitors, seed), hours)


def table(visitors: Visitors, compared: Sequence[Compared], hours: float) -> str:
    """The numbers, and below them what they mean."""
    begun = datetime.fromtimestamp(visitors.since, UTC).isoformat(" ", "seconds")
    challengers = int(visitors.challenger.sum())
    champion, challenger = (content_hash[:12] for content_hash in visitors.bundles)
    rows = [("", "champion", "challenger", "difference", "at any time", "detectable")]
    for one in compared:
        of_arms = (_told(one.champion), _told(one.challenger), _told(one.difference, "+"))
        at_any_time = _range(*one.at_any_time, "+")
        detectable = "-" if math.isnan(one.detectable) else f"{one.detectable:.4f}"
        rows.append((one.metric.name, *of_arms, at_any_time, detectable))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    verdicts = [f"{one.metric.name}: {one.verdict}" for one in compared]
    return "\n".join(
        [
            f"champion {champion}: {len(visitors.challenger) - challengers} visitors; "
            f"challenger {challenger}: {challengers} visitors; since {begun}, {hours:g} hours of each",
            f"left out: {visitors.waiting} visitors whose hours are not over, {visitors.in_both} answered by "
            f"both arms; {visitors.unnamed} lists without a visitor_id",
            "",
            *(line.rstrip() for line in lines),
            "",
            *verdicts,
            "",
        ]
    )


def _told(interval: Interval, sign: str = "") -> str:
    if math.isnan(interval.value):
        return "-"
    return f"{interval.value:{sign}.4f} ({_range(interval.low, interval.high, sign)})"


def _range(low: float, high: float, sign: str) -> str:
    return "-" if math.isnan(low) else f"{low:{sign}.4f} to {high:{sign}.4f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line; 2 where there is nothing to compare."""
    parser = argparse.ArgumentParser(prog="compare_arms", description=__doc__)
    parser.add_argument("--hours", type=float, default=HOURS, help="of each visitor (default: %(default)s)")
    parser.add_argument(
        "--since",
        type=datetime.fromisoformat,
        default=datetime.fromtimestamp(0, UTC),
        help="leave out what was before, as 2026-11-25T10:00+00:00 (default: the last change of a bundle)",
    )
    parser.add_argument(
        "--segments",
        type=Path,
        default=paths.EVENTS.segments,
        help="the folder of the event log (default: %(default)s)",
    )
    parsed = parser.parse_args(arguments)
    try:
        seed = params.read(paths.PARAMS).seed
        told = run(parsed.segments, parsed.hours, parsed.since.timestamp(), time.time(), seed)
    except NoExperimentError as error:
        log.error("%s", error)
        return 2
    sys.stdout.write(told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
