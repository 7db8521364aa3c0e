"""A live `bentoml serve` on the tiny bundle, over HTTP."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages import paths
from stages.serving import bundle, package
from stages.serving.answers import Answers
from stages.serving.bundle import Packaged
from stages.serving.schemas import RecommendRequest
from tests.serving.conftest import NOW, VALUES, Tiny

READY_SECONDS = 25


@pytest.fixture(scope="module")
def server(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `bentoml serve`, started in a folder laid out as the repository is."""
    root = tmp_path_factory.mktemp("served")
    for name in ("bentofile.yaml", "stages"):
        (root / name).symlink_to(tiny.root / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tiny.root)
        bundle.write(package.collect(VALUES), root / paths.BUNDLE)
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


def post(address: str, body: Any) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{address}/recommend", data=data, headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_the_live_service_answers_exactly_what_the_recommender_does(tiny: Tiny, server: str):
    history = [{"movie_id": 10 * row + 5, "rating": 4.5, "timestamp": 10**6 * row} for row in range(1, 30)]
    # The last movie is far ahead of any clock: the moment of asking is then the second after it.
    history.append({"movie_id": 5, "rating": 1.0, "timestamp": 4_000_000_000})
    body = {"history": [*history, {"movie_id": 1, "rating": 5, "timestamp": 7}], "k": 20}
    status, answered = post(server, body)
    expected = Answers(Packaged(tiny.bundle, VALUES, answered["model"])).recommend(
        RecommendRequest.model_validate(body), NOW
    )
    assert status == 200
    assert answered == json.loads(expected.model_dump_json())
    assert len(answered["recommendations"]) == 20
    assert answered["unknown_movie_ids"] == [1]
    assert len(answered["model"]) == 64


def test_an_empty_history_is_answered_with_titles(server: str):
    status, answered = post(server, {"history": [], "k": 3})
    assert status == 200
    assert [set(movie) for movie in answered["recommendations"]] == [
        {"movie_id", "title", "year", "genres", "score", "predicted_rating"}
    ] * 3
    assert answered["recommendations"][0]["title"].startswith("Amélie")


@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        ({"history": [{"movie_id": 5, "rating": 7.5}]}, ["history", 0, "rating"], "less than or equal to 5"),
        ({"history": [{"movie_id": "5", "rating": 4}]}, ["history", 0, "movie_id"], "valid integer"),
        ({"history": [], "k": 1000}, ["k"], "less than or equal to 100"),
        ({"k": 3}, ["history"], "Field required"),
        ({"history": [], "genre": "Drama"}, ["genre"], "not permitted"),
        ({"history": [{"movie_id": 5, "rating": 4, "timestamp": 1_600_000_000_000}]},
         ["history", 0, "timestamp"], "less than or equal to 4102444800"),
        ({"history": [{"movie_id": 5, "rating": 4, "timestamp": 9}, {"movie_id": 5, "rating": 4}]},
         [], "history: give every movie a timestamp or none; 1 of 2 have one"),
        ([], [], "object"),
        (b"{not json", [], "Invalid JSON"),
    ],
)  # fmt: skip
def test_an_invalid_body_is_a_400_that_names_field_and_rule(
    server: str, body: Any, field: list[str | int], rule: str
):
    status, answered = post(server, body)
    assert status == 400
    assert answered["detail"][0]["loc"] == field
    assert rule in answered["detail"][0]["msg"]


def test_a_clock_behind_the_history_is_put_after_it(tiny: Tiny):
    service = Answers(Packaged(tiny.bundle, VALUES, "hash"))
    request = RecommendRequest.model_validate(
        {"history": [{"movie_id": 5, "rating": 4, "timestamp": NOW}], "k": 3}
    )
    assert service.recommend(request, NOW - 100) == service.recommend(request, NOW + 1)
    assert service.recommend(request, NOW + 10**8) != service.recommend(request, NOW + 1)


def test_a_movie_without_a_year_has_none(tiny: Tiny):
    service = Answers(Packaged(tiny.bundle, VALUES, "hash"))
    everything_else = [{"movie_id": 10 * row + 5, "rating": 4} for row in range(1, 1200)]
    request = RecommendRequest.model_validate({"history": everything_else})
    (movie,) = service.recommend(request, NOW).recommendations
    assert (movie.movie_id, movie.year) == (5, None)
