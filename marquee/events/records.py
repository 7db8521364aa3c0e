"""What is recorded of an answer and of feedback: one JSON object each, of a versioned schema.

Who writes builds plain dictionaries (`answer`, `feedback`), which costs a request least; who reads gets them
checked (`parse`). A test holds the two together.
"""

import os
from collections.abc import Iterable, Mapping
from itertools import repeat
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from marquee.events.request_ids import RequestIds

VERSION = 1
"""Version of the schema below, raised by a change that old readers would misread."""

AnswerKind = Literal["recommend", "similar", "predict_ratings"]
Arm = Literal["champion", "challenger", "shadow"]
FeedbackEvent = Literal["shown", "clicked", "rated", "dismissed"]
Step = Literal["sources", "filter", "rank", "order", "total"]
KINDS = ("recommend", "similar", "predict_ratings", "feedback")

_UUID7 = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
RequestId = Annotated[str, Field(pattern=_UUID7)]
ContentHash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
VisitorId = Annotated[str, Field(min_length=1, max_length=64)]
MovieId = Annotated[int, Field(ge=0, le=2**31 - 1)]
Place = Annotated[int, Field(ge=1)]
Stars = Annotated[float, Field(ge=0.5, le=5)]
Seconds = Annotated[float, Field(ge=0)]
Milliseconds = Annotated[float, Field(ge=0)]
Propensity = Annotated[float, Field(gt=0, le=1)]


class RecordError(ValueError):
    """A line is no record of this schema; the message says which rule it breaks."""


