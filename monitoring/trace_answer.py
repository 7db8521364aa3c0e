"""Print what made a past answer: bundle, commit, data, code, knobs, libraries. `make trace ID=...`."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from marquee.events import lookup
from marquee.events.lookup import NotRecordedError
from marquee.pipeline import logs, paths
from marquee.serving.provenance import bundles, trace
from marquee.serving.provenance.commits import GitError
from marquee.serving.recommender.manifest import BundleError

log = logs.get("trace_answer")


def run(request_id: str, segments: Path) -> str:
    """What made an answer, for people to read.

    Raises:
        NotRecordedError: the log does not hold it.
        BundleError: its bundle is nowhere to be found.
        GitError: this is no Git repository.
    """
    answer = lookup.answer_of(segments, request_id)
    when = datetime.fromtimestamp(answer.time, UTC).isoformat(timespec="milliseconds")
    made = trace.table(trace.of_bundle(answer.bundle, bundles.find(answer.bundle)))
    return f"answer   {request_id}\n         {answer.kind} at {when} by the {answer.arm}\n{made}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line; 2 where nothing can be said."""
    parser = argparse.ArgumentParser(prog="trace_answer", description=__doc__)
    parser.add_argument("request_id", help="of the answer, as its X-Request-Id header said")
    parser.add_argument(
        "--segments",
        type=Path,
        default=paths.EVENTS.segments,
        help="the folder of the event log (default: %(default)s)",
    )
    parsed = parser.parse_args(arguments)
    try:
        sys.stdout.write(run(parsed.request_id, parsed.segments))
    except (NotRecordedError, BundleError, GitError) as error:
        log.error("%s", error)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
