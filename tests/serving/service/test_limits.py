"""The limits around small apps of their own, on an event loop."""

import asyncio
import json
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from marquee.pipeline import params, sections
from marquee.serving.service import limits
from marquee.serving.service.limits import Limits, Refused
from tests.serving import small

SERVING = small.SERVING.model_copy(update={"max_body_kb": 1, "max_in_flight": 3, "deadline_seconds": 10.0})
"""A deadline that no test reaches however busy the machine is; those about deadlines set their own."""


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    message = await receive()
    await JSONResponse({"bytes": len(message["body"])})(scope, receive, send)


def client(app: ASGIApp, serving: params.Serving = SERVING) -> httpx.AsyncClient:
    limited = Limits(app, lambda: serving)
    return httpx.AsyncClient(transport=httpx.ASGITransport(limited), base_url="http://test")


def run(session: Callable[[httpx.AsyncClient], Awaitable[Any]], app: ASGIApp = echo, **changes: Any) -> Any:
    async def main() -> Any:
        async with client(app, SERVING.model_copy(update=changes)) as opened:
            return await session(opened)

    return asyncio.run(main())


def detail(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["detail"]
    found: list[dict[str, Any]] = response.json()["detail"]
    return found


JSON_HEADERS = {"Content-Type": "application/json"}


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

    statuses = []

    async def send(message: Any) -> None:
        statuses.append(message.get("status"))

    scope = {"type": "http", "path": "/", "method": "POST", "headers": [(b"content-length", b"1001")]}
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


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "Application/JSON; charset=utf-8"}])
def test_json_by_any_spelling_or_unsaid_is_taken(headers: dict[str, str]):
    async def session(ask: httpx.AsyncClient) -> httpx.Response:
        return await ask.post("/", content=b"{}", headers=headers)

    assert run(session).status_code == 200


def test_more_than_the_limit_at_once_are_refused_with_a_time_to_ask_again_and_health_is_not():
    entered = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/":
            entered.set()
            await asyncio.sleep(0.05)
        await PlainTextResponse("done")(scope, receive, send)

    async def session(ask: httpx.AsyncClient) -> tuple[list[httpx.Response], httpx.Response, httpx.Response]:
        asked = [asyncio.create_task(ask.get("/")) for _ in range(5)]
        await entered.wait()
        health = await ask.get("/livez")
        assert not any(task.done() and task.result().status_code == 200 for task in asked)
        answered = await asyncio.gather(*asked)
        return answered, health, await ask.get("/")

    answered, health, after = run(session, slow)
    assert sorted(response.status_code for response in answered) == [200, 200, 200, 503, 503]
    assert (health.status_code, after.status_code) == (200, 200)
    refused = next(response for response in answered if response.status_code == 503)
    assert refused.headers["retry-after"] == "1"
    assert detail(refused) == [{"loc": [], "msg": "3 requests are being answered already; ask again later"}]


def test_answers_are_computed_one_at_a_time_in_the_order_asked():
    running: list[str] = []
    order: list[str] = []

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        running.append(scope["path"])
        assert len(running) == 1
        await asyncio.sleep(0.001)
        order.append(running.pop())
        await PlainTextResponse("done")(scope, receive, send)

    async def session(ask: httpx.AsyncClient) -> list[httpx.Response]:
        return await asyncio.gather(*(ask.get(f"/{number}") for number in range(8)))

    answered = run(session, watched, max_in_flight=8)
    assert {response.status_code for response in answered} == {200}
    assert order == [f"/{number}" for number in range(8)]


def test_while_answers_are_computed_new_requests_are_counted_and_refused():
    # Nothing here ever waits: without care the loop would compute all answers before it looked up.
    computed: list[str] = []

    async def busy(scope: Scope, receive: Receive, send: Send) -> None:
        computed.append(scope["path"])
        await PlainTextResponse("done")(scope, receive, send)

    async def session(ask: httpx.AsyncClient) -> list[httpx.Response]:
        return await asyncio.gather(*(ask.get("/") for _ in range(20)))

    answered = run(session, busy)
    assert [response.status_code for response in answered].count(200) == 3
    assert len(computed) == 3


def test_between_two_answers_the_loop_looks_after_its_sockets():
    seen: list[str] = []
    one, other = socket.socketpair()

    async def busy(scope: Scope, receive: Receive, send: Send) -> None:
        if not seen:
            asyncio.get_running_loop().add_reader(other, socket_is_ready)
            one.send(b"x")
        seen.append("computed")
        await PlainTextResponse("done")(scope, receive, send)

    def socket_is_ready() -> None:
        other.recv(1)
        seen.append("socket")

    async def session(ask: httpx.AsyncClient) -> None:
        await asyncio.gather(*(ask.get("/") for _ in range(6)))
        asyncio.get_running_loop().remove_reader(other)

    with one, other:
        run(session, busy, max_in_flight=6)
    assert sorted(seen) == ["computed"] * 6 + ["socket"]
    assert seen.index("socket") <= 2


def test_a_request_that_is_not_answered_in_time_is_given_up_and_the_next_has_its_turn():
    given_up = []

    async def stuck(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/stuck":
            try:
                await asyncio.sleep(30)
            finally:
                given_up.append(scope["path"])
        await PlainTextResponse("done")(scope, receive, send)

    deadlines = iter([0.2, 10.0])
    limited = Limits(stuck, lambda: SERVING.model_copy(update={"deadline_seconds": next(deadlines)}))

    async def session() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(limited), base_url="http://test") as ask:
            return [await ask.get("/stuck"), await ask.get("/")]

    late, next_one = asyncio.run(session())
    assert late.status_code == 503
    assert late.headers["retry-after"] == "1"
    assert detail(late) == [{"loc": [], "msg": "not answered within 0.2 s; ask again later"}]
    assert given_up == ["/stuck"]
    assert next_one.status_code == 200


def test_who_sends_slowly_holds_up_nobody():
    async def session(ask: httpx.AsyncClient) -> tuple[httpx.Response, httpx.Response]:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def drops() -> Any:
            yield b"x"
            begun.set()
            await go_on.wait()
            yield b"x"

        slow = asyncio.create_task(ask.post("/", content=drops(), headers=JSON_HEADERS))
        await begun.wait()
        quick = await ask.get("/")
        assert not slow.done()
        go_on.set()
        return quick, await slow

    quick, slow = run(session)
    assert (quick.status_code, slow.status_code) == (200, 200)
    assert slow.json() == {"bytes": 2}


def test_who_sends_too_slowly_is_given_up():
    async def drops() -> Any:
        while True:
            yield b"x"
            await asyncio.sleep(0.02)

    async def session(ask: httpx.AsyncClient) -> httpx.Response:
        return await ask.post("/", content=drops(), headers=JSON_HEADERS)

    assert run(session, deadline_seconds=0.2).status_code == 503


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
