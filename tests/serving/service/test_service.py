"""The whole service in process, over a bundle made by hand."""

import asyncio
import json
import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from marquee.serving.recommender import bundle, manifest
from marquee.serving.service import deployment, first_titles, service
from marquee.serving.service.answers import Answers
from tests.serving import small
from tests.serving.service.guard.limited import JSON_HEADERS
from tests.serving.small import MOVIES, NOW, SERVING, id_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def ask(folder: Path) -> Iterator[TestClient]:
    with small.application(folder) as app, TestClient(app, follow_redirects=False) as opened:
        yield opened


# ---- what is answered -------------------------------------------------------------------------------------


def test_a_recommendation_says_what_why_and_by_which_model(ask: TestClient):
    answered = ask.post("/recommend", json={"history": [{"movie_id": 5, "rating": 5}], "k": 3})
    assert answered.status_code == 200
    assert set(answered.json()) == {
        "recommendations",
        "unknown_movie_ids",
        "model",
        "request_id",
        "milliseconds",
    }
    assert [set(movie) for movie in answered.json()["recommendations"]] == [
        {
            "movie_id",
            "title",
            "year",
            "genres",
            "score",
            "predicted_rating",
            "source",
            "because",
            "propensity",
            "explanation",
        }
    ] * 3


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/similar", {"movie_id": 5, "k": 2}, "similar"),
        ("/predict_ratings", {"history": [], "movie_ids": [5, 15]}, "predictions"),
    ],
)
def test_other_questions_are_answered_too(ask: TestClient, path: str, body: Any, field: str):
    answered = ask.post(path, json=body)
    assert answered.status_code == 200
    assert len(answered.json()[field]) == 2


def test_movies_are_searched_and_looked_up(ask: TestClient):
    (found,) = ask.get("/movies", params={"title": "AMELIE", "k": 5}).json()["movies"]
    details = ask.get(f"/movies/{found['movie_id']}").json()
    assert {key: details[key] for key in found} == found
    assert (details["language"], details["ratings"]) == ("fr", 59)


def test_a_browser_asks_whether_the_page_is_still_the_same(ask: TestClient):
    page = ask.get("/ui/")
    assert page.headers["cache-control"] == "no-cache"
    assert ask.get("/ui/", headers={"If-None-Match": page.headers["etag"]}).status_code == 304


def test_the_model_card_names_the_bundle_and_what_the_filters_know(ask: TestClient):
    answered = ask.get("/model").json()
    assert answered["model"] == small.HASH
    assert answered["num_movies"] == MOVIES
    assert answered["genres"] == ["Action", "Comedy", "Drama", "Romance", "Sci-Fi"]
    assert answered["languages"] == ["en", "fr"]
    assert answered["years"] == {"first": 1954, "last": 2009}
    asked = [movie["movie_id"] for movie in answered["first_titles"]]
    assert len(asked) == len(set(asked)) == first_titles.ASKED
    assert ask.get(f"/movies/{asked[0]}").json()["title"] == answered["first_titles"][0]["title"]
    assert answered["data"]["licences"][0]["licence"] == "MIT"


def test_feedback_is_recorded_once_it_was_valid(ask: TestClient, folder: Path):
    said = {"movie_id": 5, "event": "rated", "rating": 4.5, "visitor_id": "a\nb", "place": 2}
    before = time.time()
    answered = ask.post("/feedback", json=said)
    assert answered.json() == {"recorded": True}
    assert ask.post("/feedback", json={"movie_id": 6, "event": "shown"}).status_code == 404
    (recorded,) = small.recorded(folder, "feedback")
    assert before - 0.001 <= recorded.time <= time.time()
    assert {name: getattr(recorded, name) for name in said} == said
    assert (recorded.bundle, recorded.answer_id) == (small.HASH, None)
    assert recorded.request_id == answered.headers["X-Request-Id"]


