"""What /metrics answers: the series of all workers together, without those that died.

Counters of dead workers stay, or the sums would fall; their gauges go. BentoML does not say when a worker
dies, so each scrape looks which processes are still there.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Metric, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from marquee.serving.telemetry.series import INFO, LEDGER

MEDIA_TYPE = CONTENT_TYPE_LATEST
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable of prometheus_client, set by BentoML: the files of all workers."""
LIVE = "gauge_live*_*.db"
"""Files of gauges that only a living process has; their names end with its process id."""


def exposition() -> bytes:
    """All series, as text for Prometheus."""
    LEDGER.write()
    registry = CollectorRegistry()
    registry.register(_Service(os.environ.get(FOLDER)))
    return generate_latest(registry)


class _Service(Collector):
    """The series of one process, or of all that write to a folder."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        pids = {os.getpid()} if self._folder is None else _alive(Path(self._folder))
        for metric in self._metrics():
            if metric.name == INFO:  # a label that is over cannot be taken out of a worker's file
                metric.samples = [sample for sample in metric.samples if sample.value]
            yield metric
        yield GaugeMetricFamily(
            "marquee_resident_memory_bytes",
            "Memory of all workers; pages that n of them share count as a 1/n of each",
            value=sum(_memory_bytes(pid) for pid in pids),
        )

    def _metrics(self) -> Iterable[Metric]:
        if self._folder is None:
            return REGISTRY.collect()
        collector = MultiProcessCollector(None, self._folder)  # type: ignore[no-untyped-call]
        metrics: Iterable[Metric] = collector.collect()  # type: ignore[no-untyped-call]
        return metrics


def _alive(folder: Path) -> set[int]:
    """The processes that write to the folder; the gauges of those that died are removed."""
    written = {int(path.stem.rpartition("_")[2]) for path in folder.glob(LIVE)}
    alive = {pid for pid in written if _is_alive(pid)}
    for pid in written - alive:
        with suppress(FileNotFoundError):  # another worker was asked at the same time
            mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]
    return alive


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _memory_bytes(pid: int) -> int:
    """Proportional set size (proc(5), smaps_rollup); 0 where the system does not say."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
