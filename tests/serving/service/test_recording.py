"""What is kept of each answer: records that the schema knows, and what happens where they cannot be kept."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from marquee.events import records, segments
from marquee.serving.telemetry import event_writer
from tests.serving import small
from tests.serving.telemetry.event_logs import until

HISTORY = [{"movie_id": 5, "rating": 5, "timestamp": 7}, {"movie_id": 35, "rating": 1.5, "timestamp": 9}]
ASKED = {
    "recommend": {
        "history": HISTORY,
        "k": 7,
        "genres": ["Drama"],
        "years": {"first": 1950},
        "exclude": [105],
        "explore_seed": 3,
    },
    "similar": {"movie_id": 5, "k": 4},
    "predict_ratings": {"history": HISTORY, "movie_ids": [15, 25]},
    "feedback": {"movie_id": 5, "event": "rated", "rating": 4.5, "place": 3},
}
SHOWN = {"recommend": "recommendations", "similar": "similar", "predict_ratings": "predictions"}


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[TestClient]:
    with small.application(tmp_path) as app, TestClient(app) as opened:
        yield opened


@pytest.fixture
def without_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A service whose disk is full from the start."""

    def refuse(*_: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(segments, "probe", refuse)
    monkeypatch.setattr(event_writer, "SegmentWriter", refuse)
    with small.application(tmp_path) as app, TestClient(app) as opened:
        yield opened


def lines(folder: Path) -> list[bytes]:
    return [line for path in sorted(folder.glob("*.jsonl*")) for line in path.read_bytes().splitlines(True)]


@pytest.mark.parametrize("kind", ASKED)
def test_every_answer_and_feedback_is_a_record_of_the_schema_named_as_the_caller_was_told(
    ask: TestClient, tmp_path: Path, kind: str
):
    answered = ask.post(f"/{kind}", json=ASKED[kind] | {"visitor_id": "v"})
    until(lambda: lines(tmp_path))
    (line,) = lines(tmp_path)
    record = records.parse(line)
    assert record.kind == kind
    assert record.request_id == answered.headers["X-Request-Id"]
    assert record.request_id == answered.json().get("request_id", record.request_id)
    assert (record.bundle, record.visitor_id) == (small.HASH, "v")


def test_a_record_holds_the_request_and_each_movie_of_the_answer(ask: TestClient, tmp_path: Path):
    shown = {kind: ask.post(f"/{kind}", json=ASKED[kind]).json()[field] for kind, field in SHOWN.items()}
    for kind, movies in shown.items():
        (record,) = small.recorded(tmp_path, kind)
        fields = ("movie_id", "source", "score", "predicted_rating", "propensity")
        assert [one.place for one in record.results] == list(range(1, len(movies) + 1))
        for result, movie in zip(record.results, movies, strict=True):
            assert {name: getattr(result, name) for name in fields if name in movie} == {
                name: movie[name] for name in fields if name in movie
            }
        assert {name: record.request[name] for name in ASKED[kind]} == json.loads(
            json.dumps(
                ASKED[kind] | ({"years": {"first": 1950, "last": None}} if kind == "recommend" else {})
            )
        )
    assert {movie["propensity"] for movie in shown["recommend"]} != {1.0}


def test_an_answer_without_chance_is_certain(ask: TestClient, tmp_path: Path):
    ask.post("/recommend", json={"history": HISTORY})
    (record,) = small.recorded(tmp_path, "recommend")
    assert {result.propensity for result in record.results} == {1.0}


def test_what_was_refused_has_no_record_and_no_id(ask: TestClient, tmp_path: Path):
    assert "X-Request-Id" not in ask.post("/recommend", json={"history": [], "genres": ["Jazz"]}).headers
    assert "X-Request-Id" not in ask.post("/similar", json={"movie_id": 6}).headers
    ask.post("/similar", json={"movie_id": 5})
    small.recorded(tmp_path, "similar")
    assert len(lines(tmp_path)) == 1


def test_where_events_cannot_be_written_answers_go_on_feedback_is_refused_and_the_log_says_so_once(
    without_a_disk: TestClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.WARNING):
        assert without_a_disk.post("/recommend", json={"history": []}).status_code == 200
        until(lambda: "No space left" in without_a_disk.get("/readyz").json()["events"])
        for _ in range(20):
            assert without_a_disk.post("/recommend", json={"history": []}).status_code == 200
            refused = without_a_disk.post("/feedback", json={"movie_id": 5, "event": "shown"})
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
            assert "cannot be recorded at present" in refused.json()["detail"][0]["msg"]
        series = without_a_disk.get("/metrics").text
    assert "marquee_event_log_healthy 0.0" in series
    assert [record.message for record in caplog.records if "cannot be written" in record.message] == [
        f"records cannot be written: {tmp_path}: [Errno 28] No space left on device. "
        "Dropped since the last such line: disk 1"
    ]
    assert len(caplog.records) == 1


def test_without_a_log_answers_have_ids_feedback_is_refused_and_nothing_is_written(tmp_path: Path):
    off = small.EVENTS.model_copy(update={"enabled": False})
    serving = small.SERVING.model_copy(update={"events": off})
    with small.application(tmp_path, serving) as app, TestClient(app) as ask:
        answered = ask.post("/recommend", json={"history": []})
        assert answered.json()["request_id"] == answered.headers["X-Request-Id"]
        refused = ask.post("/feedback", json={"movie_id": 5, "event": "shown"})
        assert refused.status_code == 503
        assert "serving.events.enabled is false" in refused.json()["detail"][0]["msg"]
        assert ask.get("/readyz").json()["events"] == "off"
    assert list(tmp_path.iterdir()) == []


def test_events_that_wait_are_written_when_the_service_ends(tmp_path: Path):
    patient = small.EVENTS.model_copy(update={"flush_seconds": 1.0})
    serving = small.SERVING.model_copy(update={"events": patient})
    with small.application(tmp_path, serving) as app, TestClient(app) as ask:
        for _ in range(10):
            ask.post("/recommend", json={"history": []})
    (path,) = tmp_path.iterdir()
    assert path.suffix == ".jsonl"
    assert len(lines(tmp_path)) == 10