def test_concurrent_requests_get_the_answers_that_sequential_ones_get(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    # All in one second: the moment of asking is part of a question without timestamps.
    monkeypatch.setattr(service, "time", SimpleNamespace(time=lambda: NOW))
    bodies = [
        {
            "history": [
                {"movie_id": id_of(row), "rating": 0.5 + row % 10 / 2} for row in range(start, start + size)
            ]
        }
        for start in range(8)
        for size in (0, 1, 7, 40)
    ]
    roomy = SERVING.model_copy(update={"max_in_flight": len(bodies)})

    async def both() -> tuple[list[Any], list[Any]]:
        with small.application(folder, roomy) as app:
            transport = httpx.ASGITransport(app)
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=transport, base_url="http://test") as client,
            ):
                alone = [await client.post("/recommend", json=body) for body in bodies]
                together = await asyncio.gather(*(client.post("/recommend", json=body) for body in bodies))
        return [answer_of(one) for one in alone], [answer_of(one) for one in together]

    sequential, concurrent = asyncio.run(both())
    assert concurrent == sequential
    assert len({json.dumps(answer) for answer in sequential}) > 20


def answer_of(response: httpx.Response) -> Any:
    assert response.status_code == 200
    own = ("milliseconds", "request_id")
    return {key: value for key, value in response.json().items() if key not in own}


# ---- what is refused --------------------------------------------------------------------------------------

RATED = {"movie_id": 5, "rating": 4}


@pytest.mark.parametrize(
    ("path", "body", "field", "rule"),
    [
        ("/recommend", {"history": [{"movie_id": 5, "rating": 7.5}]}, ["history", 0, "rating"], "equal to 5"),
        ("/recommend", {"history": [{"movie_id": "5", "rating": 4}]}, ["history", 0, "movie_id"], "integer"),
        ("/recommend", {"history": [], "k": 1000}, ["k"], "less than or equal to 100"),
        ("/recommend", {"history": [], "k": True}, ["k"], "valid integer"),
        ("/recommend", {"k": 3}, ["history"], "Field required"),
        ("/recommend", {"history": [], "genre": "Drama"}, ["genre"], "not permitted"),
        ("/recommend", {"history": [], "genres": ["Jazz"]}, ["genres", 0], "must be one of Action, Comedy"),
        ("/recommend", {"history": [], "languages": ["xx"]}, ["languages", 0], "must be one of en, fr"),
        ("/recommend", {"history": [], "years": {"first": 1999, "last": 1990}}, ["years"], "at most last"),
        ("/recommend", {"history": [RATED | {"timestamp": 16 * 10**11}]}, ["history", 0, "timestamp"], "410"),
        ("/recommend", {"history": [RATED | {"timestamp": 9}, RATED]}, ["history"], "1 of 2 have one"),
        ("/recommend", [], [], "object"),
        ("/recommend", b"{not json", [], "Invalid JSON"),
        ("/recommend", b'{"history": [{"movie_id": 5, "rating": NaN}]}', ["history", 0, "rating"], "finite"),
        ("/similar", {"movie_id": 5, "years": {"since": 1990}}, ["years", "since"], "not permitted"),
        ("/predict_ratings", {"history": [], "movie_ids": []}, ["movie_ids"], "at least 1 item"),
        ("/feedback", {"movie_id": 5, "event": "rated"}, ["rating"], "only there; received None with rated"),
        ("/feedback", {"movie_id": 5, "event": "shown", "rating": 4}, ["rating"], "received 4.0 with shown"),
        ("/feedback", {"movie_id": 5, "event": "liked"}, ["event"], "'rated' or 'dismissed'"),
        ("/feedback", {"movie_id": 5, "event": "shown", "answer_id": "x"}, ["answer_id"], "match pattern"),
    ],
)  # fmt: skip
def test_an_invalid_body_is_a_400_that_names_field_and_rule(
    ask: TestClient, path: str, body: Any, field: list[str | int], rule: str
):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answered = ask.post(path, content=content, headers=JSON_HEADERS)
    assert answered.status_code == 400
    (problem,) = answered.json()["detail"]
    assert set(problem) == {"loc", "msg"}
    assert problem["loc"] == field
    assert rule in problem["msg"]


