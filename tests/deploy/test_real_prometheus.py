"""Debian's Prometheus on simulated traffic: whatever deploy/ asks has an answer."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from marquee.serving.telemetry import series
from monitoring import draw_dashboard
from tests.deploy import real_prometheus, simulated_traffic
from tests.deploy.real_prometheus import Prometheus
from tests.deploy.simulated_traffic import Traffic

pytestmark = real_prometheus.needed


@pytest.fixture(scope="module")
def traffic() -> Iterator[Traffic]:
    """Thirty answers every 0.3 s until the last test of the module ends."""
    traffic, over = Traffic(), threading.Event()

    def drive() -> None:
        while not over.wait(0.3):
            traffic.drive(30)

    thread = threading.Thread(target=drive)
    thread.start()
    yield traffic
    over.set()
    thread.join()


@pytest.fixture(scope="module")
def prometheus(traffic: Traffic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    with simulated_traffic.served() as url, real_prometheus.started(url, folder) as prometheus:
        prometheus.wait_for("event:marquee_reciprocal_rank:mean7d")
        yield prometheus


def test_every_panel_recording_and_series_of_an_alert_has_data(prometheus: Prometheus):
    assert real_prometheus.without_data(prometheus) == []


def test_every_rule_is_evaluated_without_an_error(prometheus: Prometheus):
    real_prometheus.without_data(prometheus)  # by then each has been
    assert {
        rule["name"]: rule.get("lastError") for rule in prometheus.rules() if rule["health"] != "ok"
    } == {}


def test_recorded_numbers_are_those_of_the_traffic(prometheus: Prometheus):
    prometheus.wait_for("job:marquee_predicted_rating_stars:mean1d")
    prometheus.wait_for("source:marquee_top_results:ratio_rate5m > 0")
    (predicted,) = prometheus.query("job:marquee_predicted_rating_stars:mean1d")
    assert float(predicted["value"][1]) == pytest.approx(4.1, abs=0.05)
    top = {
        one["metric"]["source"]: float(one["value"][1])
        for one in prometheus.query("source:marquee_top_results:ratio_rate5m")
    }
    assert sum(top.values()) == pytest.approx(1.0)
    assert top["two_tower"] == pytest.approx(0.6, abs=0.1)


def test_the_model_dashboard_is_drawn_from_it(prometheus: Prometheus, tmp_path: Path):
    out = tmp_path / "model.png"
    assert draw_dashboard.main(["--prometheus", prometheus.url, "--out", str(out), "--hours", "0.01"]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")


def test_an_alert_fires_under_its_fault_and_no_other_does(prometheus: Prometheus, traffic: Traffic):
    assert prometheus.firing() == set()
    series.observe_swap("refused")
    traffic.stats.dropped["queue_full"] += 7
    prometheus.wait_for('ALERTS{alertname="MarqueeBundleRefused", alertstate="firing"}')
    prometheus.wait_for('ALERTS{alertname="MarqueeEventsDropped", alertstate="firing"}')
    assert prometheus.firing() == {"MarqueeBundleRefused", "MarqueeEventsDropped"}
