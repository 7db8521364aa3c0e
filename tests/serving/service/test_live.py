"""A live `bentoml serve` on the tiny bundle, over HTTP."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from marquee.pipeline import paths
from marquee.serving.recommender.bundle import Packaged
from marquee.serving.service.answers import Answers
from marquee.serving.service.guard.token import TOKEN
from marquee.serving.service.schemas import RecommendRequest
from tests import canary
from tests.fixtures.tiny_pipeline import NOW, VALUES, Tiny
from tests.places import ROOT
from tests.serving import live, small
from tests.serving.live import Live


def test_the_live_service_answers_exactly_what_the_recommender_does(tiny: Tiny, server: str):
    history = [{"movie_id": 10 * row + 5, "rating": 4.5, "timestamp": 10**6 * row} for row in range(1, 30)]
    # The last movie is far ahead of any clock: the moment of asking is then the second after it.
    history.append({"movie_id": 5, "rating": 1.0, "timestamp": 4_000_000_000})
    body = {"history": [*history, {"movie_id": 1, "rating": 5, "timestamp": 7}], "k": 20}
    answered = httpx.post(f"{server}/recommend", json=body, timeout=20)
    expected = Answers(Packaged(tiny.bundle, VALUES, answered.json()["model"])).recommend(
        RecommendRequest.model_validate(body), NOW
    )
    assert answered.status_code == 200
    assert answered.json()["milliseconds"] > 0
    own = {"milliseconds": 0, "request_id": None}
    assert answered.json() | own == json.loads(expected.model_dump_json()) | own
    assert answered.json()["request_id"] == answered.headers["X-Request-Id"]
    assert len(answered.json()["recommendations"]) == 20
    assert answered.json()["unknown_movie_ids"] == [1]
    assert len(answered.json()["model"]) == 64


def test_a_live_service_has_its_page_its_metrics_and_its_feedback_file(server: str, root: Path):
    assert "<html" in httpx.get(server, follow_redirects=True).text
    httpx.get(f"{server}/movies/5")
    counted = httpx.get(f"{server}/metrics").text
    assert 'marquee_requests_total{code="200",endpoint="/movies/{movie_id}"}' in counted
    answered = httpx.post(f"{server}/feedback", json={"movie_id": 5, "event": "shown", "visitor_id": "live"})
    (recorded,) = small.recorded(root / paths.EVENTS.segments, "feedback", visitor_id="live")
    assert (recorded.movie_id, recorded.request_id) == (5, answered.headers["X-Request-Id"])
    assert httpx.get(f"{server}/readyz").json()["events"] == "writing"


def test_no_secret_of_the_environment_is_in_the_log_an_event_or_an_answer(service: Live):
    answers = [httpx.get(f"{service.address}{path}").text for path in ("/readyz", "/metrics", "/model")]
    answers += [httpx.post(f"{service.address}/recommend", json={"history": "none"}).text]
    assert all(answers)
    assert canary.CANARY not in "".join(answers)
    assert "Starting production HTTP BentoServer" in service.said()
    assert canary.found_in(service.root) == []


def test_a_corrupted_bundle_ends_bentoml_serve_at_once_with_the_reason(
    server: str, root: Path, tmp_path: Path
):
    for name in live.LINKED:
        (tmp_path / name).symlink_to(root / name)
    shutil.copytree(root / paths.BUNDLE, tmp_path / paths.BUNDLE)
    with (tmp_path / paths.BUNDLE / "dcn.tflite").open("ab") as file:
        file.write(b"x")
    environment = os.environ | {"BENTOML_HOME": str(tmp_path / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}
    environment |= {TOKEN: canary.CANARY, **canary.CLOUD}
    command = [sys.executable, "-m", "bentoml", "serve", "--port", "0"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "dcn.tflite is corrupted: its SHA-256 is" in done.stderr
    assert "Run `dvc repro package_service`." in done.stderr
    assert canary.CANARY not in done.stdout + done.stderr


BROKEN_WORKER = """
import os, sys
if any("worker.service" in word for word in sys.orig_argv):
    os._exit(5)
