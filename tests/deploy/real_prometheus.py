"""Debian's Prometheus with the configuration of deploy/, scraping one address every second.

with real_prometheus.started("http://127.0.0.1:3000/metrics", folder) as prometheus:
    prometheus.wait_for("sum(marquee_requests_total)")
    assert real_prometheus.without_data(prometheus) == []
"""

import math
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from benchmarks.prometheus import scraping
from tests.deploy import expressions

needed = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="prometheus and promtool are missing: apt-get install prometheus",
)


class Prometheus:
    """A running server, asked over HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, promql: str) -> list[dict[str, Any]]:
        """Series of an expression now.

        Raises:
            requests.HTTPError: Prometheus refuses the expression; the message holds what it said.
        """
        return list(self._get("/api/v1/query", query=promql)["result"])

    def has_data(self, promql: str) -> bool:
        """Whether an expression has at least one number."""
        return any(not math.isnan(float(series["value"][1])) for series in self.query(promql))

    def wait_for(self, promql: str, seconds: float = 30.0) -> None:
        """Return when an expression has data; fail when it has none after so many seconds."""
        end = time.monotonic() + seconds
        while not self.has_data(promql):
            if time.monotonic() > end:
                pytest.fail(f"no data for {promql} after {seconds:g} s")
            time.sleep(0.2)

    def firing(self) -> set[str]:
        """Names of the alerts that fire."""
        found = self._get("/api/v1/alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in found if alert["state"] == "firing"}

    def rules(self) -> list[dict[str, Any]]:
        """Every rule with its health ("ok" once it was evaluated) and last error."""
        return [rule for group in self._get("/api/v1/rules")["groups"] for rule in group["rules"]]

    def _get(self, path: str, **params: str) -> dict[str, Any]:
        answer = requests.get(self.url + path, params=params, timeout=10)
        if answer.status_code != 200:
            raise requests.HTTPError(f"{params}: {answer.text}", response=answer)
        return dict(answer.json()["data"])


@contextmanager
def started(metrics_url: str, folder: Path, patience: str | None = None) -> Iterator[Prometheus]:
    """Run it until the block ends; see `benchmarks.prometheus.scraping`."""
    with scraping(metrics_url, folder, patience) as address:
        yield Prometheus(address)


def without_data(prometheus: Prometheus, seconds: float = 30.0) -> list[str]:
    """Panels and recorded series that get no number in so many seconds, series of alerts that do not exist.

    An alert's own expression has no data while all is well: what it reads must be there all the same. A rate
    needs two scrapes, and a rule that reads another one's series needs that one first.
    """
    asked = {panel.where: panel.promql for panel in expressions.panels()}
    asked |= {name: name for name in expressions.recordings()}
    for name, alert in expressions.alerts().items():
        prometheus.query(alert["expr"])  # a wrong one is an error
        asked |= {f"{name}: {series}": series for series in expressions.series_of(alert["expr"])}
    end = time.monotonic() + seconds
    while asked and time.monotonic() < end:
        asked = {where: promql for where, promql in asked.items() if not prometheus.has_data(promql)}
        time.sleep(0.1)
    return list(asked)
