"""Benchmark `serving_speed`: a whole recommendation in process, and live beside a no-op endpoint."""

import contextlib
import math
import statistics
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from benchmarks import bundles, large_catalogue, load, pictures, results, workload
from benchmarks.clock import percentiles
from benchmarks.server import Server, serving
from benchmarks.workload import Workload
from marquee.data.tables.interactions import VALIDATION
from marquee.evaluation.measures import events
from marquee.pipeline import paths
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage
from marquee.serving.packaging import gates
from marquee.serving.recommender import bundle_files
from marquee.serving.recommender.bundle import open_packaged
from marquee.serving.replay import histories
from marquee.serving.service.answers import Answers
from marquee.serving.service.schemas import RecommendRequest

NAME = "serving_speed"
REQUESTS, WARM_UP = 300, 20
CONNECTIONS = {"one_connection": 1, "sixteen_connections": 16}
ROUNDS, ROUND_SECONDS = 5, 1.0
LARGE = "large_catalogue"
OFF = "without_events"
PAIRS = 40
"""Rounds with the event log and without it, in turn: each pair is compared, and the median counts."""
ONE_WORKER = {"MARQUEE_WORKERS": "1"}
"""As the no-op endpoint has."""

Numbers = dict[str, Any]
Call = tuple[RecommendRequest, int]


def calls_of(answers: Answers, work: Workload) -> list[Call]:
    """Requests with histories as long as those of the validation period, and when they would be made."""
    table = work.table
    asked = histories.spread(events.of_period(table, VALIDATION, table.num_users, work.seed), REQUESTS)
    return [answers.request_of(*histories.of_event(table, asked, position)) for position in range(len(asked))]


def body_of(request: RecommendRequest) -> bytes:
    """As it goes over the wire."""
    return request.model_dump_json(exclude_none=True).encode()


def in_process(answers: Answers, calls: Sequence[Call]) -> Numbers:
    """Milliseconds of whole recommendations on one thread, without a server."""
    with threadpool_limits(1):  # as the service's worker has it
        gates.milliseconds(calls[:WARM_UP], answers.recommend)
        return percentiles(gates.milliseconds(calls, answers.recommend))


def live(servers: dict[str, Server], bodies: dict[str, list[bytes]], log: Log) -> Numbers:
    """Load on each server in turn, so that what else the machine does falls on all of them."""
    numbers: Numbers = {
        name: {"ready_seconds": round(server.ready_seconds, 2)} for name, server in servers.items()
    }
    for label, connections in CONNECTIONS.items():
        nothing = load.Answers([], 0, 0.0)
        answered = dict.fromkeys(servers, nothing)
        for turn in range(ROUNDS + 1):
            for name, server in servers.items():
                path, sent = ("/nothing", [b"{}"]) if name == "no_op" else ("/recommend", bodies[name])
                round_ = load.ask(server.port, path, sent, connections, ROUND_SECONDS)
                answered[name] += round_ if turn else nothing  # the first warms up
        for name, answers in answered.items():
            numbers[name][label] = answers.named()
            log.info("%s, %s: %s", name, label.replace("_", " "), numbers[name][label])
    for name, server in servers.items():
        numbers[name]["worker_megabytes"] = round(server.worker_megabytes(), 1)
    return numbers


def event_log_cost(on: Server, off: Server, bodies: list[bytes], log: Log) -> Numbers:
    """What recording every answer costs, against a service that records none; medians over pairs."""
    cost: Numbers = {}
    for label, connections in CONNECTIONS.items():
        # Who comes first takes turns; the first pair warms up.
        pairs = [_pair(on, off, bodies, connections, turn % 2 == 0) for turn in range(PAIRS + 1)][1:]
        fewer = [1 - one["requests_per_second"] / other["requests_per_second"] for one, other in pairs]
        longer = [one["processor_ms"] / other["processor_ms"] - 1 for one, other in pairs]
        more = [one["p50_ms"] - other["p50_ms"] for one, other in pairs]
        named = {"fewer_requests_share": fewer, "processor_time_share": longer, "p50_ms_more": more}
        cost[label] = {name: middle(values) for name, values in named.items()}
        log.info("event log, %s: %s", label.replace("_", " "), cost[label])
    return cost


def _pair(
    on: Server, off: Server, bodies: list[bytes], connections: int, on_first: bool
) -> tuple[Numbers, Numbers]:
    """A round with the event log and one without it, right after each other."""
    first, second = (_round(server, bodies, connections) for server in ((on, off) if on_first else (off, on)))
    return (first, second) if on_first else (second, first)


