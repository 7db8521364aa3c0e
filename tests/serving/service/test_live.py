"""A live `bentoml serve` on the tiny bundle, over HTTP."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from marquee.pipeline import paths
from marquee.serving.packaging import contents
from marquee.serving.recommender import bundle_files, manifest
from marquee.serving.recommender.bundle import Packaged
from marquee.serving.service.answers import Answers
from marquee.serving.service.schemas import RecommendRequest
from tests.fixtures.tiny_pipeline import NOW, VALUES, Tiny
from tests.places import ROOT
from tests.serving import small
from tests.serving.small import SERVING

LINKED = ("bentofile.yaml", "marquee")
"""What `bentoml serve` runs from the root, beside the bundle."""
READY_SECONDS = 60


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live")


@pytest.fixture(scope="module")
def server(tiny: Tiny, root: Path) -> Iterator[str]:
    """The address of `bentoml serve`, started in a folder laid out as the repository is."""
    for name in LINKED:
        (root / name).symlink_to(tiny.root / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tiny.root)
        parts = bundle_files.parts_of_pipeline(additions=True)
        files = contents.collect(parts, VALUES, SERVING) | contents.of_card(small.card())
        manifest.write(files, root / paths.BUNDLE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"BENTOML_HOME": str(root / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}
    command = [sys.executable, "-m", "bentoml", "serve", "--host", "127.0.0.1", "--port", str(port)]
    log = root / "serve.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=output, stderr=output)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(address, process, log)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)
        shutil.rmtree(root / "bentoml", ignore_errors=True)


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"The service was not ready within {READY_SECONDS} s:\n{log.read_text()}")


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
    (recorded,) = [
        record
        for record in small.recorded(root / paths.EVENTS.segments, "feedback")
        if record.visitor_id == "live"
    ]
    assert (recorded.movie_id, recorded.request_id) == (5, answered.headers["X-Request-Id"])
    assert httpx.get(f"{server}/readyz").json()["events"] == "writing"


def test_a_corrupted_bundle_ends_bentoml_serve_at_once_with_the_reason(
    server: str, root: Path, tmp_path: Path
):
    for name in LINKED:
        (tmp_path / name).symlink_to(root / name)
    shutil.copytree(root / paths.BUNDLE, tmp_path / paths.BUNDLE)
    with (tmp_path / paths.BUNDLE / "dcn.tflite").open("ab") as file:
        file.write(b"x")
    environment = os.environ | {"BENTOML_HOME": str(tmp_path / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}
    command = [sys.executable, "-m", "bentoml", "serve", "--port", "0"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "dcn.tflite is corrupted: its SHA-256 is" in done.stderr
    assert "Run `dvc repro package_service`." in done.stderr


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
