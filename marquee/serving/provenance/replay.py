"""A past answer recomputed from its record, with the bundle that gave it, and compared byte for byte."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError
from threadpoolctl import threadpool_limits

from marquee.events.records import Answer
from marquee.serving.recommender.bundle import open_packaged
from marquee.serving.recommender.manifest import BundleError
from marquee.serving.service.answers import Answers
from marquee.serving.service.refusal import Refused
from marquee.serving.service.schemas import PredictRatingsRequest, RecommendRequest, SimilarRequest

Results = list[dict[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """What replaying an answer gave.

    Attributes:
        answer: as recorded.
        difference: the first field that came out differently, and both values; None: none did.
        problem: why it could not be recomputed; None: it could.
    """

    answer: Answer
    difference: str | None = None
    problem: str | None = None

    @property
    def same(self) -> bool:
        """Whether every byte of the results is the same."""
        return self.difference is None and self.problem is None


def replay(recorded: Sequence[Answer], find: Callable[[str], Path]) -> Iterator[Outcome]:
    """Replay answers, bundle after bundle: one is open at a time.

    Args:
        recorded: of the event log.
        find: the folder of a content hash (`bundles.find`); a BundleError of its is the outcome's problem.
    """
    # The service's workers have one thread of BLAS, whose sums depend on how many it has.
    with threadpool_limits(1, user_api="blas"):
        for content_hash, group in groupby(sorted(recorded, key=_bundle_of), key=_bundle_of):
            yield from _of_bundle(content_hash, group, find)


def compare(answers: Answers, recorded: Answer) -> Outcome:
    """Ask again what was asked, and compare what is answered."""
    try:
        replayed = recompute(answers, recorded)
    except ValidationError as error:
        return Outcome(recorded, problem=f"this code no longer takes the recorded request: {error}")
    except Refused as refused:
        return Outcome(recorded, problem=f"this code refuses the recorded request: {refused.problems}")
    return Outcome(recorded, first_difference([one.model_dump() for one in recorded.results], replayed))


def recompute(answers: Answers, recorded: Answer) -> Results:
    """The results of an answer as they come out now, in the form of the record's.

    Raises:
        ValidationError: the request is none that this code takes.
        Refused: the bundle cannot answer it.
    """
    request = dict(recorded.request)
    now, body = int(str(request.pop("now"))), orjson.dumps(request)
    if recorded.kind == "recommend":
        asked = RecommendRequest.model_validate_json(body)
        return in_record_form(answers.recommend(asked, now).recommendations)
    if recorded.kind == "similar":
        return in_record_form(answers.similar(SimilarRequest.model_validate_json(body)).similar)
    rated = PredictRatingsRequest.model_validate_json(body)
    return in_record_form(answers.predict_ratings(rated, now).predictions)


def in_record_form(shown: Iterable[BaseModel]) -> Results:
    """Movies of a response as `records.Result`s; what the endpoint does not say is as the record has it."""
    unsaid = {"source": None, "score": None, "predicted_rating": None, "propensity": 1.0}
    return [
        {
            "movie_id": getattr(movie, "movie_id"),  # noqa: B009  the three kinds share no class that has it
            "place": place,
            **{field: getattr(movie, field, value) for field, value in unsaid.items()},
        }
        for place, movie in enumerate(shown, 1)
    ]


def first_difference(recorded: Results, replayed: Results) -> str | None:
    """The first field whose JSON is not the same, as `results[3].score: recorded 1.5, replayed 1.25`."""
    for row, (was, came) in enumerate(zip(recorded, replayed, strict=False)):
        for field in was:
            if orjson.dumps(was[field]) != orjson.dumps(came[field]):
                return f"results[{row}].{field}: recorded {was[field]}, replayed {came[field]}"
    if len(recorded) != len(replayed):
        return f"results: recorded {len(recorded)}, replayed {len(replayed)}"
    return None


def _of_bundle(
    content_hash: str, recorded: Iterable[Answer], find: Callable[[str], Path]
) -> Iterator[Outcome]:
    try:
        answers = Answers(open_packaged(find(content_hash)))
    except BundleError as error:
        yield from (Outcome(answer, problem=str(error)) for answer in recorded)
    else:
        yield from (compare(answers, answer) for answer in recorded)


def _bundle_of(answer: Answer) -> str:
    return answer.bundle
