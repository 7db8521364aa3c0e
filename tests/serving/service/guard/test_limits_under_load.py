"""Many requests at once and slow callers: the limits on an event loop."""

import asyncio
import socket
import time
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from marquee.serving.service.guard import limits
from marquee.serving.service.guard.limits import Limits, Load
from tests.serving.service.guard.limited import JSON_HEADERS, SERVING, detail, run


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


def test_who_sends_too_slowly_is_given_up(monkeypatch: pytest.MonkeyPatch):
    async def drops() -> Any:
        while True:
            yield b"x"
            await asyncio.sleep(0.02)

    async def session(ask: httpx.AsyncClient) -> httpx.Response:
        return await ask.post("/", content=drops(), headers=JSON_HEADERS)

    monkeypatch.setattr(limits, "BODY_SECONDS", 0.2)
    response = run(session)
    assert response.status_code == 408
    assert detail(response) == [{"loc": [], "msg": "the body did not arrive within 0.2 s"}]


def test_bodies_that_do_not_arrive_take_no_answer_s_place():
    never = asyncio.Event

    async def half() -> Any:
        yield b"x"
        await never().wait()

    async def session(ask: httpx.AsyncClient) -> list[int]:
        async with asyncio.TaskGroup() as tasks:
            held = [
                tasks.create_task(ask.post("/", content=half(), headers=JSON_HEADERS))
                for _ in range(10 * SERVING.max_in_flight)
            ]
            await asyncio.sleep(0.01)
            statuses = [(await ask.get("/")).status_code for _ in range(5)]
            assert not any(task.done() for task in held)
            for task in held:
                task.cancel()
        return statuses

    assert run(session) == [200] * 5


def test_of_too_many_bodies_the_one_waited_for_longest_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "MOST_READING", 2)

    async def session(ask: httpx.AsyncClient) -> tuple[list[httpx.Response], httpx.Response]:
        go_on = asyncio.Event()

        async def half() -> Any:
            yield b"x"
            await go_on.wait()

        held = []
        for _ in range(3):
            held.append(asyncio.create_task(ask.post("/", content=half(), headers=JSON_HEADERS)))
            await asyncio.sleep(0.01)
        given_up = await held[0]
        go_on.set()
        return [await one for one in held[1:]], given_up

    others, given_up = run(session)
    assert [one.status_code for one in others] == [200, 200]
    assert (given_up.status_code, given_up.headers["retry-after"]) == (503, "1")
    assert detail(given_up) == [{"loc": [], "msg": "2 bodies are waited for already; ask again later"}]


def test_a_worker_is_stuck_where_every_place_is_taken_and_none_was_answered_for_a_deadline():
    now = time.monotonic()
    late = now - SERVING.deadline_seconds - 1
    assert Load(answering=3, answered_at=late).is_stuck(SERVING)
    assert not Load(answering=3, answered_at=now).is_stuck(SERVING)
    assert not Load(answering=2, answered_at=late).is_stuck(SERVING)
