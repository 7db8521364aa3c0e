"""Which bundles answer, over two bundles that differ in a knob."""

import logging
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from marquee.pipeline import paths
from marquee.serving.recommender.bundle import open_packaged
from marquee.serving.recommender.manifest import MANIFEST, BundleError
from marquee.serving.service import deployment
from marquee.serving.service.answers import Answers
from marquee.serving.service.deployment import Deployment, Folders
from marquee.serving.service.schemas import RecommendRequest
from marquee.serving.telemetry import series
from tests.fixtures.tiny_pipeline import NOW, VALUES, Tiny
from tests.serving import live, small
from tests.serving.service.two_bundles import OTHER, break_, hash_of, put

PROBES = [
    RecommendRequest.model_validate({"history": [{"movie_id": 10 * row + 5, "rating": 4.5}], "k": 5})
    for row in range(8)
]


@pytest.fixture(scope="module")
def bundles(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two bundles that order their lists differently."""
    folder = tmp_path_factory.mktemp("bundles")
    live.write_bundle(tiny, folder / "one", VALUES)
    live.write_bundle(tiny, folder / "other", OTHER)
    return folder / "one", folder / "other"


@pytest.fixture
def root(bundles: tuple[Path, Path], tmp_path: Path) -> Path:
    """A repository in which the first of them is packaged."""
    put(bundles[0], tmp_path / paths.BUNDLE)
    return tmp_path


@pytest.fixture
def deployed(root: Path) -> Deployment:
    return Deployment(Folders(root))


def shown(answers: Answers, request: RecommendRequest) -> list[tuple[int, float]]:
    return [(one.movie_id, one.score) for one in answers.recommend(request, NOW).recommendations]


def swaps(outcome: str) -> float:
    return float(series.SWAPS.labels(outcome)._value.get())


def test_while_bundles_are_swapped_every_answer_is_that_of_the_bundle_it_names(
    deployed: Deployment, root: Path, bundles: tuple[Path, Path]
):
    opened = {hash_of(bundle): Answers(open_packaged(bundle)) for bundle in bundles}
    expected = {
        (name, number): shown(answers, probe)
        for name, answers in opened.items()
        for number, probe in enumerate(PROBES)
    }
    assert all(expected[one, 0] != expected[other, 0] for one in opened for other in opened if one != other)
    answered: list[tuple[str, int, list[tuple[int, float]]]] = []
    over, turn = (
        threading.Event(),
        threading.Lock(),
    )  # answers are computed one at a time, as on the event loop

    def ask() -> None:
        number = 0
        while not over.is_set():
            number = (number + 1) % len(PROBES)
            with turn:
                _, bundle = deployed.arm_of(None)
                deployed.remember(PROBES[number])
                answered.append((bundle.content_hash, number, shown(bundle.answers, PROBES[number])))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn_number in range(6):
        put(bundles[(turn_number + 1) % 2], root / paths.BUNDLE)
        deployed.look()
    over.set()
    for thread in threads:
        thread.join()
    assert len({name for name, _, _ in answered}) == 2
    assert [one for one in answered if one[2] != expected[one[0], one[1]]] == []


def test_a_broken_bundle_is_refused_once_and_counted_and_a_sound_one_taken_afterwards(
    deployed: Deployment, root: Path, bundles: tuple[Path, Path], caplog: pytest.LogCaptureFixture
):
    first, refused, swapped = deployed.champion, swaps("refused"), swaps("swapped")
    put(bundles[1], root / paths.BUNDLE)
    break_(root / paths.BUNDLE)
    with caplog.at_level(logging.ERROR):
        for _ in range(4):
            deployed.look()
    assert deployed.champion is first
    assert swaps("refused") == refused + 1
    (line,) = caplog.messages
    assert "is refused as champion, the old one goes on" in line
    assert "dcn.tflite is corrupted" in line
    assert deployed.detail["refused"] == ["champion"]
    put(bundles[1], root / paths.BUNDLE)
    deployed.look()
    assert deployed.champion.content_hash == hash_of(bundles[1])
    assert (swaps("swapped"), deployed.detail["refused"]) == (swapped + 1, [])


def test_a_bundle_that_is_half_copied_is_taken_once_it_is_whole(
    deployed: Deployment, root: Path, bundles: tuple[Path, Path]
):
    refused, champion = swaps("refused"), root / paths.CHAMPION
    champion.mkdir(parents=True)
    for number, path in enumerate(sorted(bundles[1].rglob("*.*"), key=lambda path: path.name != MANIFEST)):
        target = champion / path.relative_to(bundles[1])
        target.parent.mkdir(exist_ok=True)
        shutil.copy(path, target)
        if number % 3 == 0:
            deployed.look()  # the manifest came first: it names files that are not there yet
    deployed.look()
    assert deployed.champion.content_hash == hash_of(bundles[1])
    assert swaps("refused") == refused


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'{"content_hash": "ab"}'])
def test_a_manifest_that_is_none_is_refused(deployed: Deployment, root: Path, content: bytes):
    refused, first = swaps("refused"), deployed.champion
    (root / paths.CHAMPION).mkdir(parents=True)
    (root / paths.CHAMPION / MANIFEST).write_bytes(content)
    for _ in range(3):
        deployed.look()
    assert (deployed.champion, swaps("refused")) == (first, refused + 1)


def test_whatever_goes_wrong_with_a_new_bundle_the_old_one_goes_on(
    deployed: Deployment, root: Path, bundles: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
):
    refused = swaps("refused")
    monkeypatch.setattr(deployment, "open_packaged", lambda *_: {}["no bundle"])
    put(bundles[1], root / paths.BUNDLE)
    for _ in range(3):
        deployed.look()
    assert deployed.champion.content_hash == hash_of(bundles[0])
    assert swaps("refused") == refused + 1


def test_a_bundle_that_changes_while_it_is_read_is_read_again(
    deployed: Deployment, root: Path, bundles: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
):
    put(bundles[1], root / paths.BUNDLE)

    def meanwhile_replaced(folder: Path, shared: object = None) -> Any:
        found = open_packaged(folder)
        put(bundles[1], folder)
        return found

    monkeypatch.setattr(deployment, "open_packaged", meanwhile_replaced)
    deployed.look()
    assert deployed.champion.content_hash == hash_of(bundles[0])
    monkeypatch.undo()
    deployed.look()
    assert deployed.champion.content_hash == hash_of(bundles[1])


def test_a_genre_that_only_the_old_catalogue_has_keeps_no_new_bundle_away(
    deployed: Deployment, root: Path, bundles: tuple[Path, Path]
):
    deployed.remember(RecommendRequest(history=[], genres=["Jazz"]))
    put(bundles[1], root / paths.BUNDLE)
    deployed.look()
    assert deployed.champion.content_hash == hash_of(bundles[1])


def test_what_is_promoted_after_the_start_answers_and_stays_when_its_folder_is_gone(
    deployed: Deployment, root: Path, bundles: tuple[Path, Path]
):
    put(bundles[1], root / paths.CHAMPION)
    deployed.look()
    assert deployed.champion.content_hash == hash_of(bundles[1])
    shutil.rmtree(root / paths.CHAMPION)  # for as long as it is replaced
    deployed.look()
    assert deployed.champion.content_hash == hash_of(bundles[1])
    assert Deployment(Folders(root)).champion.content_hash == hash_of(bundles[0])


def test_a_promoted_bundle_answers_from_the_start(root: Path, bundles: tuple[Path, Path]):
    put(bundles[1], root / paths.CHAMPION)
    assert Deployment(Folders(root)).champion.content_hash == hash_of(bundles[1])


@pytest.mark.parametrize("before", [paths.PREVIOUS, paths.BUNDLE])
def test_a_worker_that_starts_while_the_champion_is_broken_answers_as_the_others_do(
    root: Path, bundles: tuple[Path, Path], before: Path
):
    refused = swaps("refused")
    put(bundles[1], root / paths.CHAMPION)
    put(bundles[0], root / before)
    break_(root / paths.CHAMPION)
    deployed = Deployment(Folders(root))
    assert deployed.champion.content_hash == hash_of(bundles[0])
    deployed.look()
    assert swaps("refused") == refused + 1
    put(bundles[1], root / paths.CHAMPION)
    deployed.look()
    assert deployed.champion.content_hash == hash_of(bundles[1])


def test_a_service_without_a_sound_champion_does_not_start(root: Path):
    break_(root / paths.BUNDLE)
    with pytest.raises(BundleError, match=r"dcn\.tflite is corrupted"):
        Deployment(Folders(root))


def test_new_bundles_are_looked_for_until_the_service_ends(
    root: Path, bundles: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
):
    quick = small.SERVING.model_copy(update={"watch_seconds": 0.01})
    monkeypatch.setattr(deployment.limits, "read", lambda _: quick)
    deployed, looked = Deployment(Folders(root)), threading.Semaphore(0)
    monkeypatch.setattr(deployed, "look", lambda: looked.release() or 1 / 0)  # even where looking fails
    deployed.watch()
    assert all(looked.acquire(timeout=5) for _ in range(3))
    deployed.close()
    (thread,) = [one for one in threading.enumerate() if one.name == "bundles"] or [threading.Thread()]
    thread.join(5) if thread.ident else None
    assert not thread.is_alive()
