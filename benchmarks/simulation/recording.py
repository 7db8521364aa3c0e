"""What a life leaves behind: records as the service writes them, collected and read as monitoring does."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.simulation.living import Lived
from benchmarks.simulation.worlds import BROKEN
from marquee.events import records
from marquee.events.segments import SegmentWriter
from marquee.monitoring.collection import collecting, tables
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
        others_ratings_lost: ratings by others than a broken client that are not in the tables as given.
        broken_ratings: rows of ratings by a broken client in the tables, each counted.
    """

    recorded: Recorded
    requests: Requests
    hit: Float64
    squared_error: Float64
    day: Float64
    manifest: Manifest
    others_ratings_lost: int
    broken_ratings: int


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
    rated = _ratings(folder / "tables")
    given = {_rating(record) for record in made if record.get("event") == "rated"}
    broken = {one for one in rated if one[0] == BROKEN}
    read = recorded.read(folder / "tables", bundle, most=2 * len(made))
    return Kept(
        recorded=read,
        requests=recorded.describe(read, recommender),
        hit=np.array([lived.hit(positive_rating) for lived in in_time]),
        squared_error=np.array([lived.squared_error for lived in in_time]),
        day=np.array([lived.day for lived in in_time], dtype=np.float64),
        manifest=manifest,
        others_ratings_lost=len(given ^ (rated - broken)),
        broken_ratings=len(broken),
    )


def _ratings(folder: Path) -> set[tuple[Any, ...]]:
    """Visitor, answer, movie and stars of every rating in the tables."""
    feedback = tables.read(folder, tables.days(folder)).feedback.to_pylist()
    return {_rating(row) for row in feedback if row["event"] == "rated"}


def _rating(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["visitor_id"], row["answer_id"], row["movie_id"], row["rating"]


def joined(parts: Iterable[Requests]) -> Requests:
    """Requests behind each other; visitors of different parts are different people."""
    columns: dict[str, list[Any]] = {}
    last = 0
    for part in parts:
        for name, column in vars(part).items():
            columns.setdefault(name, []).append(column + last if name == "visitor" else column)
        last += int(part.visitor.max(initial=-1)) + 1
    return requests.Requests(**{name: np.concatenate(arrays) for name, arrays in columns.items()})
