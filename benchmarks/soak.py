"""Benchmark `soak`: the service keeps answering while bundles are swapped and workers are killed.

`bentoml serve` with two workers on 127.0.0.1, sixteen connections, ten minutes, ten swaps, twenty kills; ends
with an error where a promise (`benchmarks/soaking/promises.py`) was not kept.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from benchmarks import results
from benchmarks.server import serving
from benchmarks.soaking import faults, probes, promises
from benchmarks.soaking.faults import Happened
from benchmarks.soaking.visitors import Seen, Visitors
from marquee.pictures import plots
from marquee.pipeline import paths
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage

NAME = "soak"
MINUTES, SWAPS, KILLS = 10.0, 10, 20


def soak(root: Path, scratch: Path, plan: argparse.Namespace, seed: int, log: Log) -> tuple[Seen, Happened]:
    """Serve, ask, swap and kill until time is up."""
    bundles = probes.lay_out(root, scratch)
    asked = probes.probes(bundles, seed)
    with serving(".", scratch, scratch / "serve.log") as server:
        with Visitors(server.port, asked) as visitors:
            counts = (plan.swaps, plan.kills)
            happened = faults.run(server, scratch, bundles, plan.minutes * 60, counts, log)
        seen = visitors.seen()
    return seen, happened


def draw(seen: Seen, happened: Happened, path: Path) -> None:
    """Answers and the slowest one of each second, and the oldest worker's memory, with what happened."""
    at = np.array([one.at for one in seen.answered])
    begun = at.min()
    second = (at - begun).astype(int)
    slowest = np.zeros(second.max() + 1)
    np.maximum.at(slowest, second, [one.seconds * 1e3 for one in seen.answered])
    minutes = np.arange(len(slowest)) / 60
    figure, axes = plots.new(8.0, 6.4, rows=3)
    axes[0].plot(minutes, np.bincount(second), color=plots.PALETTE[1])
    axes[0].set(title="Answers per second", ylim=(0, None))
    axes[1].plot(minutes, slowest, color=plots.PALETTE[2])
    axes[1].set(title="Slowest answer of each second", ylabel="milliseconds", ylim=(0, None))
    moments = [(moment - begun) / 60 for moment, _ in happened.megabytes]
    axes[2].plot(moments, [megabytes for _, megabytes in happened.megabytes], color=plots.PALETTE[3])
    axes[2].set(title="Memory of the worker that lives", ylabel="MB", xlabel="minutes", ylim=(0, None))
    for panel in axes:
        _mark(panel, [(moment - begun) / 60 for moment, _ in happened.swaps], plots.ACCENT, "swap")
        _mark(panel, [(moment - begun) / 60 for moment in happened.kills], plots.MUTED, "kill")
    axes[0].legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    plots.save(figure, path)


def _mark(panel: Axes, minutes: list[float], color: str, label: str) -> None:
    for number, moment in enumerate(minutes):
        style = "-" if label == "swap" else ":"
        panel.axvline(moment, color=color, linestyle=style, linewidth=1, label=None if number else label)


def run(params: Params, log: Log) -> None:
    """Soak, then write numbers and the picture, then say which promise was not kept."""
    plan = _plan()
    with tempfile.TemporaryDirectory() as scratch:
        seen, happened = soak(Path(), Path(scratch), plan, params.seed, log)
        measured = promises.numbers(seen, happened, Path(scratch) / paths.EVENTS.segments)
    log.info("%s", measured)
    results.write(NAME, measured["answered_share"], results.rows({"minutes": plan.minutes, **measured}))
    draw(seen, happened, results.REPORTS / f"{NAME}.png")
    if not_kept := promises.broken(measured, plan.swaps, plan.kills):
        log.error("not kept:\n%s", "\n".join(not_kept))
        sys.exit(1)


def _plan() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--swaps", type=int, default=SWAPS)
    parser.add_argument("--kills", type=int, default=KILLS)
    return parser.parse_args()


if __name__ == "__main__":
    run_stage(run)
