"""What /readyz says: whether requests are answered, which bundles answer, whether events are written."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATH = "/readyz"


class Readiness:
    """ASGI middleware that gives a worker's yes a body, or makes it a no; its own no stays as it is."""

    def __init__(
        self, app: ASGIApp, detail: Callable[[], Mapping[str, Any]], is_stuck: Callable[[], bool]
    ) -> None:
        """Wrap an app; both are asked each time.

        Args:
            app: what says whether the worker has started.
            detail: for people.
            is_stuck: whether nobody is answered although the worker has started. One that refuses what is too
                much and answers the rest is ready: without it the others would have even more to do.
        """
        self.app = app
        self._detail = detail
        self._is_stuck = is_stuck

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
            ready = not self._is_stuck()
            body = json.dumps({"ready": ready, **self._detail()}).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
            sent = [
                {"type": "http.response.start", "status": 200 if ready else 503, "headers": headers},
                {"type": "http.response.body", "body": body},
            ]
        for message in sent:
            await send(message)
