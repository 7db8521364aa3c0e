"""What the service promises under faults, and whether it was kept."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.soaking.faults import Happened
from benchmarks.soaking.visitors import Seen
from marquee.events import segments
from marquee.events.segments import Counted

ANSWERED_SHARE = 0.999
LONGEST_GAP_SECONDS = 1.0
LOST_SECONDS = 1.0
"""Before a kill: what was answered then may be in no log."""
MEMORY_GROWTH = 1.1
MEMORY_SLACK_MEGABYTES = 5.0
SETTLED_SHARE = 0.3
"""Of the time until memory is called settled: by then both bundles were open once or twice."""


def numbers(seen: Seen, happened: Happened, events: Path) -> dict[str, Any]:
    """All that was measured, flat."""
    answers = sorted(seen.answered, key=lambda one: one.at)
    seconds = np.array([one.seconds for one in answers])
    logged, torn = _logged(events)
    missing = [one.at for one in answers if one.request_id not in logged]
    excused = [at for at in missing if _just_before(at, happened.kills)]
    begin, end = _memory(happened)
    return {
        "requests": seen.requests,
        "answered_share": round(len(answers) / max(seen.requests, 1), 6),
        "broken_first_attempts": seen.broken,
        "lost_after_second_attempt": seen.lost,
        "refused": seen.refused,
        "requests_per_second": round(len(answers) / max(answers[-1].at - answers[0].at, 1e-9), 1),
        "p50_ms": round(float(np.percentile(seconds, 50)) * 1e3, 2),
        "p99_ms": round(float(np.percentile(seconds, 99)) * 1e3, 2),
        "longest_ms": round(float(seconds.max()) * 1e3, 1),
        "longest_gap_seconds": round(max((b.at - a.at for a, b in pairwise(answers)), default=0.0), 3),
        "answers_of_no_bundle": sum(not one.expected for one in answers),
        "bundles_answering": len({one.bundle for one in answers}),
        "swaps": len(happened.swaps),
        "kills": len(happened.kills),
        "back_seconds_longest": round(max(happened.back_seconds, default=0.0), 1),
        "logged_answers": len(answers) - len(missing),
        "lost_in_last_second": len(excused),
        "lost_otherwise": len(missing) - len(excused),
        "torn_lines": torn,
        "memory_megabytes_settled": round(begin, 1),
        "memory_megabytes_end": round(end, 1),
    }


def broken(measured: dict[str, Any], swaps: int, kills: int) -> list[str]:
    """The promises that were not kept, in words; empty: all were."""
    most = measured["memory_megabytes_settled"] * MEMORY_GROWTH + MEMORY_SLACK_MEGABYTES
    kept = {
        f"{measured['answered_share']:.3%} of requests were answered, not {ANSWERED_SHARE:.1%}": measured[
            "answered_share"
        ]
        >= ANSWERED_SHARE,
        f"for {measured['longest_gap_seconds']} s nothing was answered": measured["longest_gap_seconds"]
        <= LONGEST_GAP_SECONDS,
        f"{measured['answers_of_no_bundle']} answers are not those of the bundle they name": not measured[
            "answers_of_no_bundle"
        ],
        f"{measured['lost_otherwise']} answers are in no log, though nobody was killed in the second "
        "after them": not measured["lost_otherwise"],
        f"memory grew from {measured['memory_megabytes_settled']} to "
        f"{measured['memory_megabytes_end']} MB": measured["memory_megabytes_end"] <= most,
        f"{measured['swaps']} swaps and {measured['kills']} kills happened, not {swaps} and {kills}": (
            (measured["swaps"], measured["kills"]) == (swaps, kills)
        ),
        "one bundle answered throughout": measured["bundles_answering"] == 2 or not swaps,
    }
    return [words for words, was_kept in kept.items() if not was_kept]


def _logged(events: Path) -> tuple[set[str], int]:
    counted = Counted()
    ids = {record.request_id for record in segments.read(events, counted)}
    return ids, counted.torn


def _just_before(at: float, kills: Iterable[float]) -> bool:
    return any(kill - LOST_SECONDS <= at <= kill + LOST_SECONDS / 10 for kill in kills)


def _memory(happened: Happened) -> tuple[float, float]:
    """Medians of the oldest worker's memory once it has settled, and over the last tenth."""
    values = np.array([megabytes for _, megabytes in happened.megabytes])
    if len(values) < 3:
        return 0.0, 0.0
    tenth, settled = max(1, len(values) // 10), int(len(values) * SETTLED_SHARE)
    return float(np.median(values[settled : settled + tenth])), float(np.median(values[-tenth:]))
