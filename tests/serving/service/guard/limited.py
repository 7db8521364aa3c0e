"""A small app behind the limits, and a client of it, on an event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from marquee.pipeline import params
from marquee.serving.service.guard.limits import Limits
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
