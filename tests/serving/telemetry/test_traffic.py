import asyncio
import logging
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from marquee.serving.telemetry import exposition, series, traffic
from marquee.serving.telemetry.traffic import Traffic

ENDPOINTS = ("/", "/movies", "/movies/{movie_id}", "/ui/")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/broken":
        raise RuntimeError
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def _send(message: Any) -> None:
    pass


async def _receive() -> Any:
    return {"type": "http.request"}


def requested(*paths: str) -> None:
    measured = Traffic(app, ENDPOINTS)
    for path in paths:
        asyncio.run(measured({"type": "http", "path": path, "method": "GET"}, _receive, _send))


def count(endpoint: str, status: int) -> float:
    return series.REQUESTS.labels(endpoint=endpoint, code=str(status))._value.get()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/", "/"),
        ("/movies", "/movies"),
        ("/movies/17", "/movies/{movie_id}"),
        ("/movies/17/x", "/movies/{movie_id}"),
        ("/ui/", "/ui/"),
        ("/ui/app.js", "/ui/"),
        ("/moviesque", "other"),
        ("/wp-login.php", "other"),
    ],
)
def test_a_path_counts_for_its_endpoint_and_a_strangers_for_the_rest(path: str, label: str):
    before = count(label, 404)
    requested(path)
    assert count(label, 404) == before + 1


def test_many_movies_are_one_series():
    requested("/movies/1")
    before = exposition.exposition().count(b"\n")
    requested(*(f"/movies/{number}" for number in range(100)))
    assert exposition.exposition().count(b"\n") == before


def test_health_and_metrics_are_not_counted():
    before = count("other", 404)
    requested("/livez", "/readyz", "/healthz", "/metrics")
    assert count("other", 404) == before


def test_a_failure_counts_as_500_and_is_no_longer_in_progress():
    before, in_progress = count("other", 500), series.IN_PROGRESS._value.get()
    with pytest.raises(RuntimeError):
        requested("/broken")
    assert count("other", 500) == before + 1
    assert series.IN_PROGRESS._value.get() == in_progress


def test_workers_that_write_files_are_read_together(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert b"marquee_requests_total" not in exposition.exposition()  # none has written yet
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR")
    requested("/movies")
    assert b'marquee_requests_total{code="404",endpoint="/movies"}' in exposition.exposition()


def answering(work: Any) -> tuple[list[Any], list[str]]:
    """What is sent, and what happened in which order, where an answer has an id and something follows it."""
    sent, order = [], list[str]()

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        traffic.name_answer("an id")
        traffic.afterwards(lambda: (order.append("afterwards"), work()))
        order.append("computed")
        await app(scope, receive, send)

    async def send(message: Any) -> None:
        sent.append(message)
        order.append(message["type"].rpartition(".")[2])

    asyncio.run(Traffic(named, ENDPOINTS)({"type": "http", "path": "/", "method": "GET"}, _receive, send))
    return sent, order


def test_the_id_of_an_answer_is_its_header_and_of_no_other():
    sent, _ = answering(lambda: None)
    assert sent[0]["headers"] == [(b"x-request-id", b"an id")]
    unnamed: list[Any] = []

    async def send(message: Any) -> None:
        unnamed.append(message)

    asyncio.run(Traffic(app, ENDPOINTS)({"type": "http", "path": "/", "method": "GET"}, _receive, send))
    assert unnamed[0]["headers"] == []


def test_what_follows_an_answer_is_done_once_it_was_sent():
    assert answering(lambda: None)[1] == ["computed", "start", "body", "afterwards"]


def test_what_follows_an_answer_may_fail_without_the_caller_noticing(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.ERROR):
        sent, _ = answering(lambda: 1 / 0)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert "ZeroDivisionError" in caplog.text


def test_outside_of_a_request_nothing_is_named_and_nothing_follows():
    traffic.name_answer("an id")
    traffic.afterwards(lambda: 1 / 0)
