import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from marquee.events import records
from marquee.events.records import LaterVersionError, RecordError
from tests.events import examples

numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
results = st.builds(
    records.Result,
    movie_id=st.integers(0, 2**31 - 1),
    place=st.integers(1, 500),
    source=st.none() | texts,
    score=st.none() | numbers,
    predicted_rating=st.none() | numbers,
    propensity=st.floats(0, 1, exclude_min=True),
)
shared = {
    "schema_version": st.just(1),
    "request_id": st.builds(records.request_id),
    "time": st.floats(0, 4e9),
    "bundle": st.text("0123456789abcdef", min_size=64, max_size=64),
    "visitor_id": st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64),
}
answers = st.builds(
    records.Answer,
    kind=st.sampled_from(["recommend", "similar", "predict_ratings"]),
    arm=st.sampled_from(["champion", "challenger", "shadow"]),
    worker=st.integers(0, 2**22),
    request=st.dictionaries(texts, json_values, max_size=4),
    results=st.lists(results, max_size=4).map(tuple),
    steps=st.dictionaries(
        st.sampled_from(["sources", "filter", "rank", "order", "total"]), st.floats(0, 1e6), max_size=5
    ),
    **shared,
)
feedbacks = st.builds(
    records.Feedback,
    kind=st.just("feedback"),
    answer_id=st.none() | st.builds(records.request_id),
    movie_id=st.integers(0, 2**31 - 1),
    event=st.sampled_from(["shown", "clicked", "rated", "dismissed"]),
    rating=st.none() | st.floats(0.5, 5),
    place=st.none() | st.integers(1, 500),
    **shared,
)


@given(answers | feedbacks)
def test_what_is_written_is_read_again_to_the_bit_on_one_line(record: records.Record):
    line = records.to_line(record.model_dump())
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert records.parse(line) == record


def test_what_the_service_builds_is_a_record_of_the_schema():
    answer = records.parse(records.to_line(examples.answer()))
    assert isinstance(answer, records.Answer)
    assert answer.results[1] == records.Result(
        movie_id=20, place=2, source="popular", score=0.25, predicted_rating=3.25, propensity=0.5
    )
    assert answer.worker > 0
    feedback = records.parse(records.to_line(examples.feedback()))
    assert isinstance(feedback, records.Feedback)
    assert (feedback.event, feedback.place) == ("clicked", 1)


def test_results_without_sources_scores_or_chance_say_so():
    assert records.results([7]) == [
        {
            "movie_id": 7,
            "place": 1,
            "source": None,
            "score": None,
            "predicted_rating": None,
            "propensity": 1.0,
        }
    ]


class Asked(BaseModel):
    history: list[dict[str, float | None]] = []
    seed: int | None = None
    title: str = ""


class AskedNothing(BaseModel):
    pass


@given(st.builds(Asked, seed=st.none() | st.integers(0, 2**63 - 1), title=texts), st.none() | st.integers(0))
def test_a_request_is_recorded_with_the_moment_it_was_answered_for(request: Asked, now: int | None):
    line = records.to_line(examples.answer(request=records.request_json(request, now)))
    assert json.loads(line)["request"] == request.model_dump() | {"now": now}


def test_a_request_of_nothing_is_recorded_with_the_moment_too():
    line = records.to_line(examples.answer(request=records.request_json(AskedNothing(), 7)))
    assert json.loads(line)["request"] == {"now": 7}


def test_time_is_kept_to_the_millisecond():
    made = records.feedback(
        request_id=records.request_id(),
        time=1_600_000_000.123456,
        bundle=examples.BUNDLE,
        visitor_id=None,
        answer_id=None,
        movie_id=1,
        event="shown",
        rating=None,
        place=None,
    )
    assert made["time"] == 1_600_000_000.123


@pytest.mark.parametrize(
    "changed",
    [
        {"unknown": 1},
        {"kind": "guess"},
        {"schema_version": 0},
        {"visitor_id": ""},
        {"visitor_id": "x" * 65},
        {"arm": "underdog"},
        {"bundle": "short"},
        {"request_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},  # a UUID of version 1
        {"time": "1600000000"},
        {"steps": {"lunch": 1.0}},
        {"results": [{"movie_id": 1}]},
    ],
)
def test_what_breaks_the_schema_is_no_record(changed: dict[str, Any]):
    with pytest.raises(RecordError):
        records.parse(records.to_line(examples.answer(**changed)))


@pytest.mark.parametrize("line", [b"", b"\n", b"[1]\n", b"null\n", b'{"kind": "recom', b"\xff\xfe\n"])
def test_what_is_no_json_object_is_no_record(line: bytes):
    with pytest.raises(RecordError):
        records.parse(line)


def test_a_later_version_is_told_apart_and_named():
    line = records.to_line(examples.answer(schema_version=2, something_new=[1]))
    with pytest.raises(LaterVersionError, match=r"schema_version is 2; this Marquee reads up to 1"):
        records.parse(line)


def test_a_number_of_numpys_is_refused_when_written():
    # float32 would be written with the digits of a float32, and read as another float64.
    with pytest.raises(TypeError):
        records.to_line(examples.answer(time=np.float32(0.1)))
