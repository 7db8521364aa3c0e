"""Where benchmarks write: one metrics file each, and tables and pictures in one folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.clock import machine
from marquee.pipeline.files import write_json

METRICS = Path("benchmarks/metrics")
REPORTS = Path("reports/bench")


def write(name: str, numbers: Mapping[str, Any]) -> None:
    """Write a benchmark's numbers with the machine they were taken on."""
    write_json(METRICS / f"{name}.json", {"machine": machine(), **numbers})
