"""A broken client: what it adds to a day's records, line by line, and what should come of each.

It writes past the service, which would refuse most of it: collecting and training must do without that.
"""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.simulation.worlds import BROKEN
from marquee.events import records

EACH = 200
"""Lines of each kind."""
ASKED = 300
"""Requests of its own, each with a history of made-up ratings and lowest stars for all that it is shown."""
HISTORY = 20
LATER_VERSION = 9
NOBODY = "018f2a3b-0000-7000-8000-000000000000"
"""The request_id of an answer that was never given."""


def lines(made: list[dict[str, Any]], seed: int) -> Iterator[bytes]:
    """What it writes, given all that was recorded of others."""
    rng = np.random.default_rng(seed)
    answers = [record for record in made if record["kind"] == "recommend"]
    feedback = [record for record in made if record["kind"] == "feedback"]
    some = [answers[row] for row in rng.integers(len(answers), size=EACH).tolist()]
    yield from (records.to_line(one)[: len(records.to_line(one)) // 2] + b"\n" for one in some)  # cut in two
    yield from (records.to_line(one | {"schema_version": LATER_VERSION}) for one in some)
    yield from (records.to_line(one) for one in some)  # sent twice
    told = [feedback[row] for row in rng.integers(len(feedback), size=EACH).tolist()]
    yield from (records.to_line(_renamed(one) | {"rating": 99.0, "event": "rated"}) for one in told)
    yield from (records.to_line(_renamed(one) | {"answer_id": NOBODY}) for one in told)  # about no answer
    yield from _own(answers, rng)


def _own(answers: list[dict[str, Any]], rng: np.random.Generator) -> Iterator[bytes]:
    """Requests that keep to the schema, by one visitor: everything is rated lowest, over and over."""
    movies = sorted({result["movie_id"] for answer in answers for result in answer["results"]})
    for row in np.sort(rng.integers(len(answers), size=ASKED)).tolist():
        one = copy.deepcopy(answers[row])
        one |= {"request_id": records.request_id(), "visitor_id": BROKEN}
        one["request"]["history"] = [
            {
                "movie_id": int(movie),
                "rating": float(stars),
                "timestamp": one["request"]["now"] - HISTORY + at,
            }
            for at, (movie, stars) in enumerate(
                zip(rng.choice(movies, HISTORY, replace=False), rng.choice([0.5, 5.0], HISTORY), strict=True)
            )
        ]
        yield records.to_line(one)
        for result in one["results"]:
            yield records.to_line(
                records.feedback(
                    request_id=records.request_id(),
                    time=one["time"] + 1,
                    bundle=one["bundle"],
                    visitor_id=BROKEN,
                    answer_id=one["request_id"],
                    movie_id=result["movie_id"],
                    event="rated",
                    rating=0.5,
                    place=result["place"],
                )
            )


def _renamed(record: dict[str, Any]) -> dict[str, Any]:
    return record | {"request_id": records.request_id(), "visitor_id": BROKEN}
