"""What the service takes on: bodies and answers at once, time for each. Health is never refused."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from marquee.pipeline.params import Serving
from marquee.pipeline.sections import validate
from marquee.serving.recommender.bundle_files import SERVING
from marquee.serving.service.guard import bodies
from marquee.serving.service.refusal import Refused, in_one_shape
from marquee.serving.telemetry.traffic import NEVER_MEASURED

FILE = SERVING
NEVER_REFUSED = NEVER_MEASURED
"""Who looks after the service must hear from it most of all when it is busy."""
BODY_SECONDS = 8.0
"""Until a body is there; 408 for one that is not."""
MOST_READING = 128
"""Bodies that are waited for, each of at most `max_body_kb`. For one more, the one that is waited for longest
is given up: who sends all at once is answered, however many others do not."""
log = logging.getLogger(__name__)


def read(folder: Path) -> Serving:
    """The limits of a bundle that was verified."""
    file = folder / FILE
    return validate("serving", Serving, json.loads(file.read_bytes()), file)


@dataclass
class Load:
    """What a worker is busy with.

    Attributes:
        answering: requests that are answered or wait for their turn.
        reading: bodies that are waited for, the oldest first; whether it was given up for another one.
        answered_at: when the last answer was made, on the monotonic clock.
    """

    answering: int = 0
    reading: dict[asyncio.Timeout, bool] = field(default_factory=dict)
    answered_at: float = field(default_factory=time.monotonic)

    def is_stuck(self, params: Serving) -> bool:
        """Whether every place is taken, and none was answered for as long as one may take."""
        waited = time.monotonic() - self.answered_at
        return self.answering >= params.max_in_flight and waited > params.deadline_seconds


class Limits:
    """ASGI middleware around everything but health and metrics.

    Bodies and answers have limits of their own: a body that does not arrive takes no answer's place.

    Answers are computed on the event loop, one at a time, because a thread would only wait for Python's lock.
    Between two of them the loop looks after its sockets: what came in meanwhile is counted, and refused where
    it is too much, and health is answered. So a flood costs the requests above the limit, never all of them.
    """

    def __init__(self, app: ASGIApp, params: Callable[[], Serving], load: Load | None = None) -> None:
        """Wrap an app; the limits are asked for at each request: the bundle that has them opens later."""
        self.app = app
        self._params = params
        self._load = load or Load()
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http" or scope["path"] in NEVER_REFUSED:
            await self.app(scope, receive, send)
            return
        params = self._params()
        try:
            body = await self._body(scope, receive, params.max_body_kb * 1000)
            await self._answer_in_time(scope, _again(body, receive), send, params, body)
        except Refused as refused:
            await refused.response()(scope, receive, send)

    async def _body(self, scope: Scope, receive: Receive, most: int) -> bytes:
        bodies.check_headers(scope, most)
        try:
            async with asyncio.timeout(BODY_SECONDS) as deadline:
                with self._reading(deadline):
                    return await bodies.read(receive, most)
        except TimeoutError:
            raise Refused.because(408, f"the body did not arrive within {BODY_SECONDS:g} s") from None

    @contextmanager
    def _reading(self, deadline: asyncio.Timeout) -> Iterator[None]:
        reading = self._load.reading
        reading[deadline] = False
        if len(reading) > MOST_READING:
            oldest = next(one for one, given_up in reading.items() if not given_up)
            reading[oldest] = True
            oldest.reschedule(0)
        try:
            yield
        finally:
            given_up = reading.pop(deadline)
            if given_up:
                raise Refused.because(503, f"{MOST_READING} bodies are waited for already; ask again later")

    async def _answer_in_time(
        self, scope: Scope, receive: Receive, send: Send, params: Serving, body: bytes
    ) -> None:
        answer: list[Message] = []
        try:
            with self._answering(params.max_in_flight):
                async with asyncio.timeout(params.deadline_seconds):
                    await asyncio.sleep(0)  # all that have arrived are counted before the first is computed
                    answer = await self._in_turn(scope, receive, body)
            self._load.answered_at = time.monotonic()
            async with asyncio.timeout(params.deadline_seconds):
                for message in answer:
                    await send(message)
        except TimeoutError:
            if answer:
                return  # the caller does not read it
            raise Refused.because(
                503, f"not answered within {params.deadline_seconds:g} s; ask again later"
            ) from None

    @contextmanager
    def _answering(self, most: int) -> Iterator[None]:
        if self._load.answering >= most:
            raise Refused.because(503, f"{most} requests are being answered already; ask again later")
        self._load.answering += 1
        try:
            yield
        finally:
            self._load.answering -= 1

    async def _in_turn(self, scope: Scope, receive: Receive, body: bytes) -> list[Message]:
        """What the app sends, in the one shape where it is an error."""
        sent: list[Message] = []

        async def collect(message: Message) -> None:
            sent.append(message)

        await self._turn.acquire()
        try:
            if body:
                bodies.require_unique_keys(body)
            await self.app(scope, receive, collect)
        except Refused:
            raise
        except Exception:
            log.exception("%s %s", scope["method"], scope["path"])
            raise Refused.because(500, "the service failed; its log says why") from None
        finally:
            # Not now but when the loop comes round: it asks its sockets before it lets the next one begin.
            asyncio.get_running_loop().call_soon(self._turn.release)
        return sent if sent[0]["status"] < 400 else in_one_shape(scope, sent)


def _again(body: bytes, receive: Receive) -> Receive:
    """A receive that hands out the body that was read already."""
    unread = [body]

    async def replayed() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    return replayed