def _round(server: Server, bodies: list[bytes], connections: int) -> Numbers:
    before = server.processor_seconds()
    answers = load.ask(server.port, "/recommend", bodies, connections, ROUND_SECONDS)
    taken = server.processor_seconds() - before
    return {**answers.named(), "processor_ms": taken / len(answers.milliseconds) * 1e3}


def middle(values: Sequence[float]) -> dict[str, float]:
    """The median with its 95 % interval, from order statistics (David and Nagaraja 2003, section 7.1)."""
    ascending = sorted(values)
    half = math.ceil(len(values) / 2 - 0.98 * math.sqrt(len(values)))
    low, high = ascending[max(half - 1, 0)], ascending[min(len(values) - half, len(values) - 1)]
    return {"median": round(statistics.median(values), 4), "low": round(low, 4), "high": round(high, 4)}


def shares_of_no_op(numbers: Numbers) -> Numbers:
    """Requests per second as a share of the no-op endpoint's, and the median as a multiple."""
    return {
        name: {
            label: {
                "share_of_requests": _ratio(numbers, name, label, "requests_per_second"),
                "times_median": _ratio(numbers, name, label, "p50_ms"),
            }
            for label in CONNECTIONS
        }
        for name in numbers
        if name != "no_op"
    }


def _ratio(numbers: Numbers, name: str, label: str, key: str) -> float:
    return round(float(numbers[name][label][key] / numbers["no_op"][label][key]), 3)


def measure(root: Path, scratch: Path, work: Workload, log: Log) -> Numbers:
    """Measure the bundle as packaged and over a large catalogue."""
    large = scratch / "large"
    large.mkdir()
    large_catalogue.lay_out(root, large, work, large_catalogue.NUM_MOVIES)
    packaged = Answers(open_packaged(root / paths.BUNDLE))
    larger = Answers(open_packaged(large / paths.BUNDLE))
    calls = {"packaged": calls_of(packaged, work), LARGE: calls_of(larger, work)}
    numbers: Numbers = {
        "packaged": in_process(packaged, calls["packaged"]),
        LARGE: in_process(larger, calls[LARGE]),
    }
    log.info("in process: %s", numbers)
    bodies = {name: [body_of(request) for request, _ in asked] for name, asked in calls.items()}
    targets = {"no_op": ("benchmarks.no_op:NoOp", root), "packaged": (".", root), LARGE: (".", large)}
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(_serving(target, folder, scratch, name))
            for name, (target, folder) in targets.items()
        }
        measured = live(servers, bodies, log)
    return {
        "in_process": numbers,
        "live": measured,
        "beside_no_op": shares_of_no_op(measured),
        "event_log": measure_event_log(root, scratch, bodies["packaged"], log),
    }


def measure_event_log(root: Path, scratch: Path, sent: list[bytes], log: Log) -> Numbers:
    """The bundle as packaged beside the same one with `serving.events.enabled` false."""
    silent = scratch / OFF
    silent.mkdir()
    events = bundles.read(root / paths.BUNDLE, bundle_files.SERVING)["events"]
    bundles.lay_out(root, silent, {bundle_files.SERVING: {"events": events | {"enabled": False}}})
    with _serving(".", root, scratch, "with_events") as on, _serving(".", silent, scratch, OFF) as off:
        return event_log_cost(on, off, sent, log)


def _serving(
    target: str, folder: Path, scratch: Path, name: str
) -> contextlib.AbstractContextManager[Server]:
    """One worker, its events in a folder of its own."""
    events = str((scratch / f"{name}-events").resolve())
    return serving(target, folder, scratch / f"{name}.log", MARQUEE_EVENTS=events, **ONE_WORKER)


def draw(numbers: Numbers) -> None:
    """Medians, tails and rates beside the no-op endpoint."""
    labels = {LARGE: f"{large_catalogue.NUM_MOVIES:,} movies", "packaged": "as packaged", "no_op": "no-op"}
    panels = [
        ("One connection: median", "milliseconds", "one_connection", "p50_ms"),
        ("16 connections: 99th percentile", "milliseconds", "sixteen_connections", "p99_ms"),
        ("16 connections", "requests per second", "sixteen_connections", "requests_per_second"),
    ]
    pictures.draw(
        [
            (title, unit, {text: numbers["live"][name][label][key] for name, text in labels.items()})
            for title, unit, label, key in panels
        ],
        results.REPORTS / f"{NAME}.png",
    )


def run(params: Params, log: Log) -> None:
    """Measure, then write numbers and the picture."""
    with tempfile.TemporaryDirectory() as scratch:
        numbers = measure(Path(), Path(scratch), workload.read(params), log)
    results.write(NAME, numbers["live"]["packaged"]["one_connection"]["p99_ms"], results.rows(numbers))
    draw(numbers)


if __name__ == "__main__":
    run_stage(run)