@pytest.mark.parametrize(
    ("method", "path", "status", "field"),
    [
        ("GET", "/movies", 400, ["title"]),
        ("GET", "/movies?title=x&k=0", 400, ["k"]),
        ("GET", "/movies?title=x&page=2", 400, ["page"]),
        ("GET", "/movies/6", 404, ["movie_id"]),
        ("GET", "/movies/the-matrix", 404, ["movie_id"]),
        ("GET", f"/movies/{'9' * 5000}", 404, ["movie_id"]),
        ("GET", "/nothing", 404, []),
        ("GET", "/ui/nothing.js", 404, []),
        ("GET", "/recommend", 405, []),
        ("PUT", "/model", 405, []),
    ],
)
def test_whatever_is_refused_is_refused_in_one_shape(
    ask: TestClient, method: str, path: str, status: int, field: list[str]
):
    answered = ask.request(method, path)
    assert answered.status_code == status
    (problem,) = answered.json()["detail"]
    assert problem["loc"] == field
    assert problem["msg"]


def test_the_callers_mistakes_do_not_fill_the_log(ask: TestClient, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        assert ask.post("/recommend", json={}).status_code == 400
        assert ask.post("/similar", json={"movie_id": 6}).status_code == 404
    assert caplog.records == []


def test_a_failure_of_the_service_is_logged(
    ask: TestClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Answers, "similar", lambda *_: 1 / 0)
    with caplog.at_level(logging.ERROR):
        assert ask.post("/similar", json={"movie_id": 5}).status_code == 500
    assert "ZeroDivisionError" in caplog.text


# ---- around it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/ui"])
def test_the_root_leads_to_the_page_at_an_address_that_any_prefix_keeps(ask: TestClient, path: str):
    answered = ask.get(path)
    assert (answered.status_code, answered.headers["location"]) == (307, "ui/")
    assert ask.get("/ui/").headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/ui/", "/docs"])
def test_nothing_loads_from_another_host(ask: TestClient, path: str):
    page = ask.get(path).text
    loaded = re.findall(r"""(?:src|href|url)\s*[=:(]\s*["']?([^"')\s>]+)""", page)
    assert loaded
    assert [address for address in loaded if re.match(r"(https?:)?//", address)] == []
    assert "googletagmanager" not in page


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz", "/metrics", "/docs.json", "/schema.json"])
def test_health_metrics_and_documents_are_there(ask: TestClient, path: str):
    assert ask.get(path).status_code == 200


def test_requests_are_counted_by_endpoint(ask: TestClient):
    line = 'marquee_requests_total{code="200",endpoint="/movies/{movie_id}"} '
    ask.get("/movies/5")
    before = float(ask.get("/metrics").text.partition(line)[2].partition("\n")[0])
    ask.get("/movies/15")
    assert f"{line}{before + 1}" in ask.get("/metrics").text


def test_what_the_limits_refuse_is_counted_too(ask: TestClient):
    def counted(code: int) -> float:
        line = f'marquee_requests_total{{code="{code}",endpoint="/recommend"}} '
        return float(ask.get("/metrics").text.partition(line)[2].partition("\n")[0] or 0)

    before = {code: counted(code) for code in (400, 413, 415)}
    ask.post("/recommend", json={})
    ask.post("/recommend", content=b" " * 100_001, headers=JSON_HEADERS)
    ask.post("/recommend", content=b"{}", headers={"Content-Type": "text/plain"})
    assert {code: counted(code) for code in before} == {code: value + 1 for code, value in before.items()}


def test_a_body_above_the_limit_is_refused(ask: TestClient):
    assert ask.post("/recommend", content=b" " * 100_001, headers=JSON_HEADERS).status_code == 413


def test_a_bundle_that_is_not_there_keeps_the_service_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(service, "ROOT", tmp_path)
    monkeypatch.setattr(deployment, "open_packaged", bundle.open_packaged)
    with (
        pytest.raises(manifest.BundleError, match=r"There is no bundle: .*Run `dvc repro package_service`"),
        TestClient(service.Marquee.to_asgi()),
    ):
        pass
