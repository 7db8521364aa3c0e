"""Recorded events as tables: a folder per day with three Parquet files, checked by the records' schema.

Nothing personal is in them beyond the opaque `visitor_id`; `monitoring/forget_visitor.py` takes one out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from marquee.events.records import Answer, Feedback, Record, RecordError
from marquee.pipeline.files import write_whole

STEPS = ("sources", "filter", "rank", "order", "total")
ASKED = (
    "k",
    "genres",
    "years",
    "languages",
    "exclude",
    "explain",
    "explore_seed",
    "seed",
    "movie_id",
    "movie_ids",
)
"""What is kept of a request beside its history and `now`; whatever else a caller sent stays out."""

SCHEMAS: dict[str, Any] = {
    "answers": pa.schema(
        [
            ("request_id", pa.string()),
            ("time", pa.float64()),
            ("kind", pa.string()),
            ("bundle", pa.string()),
            ("arm", pa.string()),
            ("visitor_id", pa.string()),
            ("now", pa.int64()),
            ("history_movie_id", pa.list_(pa.int32())),
            ("history_rating", pa.list_(pa.float32())),
            ("history_timestamp", pa.list_(pa.int64())),
            ("request", pa.string()),
            *((f"{step}_ms", pa.float32()) for step in STEPS),
        ]
    ),
    "results": pa.schema(
        [
            ("request_id", pa.string()),
            ("place", pa.int32()),
            ("movie_id", pa.int32()),
            ("source", pa.string()),
            ("score", pa.float64()),
            ("predicted_rating", pa.float32()),
            ("propensity", pa.float64()),
        ]
    ),
    "feedback": pa.schema(
        [
            ("request_id", pa.string()),
            ("time", pa.float64()),
            ("bundle", pa.string()),
            ("visitor_id", pa.string()),
            ("answer_id", pa.string()),
            ("movie_id", pa.int32()),
            ("event", pa.string()),
            ("rating", pa.float32()),
            ("place", pa.int32()),
        ]
    ),
}
"""`history_timestamp` is null where the caller gave no times; `request` is the rest of the request, JSON."""


@dataclass
class Rows:
    """Rows of the three tables, to be written."""

    answers: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    feedback: list[dict[str, Any]] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Take one record apart.

        Raises:
            RecordError: its request is none that the service answers.
        """
        if isinstance(record, Feedback):
            self.feedback.append(record.model_dump(exclude={"schema_version", "kind"}))
            return
        self.answers.append(_answer(record))
        for result in record.results:
            self.results.append({"request_id": record.request_id} | result.model_dump())


@dataclass(frozen=True)
class Tables:
    """The tables of some days, as Arrow tables of `SCHEMAS`, sorted by request_id, so by time."""

    answers: Any
    results: Any
    feedback: Any


def days(folder: Path) -> list[str]:
    """The days that have tables, oldest first, such as "2026-03-01"."""
    return sorted(path.parent.name for path in folder.glob("*/answers.parquet"))


def read(folder: Path, which: Sequence[str]) -> Tables:
    """The tables of some days behind each other; empty ones where there are no days."""
    read_ = {
        name: pa.concat_tables([schema.empty_table(), *(_read_one(folder / day, name) for day in which)])
        for name, schema in SCHEMAS.items()
    }
    return Tables(**read_)


def merge(folder: Path, rows: Rows) -> int:
    """Rewrite a day's tables with more rows; those whose request_id is there already are left out.

    Answers are written last: a run that was interrupted is simply run again.

    Returns:
        How many records (answers and feedback) were there already, or came twice.
    """
    duplicates = 0
    for name in ("results", "feedback", "answers"):
        before = _read_one(folder, name)
        fresh, twice = _fresh(getattr(rows, name), set(before["request_id"].to_pylist()), name)
        duplicates += twice if name != "results" else 0
        added = pa.Table.from_pylist(fresh, schema=SCHEMAS[name])
        table = pa.concat_tables([before, added])
        keys = [("request_id", "ascending"), *([("place", "ascending")] if name == "results" else [])]
        table = table.take(pc.sort_indices(table, sort_keys=keys))
        write_whole(folder / f"{name}.parquet", _writer(table))
    return duplicates


def _answer(record: Answer) -> dict[str, Any]:
    history = record.request.get("history", [])
    try:
        movies, ratings, times = _columns(history)
        now = int(record.request.get("now", record.time))  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise RecordError(f"answer {record.request_id}: its request is not one of ours: {error!r}") from error
    rest = {name: record.request[name] for name in ASKED if name in record.request}
    return {
        "request_id": record.request_id,
        "time": record.time,
        "kind": record.kind,
        "bundle": record.bundle,
        "arm": record.arm,
        "visitor_id": record.visitor_id,
        "now": now,
        "history_movie_id": movies,
        "history_rating": ratings,
        "history_timestamp": times,
        "request": orjson.dumps(rest, option=orjson.OPT_SORT_KEYS).decode(),
        **{f"{step}_ms": record.steps.get(step) for step in STEPS},  # type: ignore[call-overload]
    }


def _columns(history: Any) -> tuple[list[int], list[float], list[int] | None]:
    movies = [int(one["movie_id"]) for one in history]
    ratings = [float(one["rating"]) for one in history]
    times = [one.get("timestamp") for one in history]
    if not all(0 <= movie < 2**31 for movie in movies) or not all(0.5 <= rating <= 5 for rating in ratings):
        raise ValueError("a movie_id or a rating of the history is out of range")
    if any(time is None for time in times):
        return movies, ratings, None
    return movies, ratings, [int(time) for time in times]


def _fresh(
    rows: Iterable[Mapping[str, Any]], known: set[str], name: str
) -> tuple[list[Mapping[str, Any]], int]:
    """Rows that are not known, each once."""
    seen: set[tuple[str, int]] = set()
    fresh, duplicates = [], 0
    for row in rows:
        key = row["request_id"], row["place"] if name == "results" else 0
        if row["request_id"] in known or key in seen:
            duplicates += 1
            continue
        seen.add(key)
        fresh.append(row)
    return fresh, duplicates


def _read_one(folder: Path, name: str) -> Any:
    path = folder / f"{name}.parquet"
    if not path.exists():
        return SCHEMAS[name].empty_table()
    # Not `read_table`, which makes columns of folders named `a=b`.
    return pq.ParquetFile(path).read().cast(SCHEMAS[name])


def _writer(table: Any) -> Any:
    return lambda temporary: pq.write_table(table, temporary, compression="zstd")
