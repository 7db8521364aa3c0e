"""From events to the verdict on the tiny pipeline: every file is written, and says what it should."""

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from marquee.monitoring.evidence.reference import NoReferenceError
from marquee.monitoring.statistics.signals import SIGNALS
from marquee.pipeline import paths
from marquee.serving.recommender import bundle, bundle_files, manifest
from monitoring import build_reference, collect_events, monitor_service, rehearse
from monitoring.rehearse import RehearsalError
from tests.fixtures.tiny_pipeline import PARAMS, VALUES

LOG = logging.getLogger("test")
KNOBS = {
    "window_requests": 20, "expected_run_time": 2000, "null_windows": 1000, "max_windows": 10,
    "recent_windows": 2, "cool_down_requests": 0, "min_feedback": 1,
}  # fmt: skip
TINY = PARAMS.model_copy(
    update={
        "monitoring": PARAMS.monitoring.model_copy(update=KNOBS),
        "evaluation": PARAMS.evaluation.model_copy(update={"bootstrap_samples": 50}),
    }
)


@pytest.fixture
def served(house: Path) -> Iterator[Path]:
    """The tiny pipeline with a bundle and no events."""
    files = dict(bundle_files.parts_of_pipeline(additions=True).named())
    content: dict[str, Path | bytes] = {
        **files,
        bundle_files.RECOMMENDER: json.dumps(VALUES.model_dump()).encode(),
    }
    manifest.write(content, paths.BUNDLE)
    yield house
    shutil.rmtree(paths.EVENTS.folder, ignore_errors=True)
    shutil.rmtree(paths.reports("monitor_service"), ignore_errors=True)


def test_rehearsed_events_are_collected_and_judged(served: Path):
    rehearse.rehearse(TINY, LOG, most=100, stars=0.0)
    collect_events.run(TINY, LOG)
    build_reference.run(TINY, LOG)
    monitor_service.run(TINY, LOG)

    written = json.loads(paths.metrics("monitor_service").read_text())
    assert written["retrain"] in ("yes", "no", "wait")
    assert (written["counts"]["answers"], written["counts"]["windows"]) == (100, 5)
    assert set(written["online"]["rmse"]) == {"value", "low", "high"}
    scores = pd.read_csv(paths.reports("monitor_service") / "scores.csv")
    assert list(scores.columns) == ["signal", "window", "first_request", "statistic", "threshold", "alarm"]
    assert len(scores) == 5 * len(SIGNALS)
    page = (paths.reports("monitor_service") / "report.md").read_text()
    assert page.startswith("# Is it still good?")
    pictures = {path.name: path.read_bytes() for path in paths.reports("monitor_service").glob("*.png")}
    assert set(pictures) == {"drift.png", "performance.png", "exposure.png"}
    assert len(set(pictures.values())) == 3
    assert all(name in page for name in pictures)


def test_a_recorded_request_is_described_as_the_same_one_of_the_reference(served: Path):
    from marquee.monitoring.evidence import recorded, reference
    from marquee.serving.recommender.recommender import Recommender

    rehearse.rehearse(TINY, LOG, most=10_000, stars=0.0)
    collect_events.run(TINY, LOG)
    build_reference.run(TINY, LOG)
    packaged = bundle.open_packaged(paths.BUNDLE)
    known = reference.read(paths.EVENTS.reference).requests
    kept = recorded.read(paths.EVENTS.tables, packaged.content_hash, 10_000)
    live = recorded.describe(kept, Recommender(packaged.bundle, packaged.recommender))
    at = {
        (time, length): row
        for row, (time, length) in enumerate(zip(known.time, known.history_length, strict=True))
    }
    compared = 0
    for row in range(len(live)):
        other = at.get((live.time[row], live.history_length[row]))
        if other is None or live.mean_rating[row] != known.mean_rating[other]:
            continue  # two people in one second
        compared += 1
        assert live.predicted_rating[row] == pytest.approx(known.predicted_rating[other], abs=1e-5)
        assert live.log_mass[row] == pytest.approx(known.log_mass[other], abs=1e-5)
        assert live.query[row] == pytest.approx(known.query[other], abs=1e-5)
    assert compared > 50


def test_no_events_mean_wait(served: Path):
    build_reference.run(TINY, LOG)
    monitor_service.run(TINY, LOG)
    assert json.loads(paths.metrics("monitor_service").read_text())["retrain"] == "wait"


def test_a_reference_of_another_bundle_is_refused(served: Path):
    build_reference.run(TINY, LOG)
    content: dict[str, Path | bytes] = dict(bundle_files.parts_of_pipeline(additions=True).named())
    changed = VALUES.model_copy(update={"diversity": 0.5})
    manifest.write(
        content | {bundle_files.RECOMMENDER: json.dumps(changed.model_dump()).encode()}, paths.BUNDLE
    )
    with pytest.raises(NoReferenceError, match="the one that serves is"):
        monitor_service.run(TINY, LOG)


def test_a_rehearsal_never_mixes_with_events(served: Path):
    rehearse.rehearse(TINY, LOG, most=5, stars=0.0)
    with pytest.raises(RehearsalError, match="must not mix"):
        rehearse.rehearse(TINY, LOG, most=5, stars=0.0)
