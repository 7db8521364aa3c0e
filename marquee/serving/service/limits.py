"""What the service takes on: size of a body, requests at once, time for each. One shape for every error."""

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from marquee.pipeline.params import Serving
from marquee.pipeline.sections import validate
from marquee.serving.recommender.bundle_files import SERVING
from marquee.serving.service.responses import ErrorResponse, Problem
from marquee.serving.telemetry.traffic import NEVER_MEASURED

FILE = SERVING
NEVER_REFUSED = NEVER_MEASURED
"""Who looks after the service must hear from it most of all when it is busy."""
JSON = "application/json"
RETRY_SECONDS = 1
"""What Retry-After asks for: a queue as long as is allowed is worked off by then."""
log = logging.getLogger(__name__)


class Refused(Exception):  # noqa: N818  an answer rather than an error of the service
    """A request that gets no answer: the status, and what is wrong with which field."""

    def __init__(self, status: int, *problems: Problem) -> None:
        super().__init__(*problems)
        self.status = status
        self.problems = list(problems)

    @classmethod
    def because(cls, status: int, msg: str, *loc: str | int) -> "Refused":
        """With one problem; no `loc`: it is the whole request."""
        return cls(status, Problem(loc=list(loc), msg=msg))

    @classmethod
    def invalid(cls, error: ValidationError) -> "Refused":
        """400 for what breaks the rules of a type."""
        return cls(400, *(Problem(loc=list(one["loc"]), msg=_rule(one["msg"])) for one in error.errors()))

    def response(self) -> JSONResponse:
        """As the caller gets it."""
        headers = {"Retry-After": str(RETRY_SECONDS)} if self.status == 503 else None
        return JSONResponse(ErrorResponse(detail=self.problems).model_dump(), self.status, headers)


def read(folder: Path) -> Serving:
    """The limits of a bundle that was verified."""
    file = folder / FILE
    return validate("serving", Serving, json.loads(file.read_bytes()), file)


class Limits:
    """ASGI middleware around everything but health and metrics.

    Answers are computed on the event loop, one at a time, because a thread would only wait for Python's lock.
    Between two of them the loop looks after its sockets: what came in meanwhile is counted, and refused where
    it is too much, and health is answered. So a flood costs the requests above the limit, never all of them.
    """

    def __init__(self, app: ASGIApp, params: Callable[[], Serving]) -> None:
        """Wrap an app; the limits are asked for at each request: the bundle that has them opens later."""
        self.app = app
        self._params = params
        self._in_flight = 0
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http" or scope["path"] in NEVER_REFUSED:
            await self.app(scope, receive, send)
            return
        params = self._params()
        self._in_flight += 1
        try:
            if self._in_flight > params.max_in_flight:
                raise Refused.because(
                    503, f"{params.max_in_flight} requests are being answered already; ask again later"
                )
            await self._answer_in_time(scope, receive, send, params)
        except Refused as refused:
            await refused.response()(scope, receive, send)
        finally:
            self._in_flight -= 1

    async def _answer_in_time(self, scope: Scope, receive: Receive, send: Send, params: Serving) -> None:
        answer: list[Message] = []
        try:
            async with asyncio.timeout(params.deadline_seconds):
                body = await _body(scope, receive, params.max_body_kb * 1000)
                await asyncio.sleep(0)  # all that have arrived are counted before the first is computed
                answer = await self._in_turn(scope, _again(body, receive))
                for message in answer:
                    await send(message)
        except TimeoutError:
            if answer:
                raise  # the caller does not read it
            raise Refused.because(
                503, f"not answered within {params.deadline_seconds:g} s; ask again later"
            ) from None

    async def _in_turn(self, scope: Scope, receive: Receive) -> list[Message]:
        """What the app sends, in the one shape where it is an error."""
        sent: list[Message] = []

        async def collect(message: Message) -> None:
            sent.append(message)

        await self._turn.acquire()
        try:
            await self.app(scope, receive, collect)
        except Exception:
            log.exception("%s %s", scope["method"], scope["path"])
            raise Refused.because(500, "the service failed; its log says why") from None
        finally:
            # Not now but when the loop comes round: it asks its sockets before it lets the next one begin.
            asyncio.get_running_loop().call_soon(self._turn.release)
        return sent if sent[0]["status"] < 400 else _in_one_shape(scope, sent)


async def _body(scope: Scope, receive: Receive, most: int) -> bytes:
    """The whole body of a request, before anything is computed for it."""
    headers = dict(scope["headers"])
    media_type = headers.get(b"content-type", JSON.encode()).decode("latin-1").partition(";")[0].strip()
    if scope["method"] == "POST" and media_type.lower() != JSON:
        raise Refused.because(415, f"Content-Type must be {JSON}; received {media_type}")
    too_large = Refused.because(413, f"the body must be at most {most} bytes")
    if int(headers.get(b"content-length", 0)) > most:
        raise too_large
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > most:
            raise too_large
        more = message.get("more_body", False)
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """A receive that hands out the body that was read already."""
    unread = [body]

    async def replayed() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    return replayed


def _in_one_shape(scope: Scope, sent: list[Message]) -> list[Message]:
    """An error, whoever wrote it (BentoML, Starlette or this service), as `ErrorResponse`."""
    start, body = sent[0], b"".join(message.get("body", b"") for message in sent[1:])
    content = json.dumps({"detail": _problems(scope, body)}).encode()
    replaced = {b"content-type": JSON.encode(), b"content-length": str(len(content)).encode()}
    kept = [(name, value) for name, value in start["headers"] if name not in replaced]
    return [
        {**start, "headers": [*kept, *replaced.items()]},
        {"type": "http.response.body", "body": content, "more_body": False},
    ]


def _problems(scope: Scope, body: bytes) -> list[dict[str, Any]]:
    try:
        said = json.loads(body)
    except ValueError:
        said = {"error": f"{scope['method']} {scope['path']}: {body.decode(errors='replace')}"}
    if isinstance(said, list) and said:  # BentoML's own errors
        said = said[0]
    if isinstance(said.get("detail"), list):
        return [{"loc": list(one["loc"]), "msg": _rule(one["msg"])} for one in said["detail"]]
    return [{"loc": [], "msg": str(said.get("error", said))}]


def _rule(msg: str) -> str:
    """Without what pydantic puts before a rule of ours."""
    return msg.removeprefix("Value error, ")
