"""What /readyz says beside yes: which bundles answer, and whether events are written."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATH = "/readyz"


class Readiness:
    """ASGI middleware that gives a worker's yes a body; its no stays as it is."""

    def __init__(self, app: ASGIApp, detail: Callable[[], Mapping[str, Any]]) -> None:
        """Wrap an app; the detail is asked for each time."""
        self.app = app
        self._detail = detail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add the detail where the worker is ready."""
        if scope["type"] != "http" or scope["path"] != PATH:
            await self.app(scope, receive, send)
            return
        sent: list[Message] = []

        async def collect(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, collect)
        if sent[0]["status"] == 200:
            body = json.dumps({"ready": True, **self._detail()}).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
            sent = [
                {"type": "http.response.start", "status": 200, "headers": headers},
                {"type": "http.response.body", "body": body},
            ]
        for message in sent:
            await send(message)