class LaterVersionError(RecordError):
    """A line is a record of a schema that this version of Marquee does not know."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Result(_Record):
    """One movie of an answer.

    Attributes:
        movie_id: MovieLens' id.
        place: in the answer, from 1.
        source: the candidate source that found it; None where the answer has no sources.
        score: what the answer is ordered by; None for `predict_ratings`, which orders nothing.
        predicted_rating: stars; None for `similar`, which predicts none.
        propensity: the probability that this place got this movie, given the places above it; 1 where no
            chance was involved.
    """

    movie_id: MovieId
    place: Place
    source: str | None
    score: float | None
    predicted_rating: float | None
    propensity: Propensity


class Answer(_Record):
    """One answer of the service.

    Attributes:
        schema_version: of the record.
        kind: the endpoint that answered.
        request_id: UUIDv7, also given to the caller.
        time: seconds since 1970, to the millisecond.
        bundle: content hash of the bundle that answered.
        arm: which of the bundles served side by side it was.
        visitor_id: opaque text of the caller's; None where it gave none.
        worker: process id of the service's worker.
        request: the validated request as JSON, with `now`, the moment it was answered for.
        results: in the order answered.
        steps: step -> milliseconds; `total` is the whole answer.
    """

    schema_version: Literal[1]
    kind: AnswerKind
    request_id: RequestId
    time: Seconds
    bundle: ContentHash
    arm: Arm
    visitor_id: VisitorId | None
    worker: Annotated[int, Field(ge=0)]
    request: dict[str, JsonValue]
    results: tuple[Result, ...]
    steps: dict[Step, Milliseconds]


class Feedback(_Record):
    """What somebody did with a movie they were shown.

    Attributes:
        schema_version: of the record.
        kind: always "feedback".
        request_id: UUIDv7 of the feedback itself.
        time: seconds since 1970, to the millisecond.
        bundle: content hash of the bundle that took it.
        visitor_id: opaque text of the caller's; None where it gave none.
        answer_id: `request_id` of the answer it is about; None where the caller did not say.
        movie_id: MovieLens' id.
        event: what was done.
        rating: stars, where the event is "rated".
        place: of the movie in that answer, from 1; None where it is not known.
    """

    schema_version: Literal[1]
    kind: Literal["feedback"]
    request_id: RequestId
    time: Seconds
    bundle: ContentHash
    visitor_id: VisitorId | None
    answer_id: RequestId | None
    movie_id: MovieId
    event: FeedbackEvent
    rating: Stars | None
    place: Place | None


Record = Answer | Feedback
_RECORD: TypeAdapter[Record] = TypeAdapter(Annotated[Record, Field(discriminator="kind")])


def parse(line: bytes) -> Record:
    """Read one line.

    Raises:
        LaterVersionError: it is of a later schema.
        RecordError: it is no JSON, or breaks a rule of the schema.
    """
    try:
        return _RECORD.validate_json(line)
    except ValidationError as error:
        version = _version_of(line)
        if version > VERSION:
            raise LaterVersionError(
                f"the record's schema_version is {version}; this Marquee reads up to {VERSION}. Use a later."
            ) from None
        raise RecordError(str(error)) from error


def to_line(record: Mapping[str, Any]) -> bytes:
    """One line of JSON, its newline included; numbers are Python's own, not numpy's.

    Raises:
        TypeError: something in the record is no JSON.
    """
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


def answer(
    kind: AnswerKind,
    *,
    request_id: str,
    time: float,
    bundle: str,
    arm: Arm,
    visitor_id: str | None,
    request: orjson.Fragment | Mapping[str, Any],
    results: list[dict[str, Any]],
    steps: Mapping[Step, float],
) -> dict[str, Any]:
    """An `Answer` as a plain dictionary, unchecked.

    `request_json` makes the request, `results` the results.
    """
    return {
        "schema_version": VERSION,
        "kind": kind,
        "request_id": request_id,
        "time": round(time, 3),
        "bundle": bundle,
        "arm": arm,
        "visitor_id": visitor_id,  # near the beginning: a torn line still says whose it is (`forgetting`)
        "worker": os.getpid(),
        "request": request,
        "results": results,
        "steps": steps,
    }


def request_json(request: BaseModel, now: int | None) -> orjson.Fragment:
    """A validated request as JSON, with the moment it was answered for, in seconds since 1970.

    `to_line` copies it as it is, which takes half as long as a dictionary of it would.
    """
    body = request.model_dump_json()
    separator = "" if body == "{}" else ","
    moment = "null" if now is None else str(now)
    return orjson.Fragment(f'{{"now":{moment}{separator}{body[1:]}')


def results(
    movie_ids: Iterable[int],
    *,
    sources: Iterable[str] | None = None,
    scores: Iterable[float] | None = None,
    predicted_ratings: Iterable[float] | None = None,
    propensities: Iterable[float] | None = None,
) -> list[dict[str, Any]]:
    """Columns in the order of the answer as `Result`s, unchecked; without propensities each is 1."""
    columns = zip(
        movie_ids,
        repeat(None) if sources is None else sources,
        repeat(None) if scores is None else scores,
        repeat(None) if predicted_ratings is None else predicted_ratings,
        repeat(1.0) if propensities is None else propensities,
        strict=False,  # repeat() has no end
    )
    return [
        {
            "movie_id": movie_id,
            "place": place,
            "source": source,
            "score": score,
            "predicted_rating": predicted_rating,
            "propensity": propensity,
        }
        for place, (movie_id, source, score, predicted_rating, propensity) in enumerate(columns, 1)
    ]


def feedback(
    *,
    request_id: str,
    time: float,
    bundle: str,
    visitor_id: str | None,
    answer_id: str | None,
    movie_id: int,
    event: FeedbackEvent,
    rating: float | None,
    place: int | None,
) -> dict[str, Any]:
    """A `Feedback` as a plain dictionary, unchecked."""
    return {
        "schema_version": VERSION,
        "kind": "feedback",
        "request_id": request_id,
        "time": round(time, 3),
        "bundle": bundle,
        "visitor_id": visitor_id,
        "answer_id": answer_id,
        "movie_id": movie_id,
        "event": event,
        "rating": rating,
        "place": place,
    }


request_id = RequestIds()
"""The process' own: `request_id()` is a new id, larger than all it gave before."""


def _version_of(line: bytes) -> int:
    """What a line that is no record says of its version; 0: nothing."""
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        return 0
    version = said.get("schema_version") if isinstance(said, dict) else None
    return version if isinstance(version, int) else 0
