"""What the limits refuse, and how they say it."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from marquee.pipeline import sections
from marquee.serving.service.guard import bodies, limits
from marquee.serving.service.guard.limits import Limits, Load
from marquee.serving.service.refusal import Refused
from tests.serving.service.guard.limited import JSON_HEADERS, SERVING, detail, echo, run


@pytest.mark.parametrize(("size", "status"), [(0, 200), (1000, 200), (1001, 413)])
def test_a_body_of_exactly_the_limit_passes(size: int, status: int):
    async def session(ask: httpx.AsyncClient) -> httpx.Response:
        return await ask.post("/", content=b"x" * size, headers=JSON_HEADERS)

    response = run(session)
    assert response.status_code == status
    if status == 200:
        assert response.json() == {"bytes": size}
    else:
        assert detail(response) == [{"loc": [], "msg": "the body must be at most 1000 bytes"}]


def test_a_body_that_is_said_to_be_too_large_is_refused_unread():
    async def unread() -> Any:
        raise AssertionError("the body was read")

    said = [(b"content-type", b"application/json"), (b"content-length", b"1001")]
    statuses = []

    async def send(message: Any) -> None:
        statuses.append(message.get("status"))

    scope = {"type": "http", "path": "/", "method": "POST", "headers": said}
    asyncio.run(Limits(echo, lambda: SERVING)(scope, unread, send))
    assert statuses == [413, None]


def test_a_body_without_a_stated_length_is_counted_as_it_comes():
    async def chunks() -> Any:
        for _ in range(11):
            yield b"x" * 100

    async def session(ask: httpx.AsyncClient) -> httpx.Response:
        return await ask.post("/", content=chunks(), headers=JSON_HEADERS)

    assert run(session).status_code == 413


@pytest.mark.parametrize(
    "media_type", ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"]
)
def test_only_json_is_taken(media_type: str):
    async def session(ask: httpx.AsyncClient) -> httpx.Response:
        return await ask.post("/", content=b"{}", headers={"Content-Type": media_type})

    response = run(session)
    assert response.status_code == 415
    assert detail(response)[0]["msg"].startswith("Content-Type must be application/json; received ")


def test_json_by_any_spelling_is_taken():
    async def session(ask: httpx.AsyncClient) -> httpx.Response:
        headers = {"Content-Type": "Application/JSON; charset=utf-8"}
        return await ask.post("/", content=b"{}", headers=headers)

    assert run(session).status_code == 200


@pytest.mark.parametrize(
    ("headers", "received"),
    [
        ([], "none"),  # as a page of another site may send it without being asked
        (
            [("Content-Type", "application/json"), ("Content-Type", "text/plain")],
            "application/json, text/plain",
        ),
    ],
)
def test_a_post_must_say_once_that_it_is_json(headers: list[tuple[str, str]], received: str):
    async def session(ask: httpx.AsyncClient) -> httpx.Response:
        return await ask.post("/", content=b"{}", headers=headers)

    response = run(session)
    assert response.status_code == 415
    assert detail(response)[0]["msg"] == f"Content-Type must be application/json; received {received}"


def test_a_body_whose_end_is_told_in_two_ways_is_refused():
    async def session(ask: httpx.AsyncClient) -> httpx.Response:
        return await ask.post(
            "/",
            content=b"{}",
            headers={**JSON_HEADERS, "Content-Length": "2", "Transfer-Encoding": "chunked"},
        )

    response = run(session)
    assert response.status_code == 400
    assert detail(response)[0]["msg"] == "give Content-Length or Transfer-Encoding, not both"


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ('{"a": 1, "b": {"c": 1, "d": "a", "c": 1}}', "c"),
        ('[{"a": 1}, {"a": 1, "a": 2}]', "a"),
        (r'{"a": "\"", "b": 1, "b": 2}', "b"),
        (r'{"a": 1, "\u0061": 2}', "a"),  # the same key, spelled otherwise
    ],
)
def test_a_key_that_comes_twice_is_refused_by_name(body: str, key: str):
    with pytest.raises(Refused) as refused:
        bodies.require_unique_keys(body.encode())
    (problem,) = refused.value.problems
    assert (refused.value.status, problem.loc) == (400, [key])


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": "a", "b": [{"a": 1}, {"a": 1}], "": {"b": ""}}',
        r'{"a": "\"", "b": "é", "c": "\u0061"}'.encode(),
        b"not json",
        b"[" * 100_000,
        b'["\\", ' + b"[" * 100_000,
        b'["\\", ' + b"1" * 10_000 + b"]",
        '{"a": 1, "a": 2}'.encode("utf-16"),  # refused as no JSON by what reads it
    ],
)
def test_what_has_no_key_twice_passes_and_so_does_what_is_no_json(body: bytes):
    bodies.require_unique_keys(body)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_json_is_written_has_no_key_twice(value: Any):
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        bodies.require_unique_keys(text.encode("utf-8", "surrogatepass"))


def test_a_body_that_breaks_off_is_not_acted_upon():
    async def breaks_off() -> Any:
        return {"type": "http.disconnect"}

    with pytest.raises(Refused):
        asyncio.run(bodies.read(breaks_off, 10))


@pytest.mark.parametrize(
    ("body", "status", "problems"),
    [
        (b"Not Found", 404, [{"loc": [], "msg": "GET /here: Not Found"}]),
        (b'[{"error": "no pickles"}]', 415, [{"loc": [], "msg": "no pickles"}]),  # as BentoML writes some
        (b'{"error": "broken"}', 500, [{"loc": [], "msg": "broken"}]),
        (
            b'{"error": "1 error", "detail": [{"loc": ["a", 0], "msg": "Value error, no", "url": "u"}]}',
            400,
            [{"loc": ["a", 0], "msg": "no"}],
        ),
    ],
)  # fmt: skip
def test_whoever_writes_an_error_it_has_one_shape(body: bytes, status: int, problems: list[dict[str, Any]]):
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(body, status, {"Allow": "POST"})(scope, receive, send)

    response = run(lambda ask: ask.get("/here"), failing)
    assert response.status_code == status
    assert detail(response) == problems
    assert response.headers["allow"] == "POST"
    assert int(response.headers["content-length"]) == len(response.content)


def test_a_failure_is_logged_and_told_without_its_details(caplog: pytest.LogCaptureFixture):
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("a secret")

    with caplog.at_level(logging.ERROR):
        response = run(lambda ask: ask.get("/here"), failing)
    assert response.status_code == 500
    assert "secret" not in response.text
    assert "GET /here" in caplog.text
    assert "a secret" in caplog.text


def test_what_is_no_http_passes_untouched():
    seen = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    asyncio.run(Limits(app, lambda: SERVING)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def test_a_refusal_names_every_problem():
    refused = Refused.because(404, "is not there", "movie_id")
    assert json.loads(bytes(refused.response().body)) == {
        "detail": [{"loc": ["movie_id"], "msg": "is not there"}]
    }


def test_a_bundle_keeps_the_limits_and_what_is_recorded(tmp_path: Path):
    (tmp_path / limits.FILE).write_text(json.dumps(SERVING.model_dump()))
    assert limits.read(tmp_path) == SERVING


def test_a_bundle_from_before_events_were_recorded_is_refused_by_name(tmp_path: Path):
    (tmp_path / limits.FILE).write_text(json.dumps(SERVING.model_dump(exclude={"events"})))
    with pytest.raises(sections.ParamsError, match=r"serving\.json: serving\.events is missing"):
        limits.read(tmp_path)


@pytest.mark.parametrize(("answering", "status"), [(2, 200), (3, 503)])
def test_as_many_requests_as_may_are_answered_and_not_one_more(answering: int, status: int):
    async def session() -> httpx.Response:
        limited = Limits(echo, lambda: SERVING, Load(answering=answering))
        transport = httpx.ASGITransport(limited)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as ask:
            return await ask.post("/", content=b"{}", headers=JSON_HEADERS)

    assert SERVING.max_in_flight == 3
    assert asyncio.run(session()).status_code == status
