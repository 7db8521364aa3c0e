"""Debian's Prometheus with the configuration of `deploy/`, scraping one service every second."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import requests
import yaml

from benchmarks.server import HOST

CONFIGURATION = Path(__file__).parents[1] / "deploy/prometheus"
EVERY = "1s"
READY_SECONDS = 30.0


class PrometheusError(RuntimeError):
    """There is no Prometheus, or it did not come up; the message says what to do."""


@contextmanager
def scraping(metrics_url: str, folder: Path, patience: str | None = None) -> Iterator[str]:
    """Run Prometheus on a free port until the block ends, and give its address.

    Args:
        metrics_url: what it scrapes.
        folder: an empty one, for its files and its log.
        patience: in place of the time that alerts wait before they fire.

    Raises:
        PrometheusError: it is not installed, or was not ready in time.
    """
    if shutil.which("prometheus") is None:
        raise PrometheusError("prometheus is not on PATH: apt-get install prometheus.")
    address = f"{HOST}:{_free_port()}"
    command = [
        "prometheus",
        f"--config.file={_configure(metrics_url, folder, patience)}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_until_ready(f"http://{address}", process, folder / "prometheus.log")
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def _configure(metrics_url: str, folder: Path, patience: str | None) -> Path:
    """The configuration of deploy/ with another target, read every second, rules as well."""
    config = yaml.safe_load((CONFIGURATION / "prometheus.yml").read_text(encoding="utf-8"))
    config["global"] = {"scrape_interval": EVERY, "evaluation_interval": EVERY}
    address = urlsplit(metrics_url)
    (job,) = config["scrape_configs"]
    job |= {"static_configs": [{"targets": [address.netloc]}], "metrics_path": address.path}
    job["scrape_timeout"] = EVERY
    for name in config["rule_files"]:
        rules = yaml.safe_load((CONFIGURATION / name).read_text(encoding="utf-8"))
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


def _wait_until_ready(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if requests.get(f"{address}/-/ready", timeout=1).status_code == 200:
                return
        except requests.RequestException:
            pass
        time.sleep(0.1)
    raise PrometheusError(f"Prometheus is not ready:\n{log.read_text(encoding='utf-8')}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])
