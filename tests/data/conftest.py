"""A real server on 127.0.0.1, for everything that speaks HTTP; and tiny archives of every generation."""

import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

Answer = Callable[["Handler"], None]


@dataclass
class LocalServer:
    """Answers every GET with `answer`; remembers what was asked and how many bytes were sent."""

    base_url: str = ""
    answer: Answer | None = None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    sent: int = 0
    closing: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    """One request; `reply` sends an answer, perhaps less of it than it promises."""

    local: LocalServer

    def do_GET(self) -> None:
        self.local.asked.append((self.path, dict(self.headers.items())))
        assert self.local.answer is not None
        self.local.answer(self)

    def reply(
        self, status: int, body: bytes = b"", headers: dict[str, str] | None = None, cut: int | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:cut])
        self.local.sent += len(body[:cut])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silence: the tests look at `asked`."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    local = LocalServer()
    handler = type("LocalHandler", (Handler,), {"local": local})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    http.daemon_threads = True
    local.base_url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield local
    local.closing.set()
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture
def zipped() -> Callable[..., bytes]:
    """Makes a zip of the given files, dated 2020-01-02."""

    def make(files: dict[str, bytes], date: tuple[int, ...] = (2020, 1, 2, 0, 0, 0)) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(zipfile.ZipInfo(name, date), data)
        return buffer.getvalue()

    return make
