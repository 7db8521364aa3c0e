"""Clients that mean harm, at a running service: no 5xx but 503, others are answered, memory stays flat."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.serving.live import Live

JSON = "application/json"
HALF_BODY = (
    b"POST /recommend HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
    b'Content-Length: 900\r\n\r\n{"history": ['
)
HALF_HEADER = b"POST /recommend HTTP/1.1\r\nHost: here\r\nX-Long: "
ASKED: dict[str, Any] = {"history": [{"movie_id": 25, "rating": 4.5}], "k": 3}
LEAK = 25_000_000
"""Bytes a worker may grow by: the warm-up of allocators takes some, what a client sent must not stay."""


@pytest.fixture(scope="module")
def ask(service: Live) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.address, timeout=20, headers={"Connection": "close"}) as client:
        yield client


def port_of(service: Live) -> int:
    return int(service.address.rpartition(":")[2])


def connect(service: Live, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port_of(service)), timeout=20)
    connection.sendall(sent)
    return connection


def answer(service: Live, sent: bytes) -> bytes:
    """All that comes until the service closes; nothing where it closes without a word."""
    with connect(service, sent) as connection:
        parts = []
        try:
            while part := connection.recv(65536):
                parts.append(part)
        except ConnectionResetError:
            pass
        return b"".join(parts)


def statuses(answered: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answered)]


def good(ask: httpx.Client) -> None:
    """Whoever means well is answered."""
    for _ in range(4):
        assert ask.post("/recommend", json=ASKED).status_code == 200
    assert ask.get("/readyz").status_code == 200


def recovers(ask: httpx.Client) -> None:
    """Whoever means well is answered as soon as what was asked before is."""
    seen = []
    while not seen or seen[-1] != 200:
        seen.append(ask.post("/recommend", json=ASKED).status_code)
    assert set(seen) <= {200, 503}
    assert len(seen) < 100


@pytest.mark.parametrize(
    ("sent", "count"), [(HALF_BODY, 64), (HALF_BODY, 600), (HALF_HEADER, 900), (b"", 1200)]
)
def test_however_many_hold_back_half_of_a_request_the_others_are_answered(
    service: Live, ask: httpx.Client, sent: bytes, count: int
):
    with ExitStack() as held:
        for _ in range(count):
            held.enter_context(connect(service, sent))
        good(ask)


def test_who_drops_the_connection_midway_leaves_nothing(service: Live, ask: httpx.Client):
    for sent in (HALF_BODY, HALF_HEADER, b"GET /model HTTP/1.1\r\nHost: here\r\n\r\n") * 40:
        connect(service, sent).close()
    recovers(ask)
    assert ask.get("/readyz").json()["load"]["answering"] == 0


def test_a_flood_of_requests_is_answered_or_refused_with_503(service: Live, ask: httpx.Client):
    body = json.dumps(ASKED).encode()
    head = HALF_BODY.partition(b"Content-Length")[0] + b"Connection: close\r\n"
    request = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with ExitStack() as opened:
        flood = [opened.enter_context(connect(service, b"")) for _ in range(200)]
        for connection in flood:
            connection.sendall(request)
        answered = [statuses(connection.recv(65536)) for connection in flood]
    assert {status for one in answered for status in one} <= {200, 503}
    assert [200] in answered
    recovers(ask)


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n",
        b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        b"Content-Length: +5\r\n\r\n",
    ],
)
def test_a_request_whose_end_can_be_read_in_two_ways_is_refused(service: Live, head: bytes):
    begin = b"POST /recommend HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
    answered = statuses(answer(service, begin + head + SMUGGLED))
    assert answered[0] in {400, 415}
    assert 200 not in answered


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (json.dumps(ASKED).encode("utf-16"), 400),
        (json.dumps(ASKED).encode("utf-32-le"), 400),
        (b"\xef\xbb\xbf" + json.dumps(ASKED).encode(), 400),
        (b'{"history": [{"movie_id": 5, "rating": NaN}]}', 400),
        (b'{"history": [{"movie_id": 5, "rating": Infinity}]}', 400),
        (b'{"history": [{"movie_id": 5, "rating": 1e999}]}', 400),
        (b'{"history": [{"movie_id": ' + b"9" * 5000 + b', "rating": 4}]}', 400),
        (b'{"history": [], "k": ' + b"9" * 100 + b"}", 400),
        (b'{"history": [], "explore_seed": ' + b"9" * 20 + b"}", 400),
        (b'{"history": [], "k": 1, "k": 2}', 400),
        (b'{"history": [], "visitor_id": "\\ud800"}', 400),
        (b'{"history": [], "visitor_id": "\\u0000"}', 200),
        (b"[" * 99_000, 400),
        (b'{"history":' * 9_000, 400),
        (b'{"a": "\\"", "history":' + b"[" * 90_000, 400),
        (b"", 400),
        (b"\x00" * 1000, 400),
        (b"null", 400),
    ],
)
def test_a_body_that_is_no_request_is_refused_with_400(ask: httpx.Client, body: bytes, status: int):
    answered = ask.post("/recommend", content=body, headers={"Content-Type": JSON})
    assert answered.status_code == status


@pytest.mark.parametrize(
    "path",
    [
        "/movies/%00", "/movies/%ff", "/movies/" + "9" * 4000, "/movies/-1", "/movies/5%2f..%2f",
        "/ui/../../../../etc/passwd", "/ui/%2e%2e/%2e%2e/service.py", "/ui/..%5c..%5cservice.py", "/ui/%00",
        "/ui/" + "x" * 4000, "/static_content/../../server/http_app.py", "/movies?title=%ff%fe",
        "/movies?title=%00", "/movies?title=a&k=" + "9" * 4000, "//here/ui",
        "/movies?title=" + "a" * 10_000, "/%0d%0aX-Set:%20y",
    ],
)  # fmt: skip
def test_an_address_that_was_made_up_is_no_failure(service: Live, path: str):
    answered = answer(service, f"GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".encode())
    (status,) = statuses(answered)
    assert status in {200, 400, 404}
    assert b"root:" not in answered
    assert b"import " not in answered
    assert b"\r\nX-Set" not in answered


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "HEAD", "NONE"])
def test_another_method_is_no_failure(ask: httpx.Client, method: str):
    for path in ("/recommend", "/movies/5", "/ui/", "/docs"):
        assert ask.request(method, path).status_code in {200, 404, 405}


def test_a_body_of_100_mb_is_refused_and_not_kept(service: Live, ask: httpx.Client):
    def zeros() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1_000_000

    for headers in ({}, {"Content-Length": "100000000"}):
        try:
            refused = ask.post("/recommend", content=zeros(), headers={"Content-Type": JSON, **headers})
            assert refused.status_code == 413
        except httpx.TransportError:  # it was closed while we went on to send
            pass
    good(ask)


def test_memory_stays_flat_whatever_is_sent(service: Live, ask: httpx.Client):
    def attack() -> None:
        with ExitStack() as held:
            for _ in range(150):
                held.enter_context(connect(service, HALF_BODY.replace(b"900", b"90000") + b"1, " * 25_000))
        for _ in range(20):
            ask.post("/recommend", content=b"[" * 90_000, headers={"Content-Type": JSON})
            ask.get("/movies/" + "9" * 3000)
        good(ask)

    attack()
    before = [worker.memory_info().rss for worker in service.workers()]
    for _ in range(3):
        attack()
    grown = [worker.memory_info().rss - rss for worker, rss in zip(service.workers(), before, strict=True)]
    assert max(grown) < LEAK
    assert "Traceback" not in service.said()
