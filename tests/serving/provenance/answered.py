"""Bundles of the tiny pipeline that differ in their knobs, and answers recorded as by the service."""

import contextlib
from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import Any, cast

from marquee.events import records
from marquee.events.records import Answer
from marquee.pipeline import paths
from marquee.serving.packaging import contents
from marquee.serving.recommender import bundle_files, manifest
from marquee.serving.recommender.bundle import open_packaged
from marquee.serving.recommender.steps import Steps
from marquee.serving.service.answers import Answers
from marquee.serving.service.deployment import Opened
from marquee.serving.service.recording import Asked, Recording
from marquee.serving.service.schemas import PredictRatingsRequest, RecommendRequest, SimilarRequest
from marquee.serving.telemetry.event_log import EventLog
from tests.fixtures.tiny_pipeline import ADDED_ID, NOW, VALUES, Tiny
from tests.serving import small

KNOBS: tuple[dict[str, Any], ...] = (
    {},
    {"rating_weight": 0.8, "similar_weight": 0.1, "explore_share": 0.1},
    {"genre_among": 10, "diversity": 0.3, "explore_temperature": 0.2},
)
"""Of the recommender, one set for each bundle, all changes to `VALUES`."""
HISTORY: list[dict[str, Any]] = [
    {"movie_id": 5, "rating": 4.5},
    {"movie_id": 1235, "rating": 1.0},
    {"movie_id": 77, "rating": 3.0},  # the catalogue lacks it
    {"movie_id": ADDED_ID, "rating": 5.0},
]
LATE = [one | {"timestamp": NOW + place} for place, one in enumerate(HISTORY)]
"""Rated after the moment of asking: clocks disagree."""
FILTERS: dict[str, Any] = {
    "genres": ["Drama", "Horror"],
    "years": {"first": 1960, "last": 2031},
    "languages": ["fr"],
    "exclude": [15, 78],
}
ASKED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("recommend", {"history": []}),
    ("recommend", {"history": HISTORY, "k": 20, "visitor_id": "ann", "explain": True}),
    ("recommend", {"history": HISTORY, "k": 20, "explore_seed": 3}),
    ("recommend", {"history": LATE, "k": 100, "explore_seed": 2**63 - 1}),
    ("recommend", {"history": LATE, **FILTERS}),
    ("recommend", {"history": HISTORY, "explore_seed": 0, **FILTERS}),
    ("recommend", {"history": HISTORY, "genres": ["Western"], "years": {"first": 2200}}),  # nothing fits
    ("similar", {"movie_id": 5}),
    ("similar", {"movie_id": ADDED_ID, "k": 50, **FILTERS}),
    ("predict_ratings", {"history": LATE, "movie_ids": [15, 25, ADDED_ID, 78]}),
    ("predict_ratings", {"history": [], "movie_ids": [15]}),
)


class Lines:
    """In place of the event log: what its writer would write."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def put(self, make: Any) -> bool:
        self.written.append(records.to_line(make()))
        return True


def package(tiny: Tiny, folder: Path, knobs: Mapping[str, Any]) -> str:
    """Write a bundle; its content hash."""
    with contextlib.chdir(tiny.root):
        parts = bundle_files.parts_of_pipeline(additions=True)
        files = contents.collect(parts, VALUES.model_copy(update=dict(knobs)), small.SERVING)
        return manifest.write(files | contents.of_card(small.card()), folder.absolute())


def bundles(tiny: Tiny, folder: Path) -> dict[str, Path]:
    """One bundle for each of `KNOBS`: content hash -> where it lies."""
    named = {folder / str(number): knobs for number, knobs in enumerate(KNOBS)}
    return {package(tiny, place, knobs): place for place, knobs in named.items()}


def answer(folder: Path, count: int, start: int = 0) -> list[bytes]:
    """Answers of a bundle to `ASKED` in turn, as lines of the event log."""
    lines = Lines()
    recording = Recording(cast(EventLog, lines))
    opened = Opened(Answers(open_packaged(folder)), b"", small.SERVING)
    for place, (kind, fields) in enumerate(_asked(start, count)):
        _ask(recording, opened, kind, fields, NOW + place)
    return lines.written


def _asked(start: int, count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    return islice(cycle(ASKED), start, start + count)


def _ask(recording: Recording, opened: Opened, kind: str, fields: dict[str, Any], now: int) -> None:
    answers, steps = opened.answers, Steps()
    if kind == "recommend":
        list_asked = RecommendRequest.model_validate(fields)
        recording.recommended(
            Asked(list_asked, now, "champion", opened, steps), answers.recommend(list_asked, now, steps)
        )
    elif kind == "similar":
        like = SimilarRequest.model_validate(fields)
        recording.similar(Asked(like, now, "champion", opened, steps), answers.similar(like))
    else:
        rated = PredictRatingsRequest.model_validate(fields)
        recording.predicted(Asked(rated, now, "champion", opened, steps), answers.predict_ratings(rated, now))


def write(lines: list[bytes], folder: Path) -> None:
    """A complete segment of them."""
    segments = paths.Events(folder).segments
    segments.mkdir(parents=True, exist_ok=True)
    (segments / "1600000000000-1-0.jsonl").write_bytes(b"".join(lines))


def read(line: bytes) -> Answer:
    record = records.parse(line)
    assert isinstance(record, Answer)
    return record
