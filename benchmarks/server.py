"""`bentoml serve` on a free port of 127.0.0.1, for as long as a benchmark needs it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

PATIENCE_SECONDS = 60.0
HOST = "127.0.0.1"


class ServerError(ValueError):
    """The server did not come up; the message holds the end of its log."""


@dataclass(frozen=True)
class Server:
    """A server that is ready.

    Attributes:
        port: where it listens.
        ready_seconds: from the start of the process to readiness.
        process: the parent of the workers.
    """

    port: int
    ready_seconds: float
    process: psutil.Process

    def worker_megabytes(self) -> float:
        """Resident memory of the largest worker, in millions of bytes."""
        workers = self.process.children(recursive=True)
        return float(max(worker.memory_info().rss for worker in workers or [self.process]) / 1e6)

    def megabytes_together(self) -> float:
        """Memory of all workers in millions of bytes; a page that several have counts once (PSS)."""
        workers = self.process.children(recursive=True)
        return float(sum(worker.memory_full_info().pss for worker in workers) / 1e6)

    def processor_seconds(self) -> float:
        """Processor time that the workers alive have taken until now."""
        times = [worker.cpu_times() for worker in self.process.children(recursive=True)]
        return float(sum(taken.user + taken.system for taken in times))


@contextmanager
def serving(target: str, folder: Path, log: Path, **variables: str) -> Iterator[Server]:
    """Serve `target` (a service or a bentofile's folder) from `folder` and stop it afterwards.

    Args:
        target: see above.
        folder: to run in.
        log: where it may write what it says.
        variables: of the environment.

    Raises:
        ServerError: it ended, or was not ready in time.
    """
    port = _free_port()
    command = [sys.executable, "-m", "bentoml", "serve", target, "--host", HOST, "--port", str(port)]
    # A home of its own: BentoML empties the folder of Prometheus' files there when a server starts.
    own = {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(log.with_suffix(".home").resolve())}
    # The threads of this process' BLAS (`run_stage`) would take the place of the service's one.
    inherited = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    environment = inherited | own | variables
    with log.open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            _wait_until_ready(process, port, log)
            yield Server(port, time.perf_counter() - start, psutil.Process(process.pid))
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End it with its workers, unless it has ended."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while not _is_ready(port):
        if process.poll() is not None or time.perf_counter() > deadline:
            end = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            passed = time.perf_counter() - deadline + PATIENCE_SECONDS
            raise ServerError(f"`bentoml serve` was not ready after {passed:.1f} s:\n{end}")
        time.sleep(0.02)


def _is_ready(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
