"""Recompute past answers and compare them byte for byte: `make replay ID=...`, `make replay LAST=100`."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from marquee.events import lookup
from marquee.events.lookup import NotRecordedError
from marquee.events.records import Answer
from marquee.pipeline import logs, paths
from marquee.serving.provenance import bundles, replay

log = logs.get("replay_answer")


def run(answers: Sequence[Answer]) -> int:
    """Replay and say what came out differently.

    Returns:
        0 where all are the same, 1 where one differs, 2 where one could not be recomputed.
    """
    outcomes = list(replay.replay(answers, bundles.find))
    for outcome in outcomes:
        if outcome.difference is not None:
            log.error("%s %s: %s", outcome.answer.kind, outcome.answer.request_id, outcome.difference)
    for problem, count in Counter(outcome.problem for outcome in outcomes if outcome.problem).items():
        log.error("%d could not be recomputed: %s", count, problem)
    same = sum(outcome.same for outcome in outcomes)
    log.info("%d of %d answers came out the same, byte for byte", same, len(outcomes))
    if same < len(outcomes):
        log.info("the code counts as well as the bundle: `make trace ID=...` names the commit to try it with")
    return 2 if any(outcome.problem for outcome in outcomes) else int(same < len(outcomes))


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line; 2 where it makes no sense or nothing is recorded."""
    parser = argparse.ArgumentParser(prog="replay_answer", description=__doc__)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("request_id", nargs="?", help="of the answer, as its X-Request-Id header said")
    which.add_argument("--last", type=int, metavar="N", help="the last N answers instead")
    parser.add_argument(
        "--segments",
        type=Path,
        default=paths.EVENTS.segments,
        help="the folder of the event log (default: %(default)s)",
    )
    parsed = parser.parse_args(arguments)
    try:
        if parsed.last is None:
            return run([lookup.answer_of(parsed.segments, parsed.request_id)])
        answers = lookup.last_answers(parsed.segments, parsed.last)
    except NotRecordedError as error:
        log.error("%s", error)
        return 2
    if not answers:
        log.error("%s holds no answers: start the service, ask it something, and try again.", parsed.segments)
        return 2
    return run(answers)


if __name__ == "__main__":
    sys.exit(main())
