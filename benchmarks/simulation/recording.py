"""What a life leaves behind: records as the service writes them, collected and read as monitoring does."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.simulation.living import Lived
from marquee.events import records
from marquee.events.segments import SegmentWriter
from marquee.monitoring.collection import collecting
from marquee.monitoring.collection.collecting import Manifest
from marquee.monitoring.evidence import recorded, rehearsal, requests
from marquee.monitoring.evidence.recorded import Recorded
from marquee.monitoring.evidence.requests import Requests
from marquee.pipeline.arrays import Float64
from marquee.serving.recommender.recommender import Recommender

NOW_MS = 1
"""Of the one segment: a world has no clock of its own."""

Junk = Callable[[list[dict[str, Any]]], Iterator[bytes]]
"""All that was recorded -> lines that a broken client adds."""


@dataclass(frozen=True)
class Kept:
    """A life as monitoring finds it, and the truth beside it.

    Attributes:
        recorded: answers and feedback.
        requests: the answers, described.
        hit: (n,) share of what they like next that stands in the list; NaN where nothing is liked.
        squared_error: (n,) stars squared, of all they watch next.
        day: (n,) of the world.
        manifest: what collecting counted.
    """

    recorded: Recorded
    requests: Requests
    hit: Float64
    squared_error: Float64
    day: Float64
    manifest: Manifest


def lines(recommender: Recommender, bundle: str, lives: Iterable[Lived]) -> Iterator[dict[str, Any]]:
    """The records of answers and of what was done with them."""
    movie_id = recommender.index.titles.movie_id
    for lived in lives:
        answer = rehearsal.answered(recommender, bundle, lived.history, lived.best, lived.moment)
        yield answer
        for movie, stars in zip(lived.chosen.tolist(), lived.stars.tolist(), strict=True):
            yield from rehearsal.reacted(answer, movie_id[movie], stars)


def keep(
    recommender: Recommender,
    bundle: str,
    lives: list[Lived],
    positive_rating: float,
    folder: Path,
    junk: Junk | None = None,
) -> Kept:
    """Write segments, collect them, read them back.

    Args:
        recommender: that answered.
        bundle: its content hash.
        lives: in any order.
        positive_rating: stars from which a movie is liked.
        folder: to work in.
        junk: what a broken client adds.
    """
    in_time = sorted(lives, key=lambda lived: lived.moment.time)
    made = list(lines(recommender, bundle, in_time))
    writer = SegmentWriter(folder / "segments", NOW_MS)
    for record in made:
        writer.append(records.to_line(record))
    for line in junk(made) if junk else ():
        writer.append(line)
    writer.close()
    manifest, _ = collecting.collect(folder, folder / "segments", folder / "tables")
    read = recorded.read(folder / "tables", bundle, most=2 * len(made))
    return Kept(
        recorded=read,
        requests=recorded.describe(read, recommender),
        hit=np.array([lived.hit(positive_rating) for lived in in_time]),
        squared_error=np.array([lived.squared_error for lived in in_time]),
        day=np.array([lived.day for lived in in_time], dtype=np.float64),
        manifest=manifest,
    )


def joined(parts: Iterable[Requests]) -> Requests:
    """Requests behind each other; visitors of different parts are different people."""
    columns: dict[str, list[Any]] = {}
    last = 0
    for part in parts:
        for name, column in vars(part).items():
            columns.setdefault(name, []).append(column + last if name == "visitor" else column)
        last += int(part.visitor.max(initial=-1)) + 1
    return requests.Requests(**{name: np.concatenate(arrays) for name, arrays in columns.items()})
