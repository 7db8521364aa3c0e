"""A champion and a challenger side by side, over two bundles that differ in a knob."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scipy import stats
from starlette.testclient import TestClient

from marquee.pipeline import paths
from marquee.serving.service import deployment, service
from marquee.serving.service.deployment import Deployment, Folders
from marquee.serving.telemetry import series
from tests.fixtures.tiny_pipeline import VALUES, Tiny
from tests.serving import live, small
from tests.serving.service.two_bundles import OTHER, break_, hash_of

ARMS = ("champion", "challenger")
FOLDERS = (paths.BUNDLE, paths.CHALLENGER)


def serving(mode: str, share: float = 0.3) -> Any:
    challenger = small.SERVING.challenger.model_copy(update={"mode": mode, "share": share})
    return small.SERVING.model_copy(update={"challenger": challenger})


@pytest.fixture
def pair(tiny: Tiny, tmp_path: Path) -> Deployment:
    """A champion with three in ten visitors for its challenger."""
    live.write_bundle(tiny, tmp_path / paths.BUNDLE, VALUES, serving("split"))
    live.write_bundle(tiny, tmp_path / paths.CHALLENGER, OTHER)
    return Deployment(Folders(tmp_path))


def test_a_visitor_stays_with_an_arm_and_the_share_is_the_one_asked_for(pair: Deployment):
    visitors = [f"visitor {number}" for number in range(4000)]
    arms = [pair.arm_of(visitor)[0] for visitor in visitors]
    assert arms == [pair.arm_of(visitor)[0] for visitor in visitors]
    low, high = stats.binom.interval(0.999, len(visitors), 0.3)
    assert low <= arms.count("challenger") <= high
    assert {pair.arm_of(visitor)[1] for visitor in visitors} == {pair.champion, pair._opened["challenger"]}


def test_who_does_not_say_who_they_are_gets_the_champion(pair: Deployment):
    assert pair.arm_of(None) == ("champion", pair.champion)


def test_another_experiment_deals_the_visitors_anew():
    both = [
        (deployment.place_of(str(visitor), "1") < 0.5, deployment.place_of(str(visitor), "2") < 0.5)
        for visitor in range(4000)
    ]
    low, high = stats.binom.interval(0.999, len(both), 0.25)
    assert all(low <= both.count(case) <= high for case in set(both))
    assert len(set(both)) == 4


def test_without_its_folder_the_challenger_is_gone_and_everybody_gets_the_champion(
    pair: Deployment, tmp_path: Path
):
    visitor = next(str(number) for number in range(100) if pair.arm_of(str(number))[0] == "challenger")
    shutil.rmtree(tmp_path / paths.CHALLENGER)
    pair.look()
    assert pair.arm_of(visitor) == ("champion", pair.champion)
    assert set(pair.detail["bundles"]) == {"champion"}


def test_a_broken_challenger_keeps_no_champion_from_answering(tiny: Tiny, tmp_path: Path):
    live.write_bundle(tiny, tmp_path / paths.BUNDLE, VALUES, serving("split"))
    live.write_bundle(tiny, tmp_path / paths.CHALLENGER, OTHER)
    break_(tmp_path / paths.CHALLENGER)
    deployed = Deployment(Folders(tmp_path))
    deployed.look()
    assert deployed.arm_of("7") == ("champion", deployed.champion)
    assert deployed.detail["refused"] == ["challenger"]


def test_the_challengers_catalogue_is_not_taken_for_the_champions(pair: Deployment, tmp_path: Path):
    pair.coverage.observe([1, 2, 3])
    shutil.rmtree(tmp_path / paths.CHALLENGER)
    pair.look()
    assert series.SHOWN._value.get() == 3


# ---- through the service ----------------------------------------------------------------------------------


@pytest.fixture
def ask(request: pytest.FixtureRequest, tiny: Tiny, tmp_path: Path) -> Iterator[TestClient]:
    """The whole app over a champion and a challenger, in the mode of the test's parameter."""
    live.write_bundle(tiny, tmp_path / paths.BUNDLE, VALUES, serving(request.param))
    live.write_bundle(tiny, tmp_path / paths.CHALLENGER, OTHER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "ROOT", tmp_path)
        with TestClient(service.Marquee.to_asgi()) as opened:
            yield opened


def asked_by(ask: TestClient, visitor: str) -> dict[str, Any]:
    body = {"history": [{"movie_id": 15, "rating": 4.5}], "visitor_id": visitor}
    answered = ask.post("/recommend", json=body)
    assert answered.status_code == 200
    return dict(answered.json())


@pytest.mark.parametrize("ask", ["split"], indirect=True)
def test_each_arm_answers_all_of_its_visitors_questions_and_is_named_in_the_records(
    ask: TestClient, tmp_path: Path
):
    by_visitor = {str(visitor): asked_by(ask, str(visitor))["model"] for visitor in range(20)}
    bundles = {arm: hash_of(tmp_path / path) for arm, path in zip(ARMS, FOLDERS, strict=True)}
    assert set(by_visitor.values()) == set(bundles.values())
    for visitor, model in by_visitor.items():
        similar = ask.post("/similar", json={"movie_id": 15, "visitor_id": visitor}).json()
        rated = {"history": [], "movie_ids": [15], "visitor_id": visitor}
        predicted = ask.post("/predict_ratings", json=rated).json()
        assert similar["model"] == predicted["model"] == model
    for kind in ("recommend", "similar", "predict_ratings"):
        recorded = small.recorded(tmp_path / paths.EVENTS.segments, kind, 20)
        assert {record.visitor_id: record.bundle for record in recorded} == by_visitor
        assert all(bundles[record.arm] == record.bundle for record in recorded)


@pytest.mark.parametrize("ask", ["shadow"], indirect=True)
def test_the_shadows_answer_is_recorded_and_shown_to_nobody(ask: TestClient, tmp_path: Path):
    champion, shadow = (hash_of(tmp_path / path) for path in FOLDERS)
    answers = {visitor: asked_by(ask, visitor) for visitor in "abc"}
    assert {answer["model"] for answer in answers.values()} == {champion}
    recorded = small.recorded(tmp_path / paths.EVENTS.segments, "recommend", 6)
    for visitor, answer in answers.items():
        shown, hidden = sorted(
            (one for one in recorded if one.visitor_id == visitor), key=lambda one: one.arm
        )
        assert (shown.arm, shown.bundle, shown.request_id) == ("champion", champion, answer["request_id"])
        assert (hidden.arm, hidden.bundle) == ("shadow", shadow)
        assert hidden.request == shown.request
        assert hidden.results != shown.results
        assert hidden.request_id > shown.request_id


@pytest.mark.parametrize("ask", ["none"], indirect=True)
def test_in_mode_none_the_challenger_answers_nobody(ask: TestClient, tmp_path: Path):
    assert {asked_by(ask, str(visitor))["model"] for visitor in range(20)} == {hash_of(tmp_path / FOLDERS[0])}
    assert len(small.recorded(tmp_path / paths.EVENTS.segments, "recommend", 20)) == 20
