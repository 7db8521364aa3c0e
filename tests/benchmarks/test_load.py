import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks import load
from benchmarks.serving_speed import beside, middle


class Half(BaseHTTPRequestHandler):
    """Answers 200 to {"good": 1} and 503 to everything else."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200 if body == {"good": 1} else 503)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer((load.HOST, 0), Half)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_answers_are_timed_and_refusals_counted(port: int):
    answers = load.ask(port, "/", [b'{"good": 1}', b'{"bad": 1}'], connections=2, seconds=0.2)
    assert answers.errors > 0
    assert abs(len(answers.milliseconds) - answers.errors) <= 2  # bodies take turns on each connection
    assert 0 < min(answers.milliseconds) < 200
    assert 0.2 <= answers.seconds < 5


def test_loads_add_up():
    both = load.Answers([1.0, 3.0], errors=1, seconds=2.0) + load.Answers([2.0, 9.0], errors=2, seconds=2.0)
    assert both.named() == {
        "p50_ms": 3.0,
        "p99_ms": 9.0,
        "requests_per_second": 1.0,
        "requests": 4,
        "errors": 3,
    }


def test_figures_stand_beside_the_no_op_endpoint():
    def measured(rate: float, median: float) -> dict[str, dict[str, float]]:
        both = {"requests_per_second": rate, "p50_ms": median}
        return {"one_connection": both, "sixteen_connections": both}

    shares = beside("no_op", {"no_op": measured(500.0, 2.0), "packaged": measured(300.0, 5.0)})
    assert shares == {
        "packaged": {
            label: {"share_of_requests": 0.6, "times_median": 2.5}
            for label in ("one_connection", "sixteen_connections")
        }
    }


def test_a_median_comes_with_its_interval_of_order_statistics():
    # Of 40 values, from the 14th to the 27th: each is on the wrong side of the median with probability 0.019.
    values = [float(number) for number in range(40, 0, -1)]
    assert middle(values) == {"median": 20.5, "low": 14.0, "high": 27.0}
    assert middle([1.0, 3.0]) == {"median": 2.0, "low": 1.0, "high": 3.0}
