"""The whole app, asked by a browser that is led astray and by who knows no token."""

import base64
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from marquee.serving.service import service
from marquee.serving.service.guard import token
from marquee.serving.service.guard.security_headers import POLICY
from tests.serving import small
from tests.serving.small import SERVING, id_of

SECRET = "0123456789abcdef"


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with small.application(tmp_path_factory.mktemp("guarded")) as app, TestClient(app) as opened:
        yield opened


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The service with a token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(token.TOKEN, SECRET)
        with small.application(tmp_path_factory.mktemp("token")) as app, TestClient(app) as opened:
            yield opened


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/ui/", 200),
        ("GET", "/", 307),
        ("GET", "/docs", 200),
        ("GET", "/docs.json", 200),
        ("GET", "/movies/5", 200),
        ("GET", "/movies/6", 404),
        ("GET", "/not/here", 404),
        ("PUT", "/recommend", 405),
        ("POST", "/recommend", 415),
        ("GET", "/static_content/swagger-ui.css", 200),
        ("GET", "/livez", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
    ],
)
def test_every_response_tells_a_browser_what_it_may_do(ask: TestClient, method: str, path: str, status: int):
    answered = ask.request(method, path, follow_redirects=False)
    assert answered.status_code == status
    assert answered.headers["content-security-policy"] == POLICY
    assert answered.headers["x-frame-options"] == "DENY"
    assert answered.headers["x-content-type-options"] == "nosniff"
    assert answered.headers["referrer-policy"] == "no-referrer"
    if status == 405:
        assert "POST" in answered.headers["allow"]


def test_the_policy_lets_no_script_within_html_run_and_no_frame_hold_a_page(ask: TestClient):
    assert "unsafe" not in POLICY
    assert "frame-ancestors 'none'" in POLICY
    for path in ("/ui/", "/docs"):
        assert "<script>" not in ask.get(path).text
        assert "style=" not in ask.get(path).text


@pytest.mark.parametrize(
    "path", ["/movies/5/", "/movies/", "/model/", "/docs/", "/recommend/", "/livez/", "/static_content"]
)
def test_no_address_leads_to_a_host_that_the_caller_names(ask: TestClient, path: str):
    for method in ("GET", "POST"):
        answered = ask.request(method, path, headers={"Host": "evil.test"}, json={}, follow_redirects=False)
        assert answered.status_code == 404
        assert "evil.test" not in str(answered.headers) + answered.text


def test_a_key_that_comes_twice_is_refused_by_name(ask: TestClient):
    body = b'{"history": [], "k": 3, "k": 5}'
    answered = ask.post("/recommend", content=body, headers={"Content-Type": "application/json"})
    assert answered.status_code == 400
    assert answered.json() == {
        "detail": [{"loc": ["k"], "msg": "the key comes twice in one object; give it once"}]
    }


def test_a_parameter_that_comes_twice_is_refused_by_name(ask: TestClient):
    answered = ask.get("/movies?title=a&title=b")
    assert answered.status_code == 400
    assert answered.json() == {"detail": [{"loc": ["title"], "msg": "it comes twice; give it once"}]}


def test_readiness_says_how_busy_a_worker_is_and_no_where_it_is_stuck(
    ask: TestClient, monkeypatch: pytest.MonkeyPatch
):
    ready = ask.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    assert ready.json()["load"] == {"answering": 0, "reading": 0}
    monkeypatch.setattr(service.LOAD, "answering", SERVING.max_in_flight)
    monkeypatch.setattr(service.LOAD, "answered_at", 0.0)
    stuck = ask.get("/readyz")
    assert (stuck.status_code, stuck.json()["ready"]) == (503, False)


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


@pytest.mark.parametrize("authorization", [f"Bearer {SECRET}", f"bearer {SECRET}", basic(SECRET)])
def test_who_knows_the_token_is_answered(guarded: TestClient, authorization: str):
    answered = guarded.get(f"/movies/{id_of(0)}", headers={"Authorization": authorization})
    assert answered.status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        f"Bearer {SECRET}x",
        f"Bearer {SECRET[:-1]}",
        SECRET,
        basic("wrong"),
        "Basic ?",
        "Bearer é",
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/ui/"), ("POST", "/feedback"), ("GET", "/metrics")])
def test_who_does_not_is_refused_with_401(
    guarded: TestClient, authorization: str | None, method: str, path: str
):
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    answered = guarded.request(method, path, headers=headers)
    assert answered.status_code == 401
    assert answered.headers["www-authenticate"] == token.CHALLENGE
    assert answered.headers["x-content-type-options"] == "nosniff"
    assert answered.json()["detail"] == [
        {"loc": [], "msg": "send the service's token: Authorization: Bearer ..."}
    ]


def test_a_token_given_twice_is_none(guarded: TestClient):
    headers = [("Authorization", f"Bearer {SECRET}"), ("Authorization", "Bearer x")]
    assert guarded.get("/model", headers=headers).status_code == 401


@pytest.mark.parametrize("path", sorted(token.OPEN))
def test_health_needs_no_token(guarded: TestClient, path: str):
    assert guarded.get(path).status_code == 200


@pytest.mark.parametrize("short", ["", "secret"])
def test_a_token_that_could_be_guessed_keeps_the_service_from_starting(
    monkeypatch: pytest.MonkeyPatch, short: str
):
    monkeypatch.setenv(token.TOKEN, short)
    with pytest.raises(ValueError, match=r"MARQUEE_TOKEN must have at least 16 characters; it has \d"):
        token.of_environment()
