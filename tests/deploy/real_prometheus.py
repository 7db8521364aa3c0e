"""Debian's Prometheus with the configuration of deploy/, scraping one address every second.

with real_prometheus.started("http://127.0.0.1:3000/metrics", folder) as prometheus:
    prometheus.wait_for("sum(marquee_requests_total)")
    assert real_prometheus.without_data(prometheus) == []
"""

import math
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import yaml

from tests.deploy import expressions

EVERY = "1s"
READY_SECONDS = 30.0
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
    """Run Prometheus on a free port until the block ends; its files and log lie in the folder.

    Args:
        metrics_url: what it scrapes.
        folder: an empty one.
        patience: in place of the time that alerts wait before they fire.
    """
    port = _free_port()
    command = [
        "prometheus",
        f"--config.file={_configure(metrics_url, folder, patience)}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            prometheus = Prometheus(f"http://127.0.0.1:{port}")
            _wait_until_ready(prometheus, process, folder / "prometheus.log")
            yield prometheus
        finally:
            process.terminate()
            process.wait(timeout=30)


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


def _configure(metrics_url: str, folder: Path, patience: str | None) -> Path:
    """The configuration of deploy/ with another target, read every second, rules as well."""
    source = expressions.DEPLOY / "prometheus"
    config = yaml.safe_load((source / "prometheus.yml").read_text(encoding="utf-8"))
    config["global"] = {"scrape_interval": EVERY, "evaluation_interval": EVERY}
    address = urlsplit(metrics_url)
    (job,) = config["scrape_configs"]
    job |= {"static_configs": [{"targets": [address.netloc]}], "metrics_path": address.path}
    job["scrape_timeout"] = EVERY
    for name in config["rule_files"]:
        rules = yaml.safe_load((source / name).read_text(encoding="utf-8"))
        for group in rules["groups"]:
            group.pop("interval", None)
            for rule in group["rules"]:
                if patience and "for" in rule:
                    rule["for"] = patience
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(yaml.safe_dump(rules), encoding="utf-8")
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def _wait_until_ready(prometheus: Prometheus, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if requests.get(f"{prometheus.url}/-/ready", timeout=1).status_code == 200:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.1)
    pytest.fail(f"Prometheus is not ready:\n{log.read_text(encoding='utf-8')}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
