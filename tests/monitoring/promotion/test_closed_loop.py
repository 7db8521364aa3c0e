"""The loop, closed: taste changes, monitoring sees it, retraining wins, the service swaps, accuracy is back.

It takes its seconds because nothing in it is made up but the people: Git, DVC's experiments and GTO's tags
are the real ones, and so are the files of every step.
"""

import logging
from pathlib import Path

import pytest

from marquee.monitoring.promotion import challenger
from marquee.pipeline import params, paths
from marquee.pipeline.files import read_json
from marquee.serving.provenance import commits, promotion, versions
from marquee.serving.recommender import bundle
from marquee.serving.recommender.recommender import Recommender
from marquee.serving.service.deployment import Deployment, Folders
from monitoring import build_reference, collect_events, monitor_service, retrain_bundle
from tests.fixtures.tiny_pipeline import Tiny
from tests.monitoring.promotion import small_world
from tests.monitoring.promotion.small_world import CHANGED, LATER, STABLE
from tests.serving.provenance import scratch

LOG = logging.getLogger("test")
PAGE = paths.reports("retrain_bundle") / "report.md"


@pytest.fixture
def world(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small world's repository as the working directory, its champion promoted."""
    root = tmp_path / "world"
    for name, value in (scratch.AUTHOR | {"DVC_NO_ANALYTICS": "1"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    small_world.make(root, tiny)
    monkeypatch.chdir(root)
    promotion.promote()
    return root


def served(deployed: Deployment) -> tuple[Recommender, str]:
    """What the running service answers from."""
    packaged = bundle.open_packaged(Folders(Path()).champion)
    assert packaged.content_hash == deployed.champion.content_hash
    return Recommender(packaged.bundle, packaged.recommender), packaged.content_hash


def judged(knobs: params.Params) -> str:
    collect_events.run(knobs, LOG)
    build_reference.run(knobs, LOG)
    monitor_service.run(knobs, LOG)
    return str(read_json(paths.metrics("monitor_service"))["retrain"])


def stages() -> dict[str, tuple[str, ...]]:
    return {version.name: version.stages for version in versions.registered()}


def test_a_change_of_taste_is_seen_learned_and_served(world: Path, monkeypatch: pytest.MonkeyPatch):
    knobs, deployed = params.read(), Deployment(Folders(world))
    before, old_name = served(deployed)
    visitors = small_world.people(1, {"old": 8})
    usual = small_world.live_through(STABLE, "old", visitors, before, old_name)
    lost = small_world.live_through(CHANGED, "new", visitors, before, old_name)
    assert usual > 0.5
    assert lost == 0
    assert judged(knobs) == "yes"

    retrain_bundle.run(knobs, LOG)
    assert PAGE.read_text().startswith("# The challenger wins.\n\n- ndcg_at_10 better by +0.")
    assert read_json(paths.metrics("retrain_bundle"))["promoted"] == 1
    assert stages() == {"v0.0.2": ("champion",), "v0.0.1": ("previous",)}
    assert commits.git("log", "-1", "--format=%s").startswith("Retrain on ratings until 2020-04-22")
    assert commits.git("status", "--porcelain") == ""
    assert read_json(paths.RAW.manifest)["feedback"]["visitors"] == small_world.VISITORS

    # Nothing changed since, and the pipeline gives the same bundle again: the champion stays.
    head = commits.git("rev-parse", "HEAD")
    monkeypatch.setattr(challenger, "fit", lambda *_: head.strip())
    retrain_bundle.run(knobs, LOG)
    assert PAGE.read_text().startswith("# The champion stays.\n\n- ndcg_at_10 better by +0.0000")
    assert read_json(paths.metrics("retrain_bundle"))["promoted"] == 0
    assert stages() == {"v0.0.2": ("champion",), "v0.0.1": ("previous",)}
    assert commits.git("rev-parse", "HEAD") == head

    deployed.look()
    after, new_name = served(deployed)
    assert new_name != old_name
    newcomers = small_world.people(2, {"old": 4, "new": 4})
    assert small_world.live_through(LATER, "new", newcomers, after, new_name) > 0.9 * usual
