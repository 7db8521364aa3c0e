"""The soak: what visitors count, which promises are called broken, and a short one on the tiny bundle."""

import argparse
import json
import logging
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from benchmarks import soak
from benchmarks.server import HOST
from benchmarks.soaking import promises, visitors
from benchmarks.soaking.faults import Happened
from benchmarks.soaking.probes import Probe
from benchmarks.soaking.visitors import Answered, Seen, Visitors
from marquee.events import records
from marquee.events.segments import SegmentWriter
from marquee.pipeline import paths
from tests.events import examples
from tests.fixtures.tiny_pipeline import Tiny
from tests.serving import live, small

IDS = [records.request_id() for _ in range(4)]
KEPT = {
    "answered_share": 1.0,
    "longest_gap_seconds": 0.4,
    "answers_of_no_bundle": 0,
    "lost_otherwise": 0,
    "memory_megabytes_settled": 100.0,
    "memory_megabytes_end": 114.0,
    "swaps": 10,
    "kills": 20,
    "bundles_answering": 2,
}


def answer(number: int, at: float, **changes: Any) -> Answered:
    return Answered(
        **{"at": at, "seconds": 0.02, "request_id": IDS[number], "bundle": "a", "expected": True} | changes
    )


def test_answers_gaps_and_what_no_log_has_are_counted(tmp_path: Path):
    segment = SegmentWriter(tmp_path, now_ms=1)
    segment.append(records.to_line(examples.answer(request_id=IDS[0])))
    segment.close()
    seen = Seen(
        [answer(1, 104.5), answer(0, 101.0), answer(2, 100.2), answer(3, 100.0, bundle="b", expected=False)],
        broken=3,
        lost=1,
        refused=5,
    )
    happened = Happened(
        kills=[105.0], back_seconds=[2.04], megabytes=[(second, 100.0 + second) for second in range(11)]
    )
    measured = promises.numbers(seen, happened, tmp_path)
    assert (measured["requests"], measured["answered_share"]) == (10, 0.4)
    assert measured["longest_gap_seconds"] == 3.5
    assert (measured["answers_of_no_bundle"], measured["bundles_answering"]) == (1, 2)
    # 104.5 is in the second before the kill; 100.2 and 100.0 are not.
    assert (measured["logged_answers"], measured["lost_in_last_second"], measured["lost_otherwise"]) == (
        1,
        1,
        2,
    )
    assert (measured["memory_megabytes_settled"], measured["memory_megabytes_end"]) == (103.0, 110.0)


def test_promises_that_were_kept_are_not_called_broken():
    assert promises.broken(KEPT, 10, 20) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"answered_share": 0.998}, "99.800% of requests were answered, not 99.9%"),
        ({"longest_gap_seconds": 1.2}, "for 1.2 s nothing was answered"),
        ({"answers_of_no_bundle": 1}, "1 answers are not those of the bundle they name"),
        ({"lost_otherwise": 2}, "2 answers are in no log"),
        ({"memory_megabytes_end": 116.0}, "memory grew from 100.0 to 116.0 MB"),
        ({"kills": 19}, "10 swaps and 19 kills happened, not 10 and 20"),
        ({"bundles_answering": 1}, "one bundle answered throughout"),
    ],
)
def test_a_promise_that_was_not_kept_is_named(changes: dict[str, Any], words: str):
    (said,) = promises.broken(KEPT | changes, 10, 20)
    assert said.startswith(words)


class Moody(BaseHTTPRequestHandler):
    """Breaks every third connection attempt, then answers as asked to."""

    protocol_version = "HTTP/1.1"
    turns = iter(range(10**9))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if next(self.turns) % 3 == 0:
            self.close_connection = True
            return
        content = json.dumps({"request_id": "x", "model": "a", "recommendations": body["answer"]}).encode()
        self.send_response(body["status"])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer((HOST, 0), Moody)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def probe(status: int, answered: int) -> Probe:
    return Probe(json.dumps({"status": status, "answer": [answered]}).encode(), {"a": [1]})


def test_visitors_ask_twice_and_count_what_broke_what_was_refused_and_what_was_not_as_expected(
    port: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(visitors, "PAUSE_SECONDS", 0.005)
    with Visitors(port, [probe(200, 1), probe(200, 2), probe(503, 1)]) as asking:
        time.sleep(0.4)
    seen = asking.seen()
    assert seen.broken > 0
    assert seen.refused > 0
    assert {one.expected for one in seen.answered} == {True, False}
    assert seen.requests == len(seen.answered) + seen.refused + seen.lost


def test_a_short_soak_of_the_tiny_bundle_keeps_every_promise(tiny: Tiny, tmp_path: Path):
    repository, scratch = tmp_path / "repository", tmp_path / "scratch"
    for folder in (repository, scratch):
        folder.mkdir()
    live.lay_out(repository, tiny)
    serving = small.SERVING.model_copy(update={"watch_seconds": 0.5, "max_in_flight": 64})
    live.write_bundle(tiny, repository / paths.BUNDLE, serving=serving)
    plan = argparse.Namespace(minutes=0.2, swaps=2, kills=1)
    seen, happened = soak.soak(repository, scratch, plan, 1, logging.getLogger("soak"))
    measured = promises.numbers(seen, happened, scratch / paths.EVENTS.segments)
    assert promises.broken(measured, plan.swaps, plan.kills) == []
    assert measured["requests"] > 100
    soak.draw(seen, happened, tmp_path / "soak.png")
    assert (tmp_path / "soak.png").read_bytes().startswith(b"\x89PNG")