"""
"""Python runs it first in every process whose path has it."""


def test_a_service_whose_workers_cannot_start_ends_with_an_error(server: str, root: Path, tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(BROKEN_WORKER)
    own = {"BENTOML_HOME": str(tmp_path / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}
    environment = os.environ | own | {"PYTHONPATH": str(tmp_path), "MARQUEE_EVENTS": str(tmp_path / "events")}
    command = [sys.executable, "-m", "bentoml", "serve", "--host", "127.0.0.1", "--port", "0"]
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "died before it could answer (exit code 5); another one starts" in said
    assert "the service cannot start: 4 workers in a row died before they could answer" in said


def test_one_id_is_in_the_answer_its_header_and_its_record_of_every_kind(server: str, root: Path):
    history = [{"movie_id": 25, "rating": 4.5}]
    asked = {
        "recommend": {"history": history, "k": 5, "explore_seed": 3},
        "similar": {"movie_id": 25, "k": 5},
        "predict_ratings": {"history": history, "movie_ids": [35, 45]},
    }
    segments = root / paths.EVENTS.segments
    for kind, body in asked.items():
        answered = httpx.post(f"{server}/{kind}", json=body | {"visitor_id": kind})
        (record,) = small.recorded(segments, kind, visitor_id=kind)
        assert record.request_id == answered.json()["request_id"] == answered.headers["X-Request-Id"]
        assert (record.bundle, record.arm) == (answered.json()["model"], "champion")
        assert {name: record.request[name] for name in body} == _in_full(body)
        assert "total" in record.steps
    (recommended,) = small.recorded(segments, "recommend", visitor_id="recommend")
    assert set(recommended.steps) == {"sources", "filter", "rank", "order", "total"}


def _in_full(body: dict[str, Any]) -> dict[str, Any]:
    rated = [one | {"timestamp": None} for one in body.get("history", ())]
    return body | ({"history": rated} if rated else {})


def test_a_killed_worker_is_told_of_and_another_answers(service: Live):
    killed = service.workers()[0]
    before = {worker.pid for worker in service.workers()}
    killed.kill()
    statuses = []
    end = time.monotonic() + 60  # three seconds on a machine that does nothing else
    while time.monotonic() < end and not {worker.pid for worker in service.workers()} - before:
        with contextlib.suppress(httpx.TransportError):  # it was the killed one's
            statuses.append(httpx.get(f"{service.address}/movies/5", timeout=5).status_code)
    assert f"worker {killed.pid} died (killed by signal 9); another one starts" in service.said()
    assert len(service.workers()) == len(before) == 2
    assert set(statuses) == {200}


DOCUMENTED = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")


def test_the_python_client_of_the_documentation_works(server: str, capsys: pytest.CaptureFixture[str]):
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENTED, flags=re.DOTALL)
    exec(example.replace("http://localhost:3000", server), {})
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 8
    assert re.fullmatch(r"Amélie \d+ \(\d{4}\): \d\.\d stars(, because of Amélie \d+)?", printed[0])


def test_every_curl_line_of_the_documentation_is_answered(server: str):
    asked = re.findall(
        r"^curl -s '?localhost:3000(/[^\s']*)'?(?:[^\n]* -d '(.*?)')?$", DOCUMENTED, re.M | re.S
    )
    assert [path.partition("?")[0] for path, _ in asked] == [
        "/recommend",
        "/predict_ratings",
        "/movies",
        "/model",
    ]
    for path, body in asked:
        answered = httpx.post(server + path, json=json.loads(body)) if body else httpx.get(server + path)
        assert answered.status_code == 200


def test_the_bentoml_client_works(server: str, root: Path):
    ask = (
        f"import bentoml; client = bentoml.SyncHTTPClient({server!r});"
        "print(len(client.recommend({'history': [{'movie_id': 5, 'rating': 5}], 'k': 2})['recommendations']))"
    )
    environment = os.environ | {"BENTOML_HOME": str(root / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}
    # In a process of its own: the client leaves a temporary folder to Python's end, which is a warning.
    done = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.strip() == "2"
