"""`bentoml serve` in a process of its own, and bundles of the tiny pipeline to serve."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from marquee.pipeline.params import RecommenderParams, Serving
from marquee.serving.packaging import contents
from marquee.serving.recommender import bundle_files, manifest
from tests.fixtures.tiny_pipeline import VALUES, Tiny
from tests.serving import small

LINKED = ("bentofile.yaml", "marquee")
"""What `bentoml serve` runs from the root, beside the bundle."""
READY_SECONDS = 60


@dataclass(frozen=True)
class Live:
    """A service that answers.

    Attributes:
        address: with its port.
        root: the folder it was started in.
        log: what it says.
        process: above the workers.
    """

    address: str
    root: Path
    log: Path
    process: psutil.Process

    def workers(self) -> list[psutil.Process]:
        """The processes that answer, or are about to."""
        children = [child for child in self.process.children() if child.is_running()]
        return [child for child in children if child.status() != psutil.STATUS_ZOMBIE and _is_worker(child)]

    def said(self) -> str:
        """The log until now."""
        return self.log.read_text(encoding="utf-8")


def lay_out(root: Path, tiny: Tiny) -> None:
    """Make a folder as the repository is, without a bundle."""
    for name in LINKED:
        (root / name).symlink_to(tiny.root / name)


def write_bundle(
    tiny: Tiny, folder: Path, params: RecommenderParams = VALUES, serving: Serving = small.SERVING
) -> str:
    """Package the tiny pipeline's models with some knobs; returns the content hash."""
    with contextlib.chdir(tiny.root):
        parts = bundle_files.parts_of_pipeline(additions=True)
        files = contents.collect(parts, params, serving) | contents.of_card(small.card())
        return manifest.write({name: _absolute(part) for name, part in files.items()}, folder)


@contextmanager
def served(root: Path, folder: Path | None = None, **environment: str) -> Iterator[Live]:
    """Serve what lies in a folder until the block ends; log and BentoML's files go into `folder`."""
    folder = folder or root
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"BENTOML_HOME": str(folder / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}
    command = [sys.executable, "-m", "bentoml", "serve", "--host", "127.0.0.1", "--port", str(port)]
    log = folder / "serve.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=root, env=os.environ | own | environment, stdout=output, stderr=output
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(address, process, log)
        yield Live(address, root, log, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(timeout=20)


def _absolute(part: Path | bytes) -> Path | bytes:
    return part if isinstance(part, bytes) else part.absolute()


def _is_worker(process: psutil.Process) -> bool:
    try:
        return any("worker.service" in word for word in process.cmdline())
    except psutil.Error:
        return False


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"The service was not ready within {READY_SECONDS} s:\n{log.read_text()}")
