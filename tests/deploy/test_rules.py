"""Recording and alert rules: read by promtool, fed by series that exist, each alert tried under its fault."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from marquee.pipeline import paths
from marquee.serving.telemetry import exposition, series
from tests.deploy import expressions, real_prometheus
from tests.deploy.expressions import RULE_TESTS, RULES, Expression
from tests.deploy.simulated_traffic import Traffic
from tests.places import ROOT

OF_PROMETHEUS = {"up"}
"""What Prometheus itself adds to each target."""


def shown() -> set[str]:
    """Every name of /metrics, once something has happened."""
    Traffic().drive(10)
    lines = exposition.exposition().decode().splitlines()
    return {re.split(r"[{ ]", line)[0] for line in lines if line.startswith("marquee_")}


def expressions_of_rules() -> list[Expression]:
    recorded = [Expression(name, promql) for name, promql in expressions.recordings().items()]
    return recorded + [Expression(name, alert["expr"]) for name, alert in expressions.alerts().items()]


def fired(file: dict[str, Any], firing: bool) -> set[str]:
    """Alerts that a promtool file expects to fire, or to be silent, at some moment."""
    return {
        test["alertname"]
        for case in file["tests"]
        for test in case["alert_rule_test"]
        if bool(test["exp_alerts"]) == firing
    }


def test_every_expression_reads_series_that_the_service_shows_or_a_rule_records():
    known = shown() | set(expressions.recordings()) | OF_PROMETHEUS
    unknown = {
        expression.where: missing
        for expression in [*expressions.panels(), *expressions_of_rules()]
        if (missing := expressions.series_of(expression.promql) - known)
    }
    assert unknown == {}


def test_every_recorded_series_is_read_by_a_panel_or_an_alert():
    asked = [*expressions.panels(), *expressions_of_rules()]
    read = set().union(*(expressions.series_of(one.promql) for one in asked))
    assert set(expressions.recordings()) - read == set()


def test_every_alert_says_how_urgent_it_is_and_what_is_wrong():
    for name, alert in expressions.alerts().items():
        assert alert["labels"]["severity"] in ("page", "ticket"), name
        assert set(alert["annotations"]) == {"summary", "description"}, name


def test_the_alert_on_latency_is_the_requirement_and_a_bound_of_the_histogram():
    required = yaml.safe_load((ROOT / paths.PARAMS).read_text(encoding="utf-8"))["requirements"]["latency_ms"]
    assert expressions.alerts()["MarqueeSlow"]["expr"].endswith(f" > {required / 1000:g}")
    assert required / 1000 in series.SECONDS


def test_every_alert_is_tested_firing_and_silent():
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in RULE_TESTS]
    for firing in (True, False):
        tested = set().union(*(fired(file, firing) for file in files))
        assert tested == set(expressions.alerts())


@real_prometheus.needed
def test_promtool_accepts_the_rules_and_the_configuration():
    for check in (
        ["promtool", "check", "rules", *map(str, RULES)],
        ["promtool", "check", "config", str(expressions.DEPLOY / "prometheus/prometheus.yml")],
    ):
        done = subprocess.run(check, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@real_prometheus.needed
@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: path.stem)
def test_each_alert_fires_under_its_fault(path: str):
    done = subprocess.run(["promtool", "test", "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
