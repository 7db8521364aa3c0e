"""Connections: how many there may be, and how long each may keep the service waiting.

Half a header, half a body, or an answer that is not read costs the other side nothing. uvicorn waits for all
three as long as it likes, and has no setting about it.
"""

import json
import resource
from typing import Any, Literal

import h11
from uvicorn import config
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol, RequestResponseCycle

from marquee.serving.service.guard.security_headers import HEADERS

Waiting = Literal["head", "rest", "other"]
MOST = 512
"""Open connections of a worker. For one more, the one that has kept it waiting for the longest is closed: who
sends a request at once is answered however many others hold theirs back."""
LONGEST: dict[Waiting, float] = {"head": 10.0, "rest": 2.0, "other": 30.0}
"""Seconds: until a request's header is whole; for the rest of a body that is refused already, so that the
other side can read why; for all else, which has earlier limits of its own."""
LOOK_SECONDS = 1.0
"""Between two looks at a connection."""
FILES = 8192
"""Open files a worker asks for; a burst of connections is accepted before it can be refused."""


class Connection(H11Protocol):
    """One connection to a worker; HTTP by h11, no web sockets."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.ws_protocol_class = None  # nothing here speaks it, and none of this would guard it
        self.waits_since = 0.0
        self._seen: tuple[Waiting, RequestResponseCycle | None] = ("head", None)
        self._seen_since = 0.0

    def connection_made(self, transport: Any) -> None:
        """Take the connection; where there are too many, close the one that waits for the longest."""
        super().connection_made(transport)
        self.waits_since = self._seen_since = self.loop.time()
        self._timer = self.loop.call_later(LOOK_SECONDS, self._look)
        if len(self.connections) > MOST:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no longer."""
        self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """From now on this connection waits again."""
        self.waits_since = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is refused as everything else is, and the connection closed."""
        body = json.dumps({"detail": [{"loc": [], "msg": msg}]}).encode()
        headers = [(b"content-type", b"application/json"), (b"connection", b"close"), *HEADERS]
        headers.append((b"content-length", b"%d" % len(body)))
        for event in (
            h11.Response(status_code=400, headers=headers, reason=STATUS_PHRASES[400]),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def is_answering(self) -> bool:
        """Whether the other side has sent a whole request and waits for us."""
        return self.conn.their_state not in (h11.IDLE, h11.SEND_BODY) and not self.cycle.response_complete

    def _make_room(self) -> None:
        others = (one for one in self.connections if isinstance(one, Connection) and one is not self)
        waiting = (one for one in others if not one.is_answering())
        oldest = min(waiting, key=lambda one: one.waits_since, default=self)
        self.connections.discard(oldest)  # it is told that it is closed when the loop comes round
        oldest.transport.abort()

    def _look(self) -> None:
        now, seen = self.loop.time(), (self._waits_for(), self.cycle)
        if seen != self._seen:
            self._seen, self._seen_since = seen, now
        elif now - self._seen_since >= LONGEST[seen[0]]:
            self.transport.abort()
            return
        self._timer = self.loop.call_later(LOOK_SECONDS, self._look)

    def _waits_for(self) -> Waiting:
        if self.conn.their_state is h11.IDLE:
            return "head"
        if self.cycle is not None and self.cycle.response_complete:
            return "rest"
        return "other"

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: a stranger must not fill the log."""


def use() -> None:
    """Have uvicorn speak HTTP as `Connection` does: BentoML lets it choose, and this is what it chooses."""
    config.HTTP_PROTOCOLS["auto"] = f"{__name__}:{Connection.__name__}"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
