import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from marquee.pipeline import paths, sections
from marquee.pipeline.params import Params, Requirements
from marquee.serving.packaging import bento
from marquee.serving.packaging.gates import GateError
from marquee.serving.recommender import bundle, manifest
from marquee.serving.service import model_card
from stages import package_service
from tests import canary
from tests.fixtures.tiny_pipeline import PARAMS, VALUES
from tests.places import ROOT

LOG = logging.getLogger("test")
MET = {"latency_ms": 10_000.0, "bundle_mb": 40.0, "retrieval_above_popularity": 0.0, "rmse_at_most": 1.2}


def requiring(**changes: float) -> Params:
    return PARAMS.model_copy(update={"requirements": Requirements(**{**MET, **changes})})


@pytest.mark.parametrize(
    "failing",
    [{"latency_ms": 1e-6}, {"bundle_mb": 1e-6}, {"retrieval_above_popularity": 0.5}, {"rmse_at_most": 0.1}],
    ids=lambda failing: next(iter(failing)),
)
def test_a_failed_gate_packages_nothing_and_shows_the_table(
    house: Path, monkeypatch: pytest.MonkeyPatch, failing: dict[str, float]
):
    monkeypatch.setattr(bento, "build", lambda *_: pytest.fail("a Bento was built"))
    with pytest.raises(GateError, match=r"requirement +required +measured") as failure:
        package_service.run(requiring(**failing), LOG)
    (name,) = failing
    assert [line.split()[0] for line in str(failure.value).splitlines() if line.endswith("FAILED")] == [name]
    assert not paths.BUNDLE.exists()
    assert not paths.metrics("package_service").exists()


def test_a_bundle_is_a_function_of_what_went_in(house: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bento, "build", lambda *_: "marquee:test")
    contents = []
    for _ in range(2):
        package_service.run(requiring(), LOG)
        written = sorted(path for path in paths.BUNDLE.rglob("*") if path.is_file())
        contents.append({path: path.read_bytes() for path in written})
    assert contents[0] == contents[1]
    assert paths.BUNDLE / "model_card.json" in contents[0]
    assert bundle.open_packaged(paths.BUNDLE).recommender == VALUES


def test_the_bundles_manifest_is_left_where_git_keeps_it(house: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bento, "build", lambda *_: "marquee:test")
    package_service.run(requiring(), LOG)
    left = json.loads(Path("reports/package_service/bundle.json").read_text())
    assert left["content_hash"] == manifest.verify(paths.BUNDLE)
    assert left == json.loads((paths.BUNDLE / manifest.MANIFEST).read_text())


def test_the_metrics_say_what_was_required_and_never_how_long_it_took(
    house: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bento, "build", lambda *_: "marquee:test")
    package_service.run(requiring(), LOG)
    written = json.loads(paths.metrics("package_service").read_text())
    assert {row["metric"]: row["value"] for row in written["scores"] if row.get("group") == "required"} == MET
    passed = {row["metric"]: row["value"] for row in written["scores"] if row.get("group") == "passed"}
    assert passed == dict.fromkeys(MET, 1)
    files = [path for path in paths.BUNDLE.rglob("*") if path.is_file()]
    packed = [path for path in files if path.name != manifest.MANIFEST]
    assert written["value"] == sum(path.stat().st_size for path in packed)


def test_the_card_in_the_bundle_shows_data_metrics_and_gates(house: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bento, "build", lambda *_: "marquee:test")
    package_service.run(requiring(), LOG)
    card = model_card.read(paths.BUNDLE)
    assert (card.data.source, card.data.simulated, card.data.ratings) == ("sample", True, 1500)
    (rmse,) = card.metrics["evaluate_ranking"]
    assert (rmse.model, rmse.metric, rmse.value) == ("dcn", "rmse", 0.9)
    assert card.requirements["bundle_mb"].passed
    assert any(library.startswith("numpy==") for library in card.libraries)


def test_the_stage_builds_a_bento_of_exactly_what_the_service_needs(house: Path, tmp_path: Path):
    environment = os.environ | {"BENTOML_HOME": str(tmp_path), "BENTOML_DO_NOT_TRACK": "True"} | canary.CLOUD
    run = [sys.executable, "-m", "stages.package_service"]
    for said in ("serve it with `bentoml serve`", "is built already"):
        done = subprocess.run(run, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        assert said in done.stderr
        assert canary.CANARY not in done.stdout + done.stderr
    assert canary.found_in(tmp_path) == canary.found_in(house) == []
    (built,) = (tmp_path / "bentos" / "marquee").glob("*/bento.yaml")
    held = {path.relative_to(built.parent / "src").as_posix() for path in (built.parent / "src").rglob("*")}
    assert {"marquee/serving/recommender/recommender.py", "models/bundle/manifest.json"} <= held
    options = sections.read_yaml(ROOT / bento.BENTOFILE)
    named = {path.as_posix() for path in bento.included(house, options["include"])}
    assert {name for name in held if (built.parent / "src" / name).is_file()} == named
    assert manifest.verify(built.parent / "src" / paths.BUNDLE) == manifest.verify(paths.BUNDLE)
    requirements = (built.parent / "env" / "python" / "requirements.txt").read_text()
    assert "tensorflow" not in requirements
    assert requirements.count("--hash=sha256:") > 100
    assert "pip install" in (built.parent / "env" / "docker" / "Dockerfile").read_text()


def test_a_failed_stage_ends_with_the_table_and_no_traceback(house: Path):
    retrieval = paths.metrics("evaluate_retrieval")
    before = retrieval.read_text()
    retrieval.write_text(before.replace("0.01", "-0.25"))
    try:
        run = [sys.executable, "-m", "stages.package_service"]
        done = subprocess.run(
            run, env=os.environ | canary.CLOUD, capture_output=True, text=True, check=False, timeout=120
        )
    finally:
        retrieval.write_text(before)
    assert done.returncode == 1
    assert "retrieval_above_popularity  above 0      -0.25     FAILED" in done.stderr
    assert "Traceback" not in done.stderr
    assert canary.CANARY not in done.stdout + done.stderr
    assert not paths.BUNDLE.exists()
