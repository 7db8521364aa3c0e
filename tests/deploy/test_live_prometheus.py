"""Debian's Prometheus on the running service: what deploy/ asks has an answer, and alerts fire at faults."""

import shutil
from collections.abc import Iterator

import pytest

from marquee.pipeline import paths
from tests.deploy import live_traffic, real_prometheus
from tests.deploy.real_prometheus import Prometheus
from tests.fixtures.tiny_pipeline import VALUES, Tiny
from tests.serving import live, small
from tests.serving.live import Live

pytestmark = real_prometheus.needed
SERVING = small.SERVING.model_copy(update={"watch_seconds": 0.5})


@pytest.fixture(scope="module")
def service(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Two workers over a champion and a challenger, visited all the time."""
    root = tmp_path_factory.mktemp("observed")
    live.lay_out(root, tiny)
    live.write_bundle(tiny, root / paths.BUNDLE, VALUES, SERVING)
    live.write_bundle(
        tiny, root / paths.CHALLENGER, VALUES.model_copy(update={"rating_weight": 1.0}), SERVING
    )
    with live.served(root) as service, live_traffic.driven(service.address):
        yield service


@pytest.fixture(scope="module")
def prometheus(service: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Alerts wait two seconds instead of minutes before they fire."""
    folder = tmp_path_factory.mktemp("prometheus")
    with real_prometheus.started(f"{service.address}/metrics", folder, patience="2s") as prometheus:
        yield prometheus


def fires(prometheus: Prometheus, name: str) -> None:
    prometheus.wait_for(f'ALERTS{{alertname="{name}", alertstate="firing"}}')


def test_every_panel_recording_and_series_of_an_alert_has_data_and_nothing_fires(prometheus: Prometheus):
    assert real_prometheus.without_data(prometheus) == []
    assert prometheus.firing() == set()


def test_workers_are_counted_together(prometheus: Prometheus, service: Live):
    prometheus.wait_for("marquee_workers == 2")
    prometheus.wait_for('marquee_answers_total{arm="challenger"} > 0')
    prometheus.wait_for("sum(marquee_bundle_info) == 2")
    assert prometheus.has_data("marquee_resident_memory_bytes > 1e7")


def test_a_broken_bundle_is_told_of(prometheus: Prometheus, service: Live):
    shutil.copytree(service.root / paths.BUNDLE, service.root / paths.CHAMPION)
    (service.root / paths.CHAMPION / "manifest.json").write_text("{")
    fires(prometheus, "MarqueeBundleRefused")
    assert prometheus.firing() == {"MarqueeBundleRefused"}
    assert "is refused as champion, the old one goes on" in service.said()


def test_a_folder_of_events_that_cannot_be_written_is_told_of(prometheus: Prometheus, service: Live):
    folder = service.root / paths.EVENTS.segments
    shutil.rmtree(folder)
    folder.touch()
    for name in ("MarqueeEventLogUnhealthy", "MarqueeEventsDropped", "MarqueeErrors"):
        fires(prometheus, name)  # the last one because feedback is refused
    assert prometheus.has_data("sum(increase(marquee_answers_total[10s])) > 0")
    folder.unlink()
    prometheus.wait_for("marquee_event_log_healthy == 1")


def test_a_service_that_hangs_is_told_of(prometheus: Prometheus, service: Live):
    workers = service.workers()
    for worker in workers:
        worker.suspend()
    fires(prometheus, "MarqueeDown")
    for worker in workers:
        worker.resume()
    prometheus.wait_for("up == 1")


def test_dying_workers_are_told_of(prometheus: Prometheus, service: Live):
    for _ in range(2):
        for worker in service.workers():
            worker.kill()
        prometheus.wait_for("marquee_workers == 2")
    fires(prometheus, "MarqueeWorkersRestarting")
    assert "Traceback" not in service.said()


def test_rules_are_evaluated_without_an_error(prometheus: Prometheus):
    assert [rule["lastError"] for rule in prometheus.rules() if rule["health"] != "ok"] == []
