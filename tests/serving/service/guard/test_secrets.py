"""The token goes into no log line, event, answer or error, whatever is asked and whatever goes wrong."""

import base64
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from marquee.serving.service import service
from marquee.serving.service.guard import token
from tests import canary
from tests.canary import CANARY
from tests.serving import small
from tests.serving.small import id_of

BASIC = base64.b64encode(f"somebody:{CANARY}".encode()).decode()
RIGHT = {"Authorization": f"Bearer {CANARY}"}


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The service with the canary for its token, and as a secret of a cloud."""
    for name, value in {token.TOKEN: CANARY, **canary.CLOUD}.items():
        monkeypatch.setenv(name, value)
    with small.application(tmp_path) as app, TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that any logger says, down to what is for debugging."""
    caplog.set_level(logging.DEBUG)
    return caplog


def use(ask: TestClient) -> list[int]:
    """Ask with the token in all its forms, right, wrong and where it does not belong; the answers' status."""
    history = {"history": [{"movie_id": id_of(0), "rating": 5.0}], "k": 3}
    feedback = {"movie_id": id_of(0), "event": "shown", "visitor_id": "a visitor"}
    answers = [
        ask.post("/recommend", json=history, headers=RIGHT),
        ask.post("/feedback", json=feedback, headers={"Authorization": f"Basic {BASIC}"}),
        ask.post("/recommend", json=history | {"k": 0}, headers=RIGHT),
        ask.get("/not/here", headers=RIGHT),
        ask.post("/recommend", json=history, headers={"Authorization": f"Bearer {CANARY}x"}),
        ask.post("/recommend", json=history, headers={"Authorization": f"Digest {CANARY}"}),
        *(ask.get(path, headers=RIGHT) for path in ("/model", "/readyz", "/metrics", "/docs.json", "/ui/")),
    ]
    for answer in answers:
        assert CANARY not in answer.text
        assert BASIC not in answer.text
        assert CANARY not in str(answer.headers)
    return [answer.status_code for answer in answers]


def test_asking_leaves_the_token_nowhere(
    ask: TestClient, tmp_path: Path, said: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    assert use(ask) == [200, 200, 400, 404, 401, 401, 200, 200, 200, 200, 200]
    assert [event.movie_id for event in small.recorded(tmp_path, "feedback", visitor_id="a visitor")]
    assert canary.found_in(tmp_path) == []
    printed = said.text + "".join(capfd.readouterr())
    assert CANARY not in printed
    assert BASIC not in printed


def test_a_failure_is_logged_with_its_traceback_and_without_the_token(
    ask: TestClient, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
):
    def fail(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(service.Marquee.inner, "_recommend", fail)
    answered = ask.post("/recommend", json={"history": [], "k": 3}, headers=RIGHT)
    assert answered.status_code == 500
    assert "broken on purpose" in said.text
    assert "Traceback" in said.text
    assert CANARY not in said.text + answered.text


def test_a_token_that_is_too_short_is_refused_by_its_length_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(token.TOKEN, CANARY[: token.SHORTEST - 1])
    with pytest.raises(ValueError, match=r"must have at least 16 characters; it has 15\.") as error:
        token.of_environment()
    assert CANARY[: token.SHORTEST - 1] not in str(error.value)
