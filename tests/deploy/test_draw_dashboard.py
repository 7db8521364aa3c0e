"""The model dashboard as a PNG: from what Prometheus answers to a picture, and what is said without one."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from marquee.pictures import plots
from monitoring import draw_dashboard
from monitoring.draw_dashboard import Line

PANEL = {"title": "Shares", "type": "timeseries", "fieldConfig": {"defaults": {"unit": "percentunit"}}}


@pytest.fixture
def answers() -> Iterator[dict[str, str]]:
    """A server that answers every query with the text under "body"; its address is under "url"."""
    state = {"body": '{"status": "success", "data": {"result": []}}'}

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = state["body"].encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  http.server's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    state["url"] = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def draw(answers: dict[str, str], out: Path) -> int:
    return draw_dashboard.main(["--prometheus", answers["url"], "--out", str(out)])


def test_no_data_at_all_is_an_error_that_says_what_to_look_at(
    answers: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    assert draw(answers, tmp_path / "a.png") == 1
    assert "no data for any panel of model.json in the last 6 hours" in caplog.text
    assert not (tmp_path / "a.png").exists()


def test_a_refusal_names_the_expression(
    answers: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    answers["body"] = '{"status": "error", "error": "parse error"}'
    assert draw(answers, tmp_path / "a.png") == 1
    assert "refuses source:marquee_top_results:ratio_rate5m: parse error" in caplog.text


def test_an_address_where_nobody_answers_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    assert draw({"url": "http://127.0.0.1:1"}, tmp_path / "a.png") == 1
    assert "http://127.0.0.1:1 does not answer" in caplog.text


def test_lines_are_named_by_their_labels_and_gaps_are_no_zeros():
    _, (axis,) = plots.new()
    lines = [
        Line("two_tower", np.array([-2.0, -1.0, 0.0]), np.array([0.6, np.nan, 0.5])),
        Line("popular", np.array([0.0]), np.array([0.5])),
    ]
    draw_dashboard.draw(axis, PANEL, lines)
    assert axis.get_title(loc="left") == "Shares"
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["two_tower", "popular"]
    first, second = (line.get_ydata() for line in axis.get_lines())
    np.testing.assert_equal(first, [0.6, np.nan, 0.5])
    np.testing.assert_equal(second, [np.nan, np.nan, 0.5])
    plt.close("all")


@pytest.mark.parametrize(
    ("seconds", "expected"), [(45.0, "seconds"), (600.0, "minutes"), (6 * 3600.0, "hours"), (7e5, "days")]
)
def test_time_is_counted_in_what_suits_the_span(seconds: float, expected: str):
    assert draw_dashboard._time_unit(seconds)[0] == expected
