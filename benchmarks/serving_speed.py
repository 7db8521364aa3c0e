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

from benchmarks import large_catalogue, load, pictures, results, switched, workload
from benchmarks.clock import percentiles
from benchmarks.server import Server, serving
from benchmarks.workload import Workload
from marquee.data.tables.interactions import VALIDATION
from marquee.evaluation.measures import events
from marquee.pipeline import paths
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage
from marquee.serving.packaging import gates
from marquee.serving.recommender.bundle import open_packaged
from marquee.serving.replay import histories
from marquee.serving.service.answers import Answers
from marquee.serving.service.schemas import RecommendRequest

NAME = "serving_speed"
REQUESTS, WARM_UP = 300, 20
CONNECTIONS = {"one_connection": 1, "sixteen_connections": 16}
ROUNDS, ROUND_SECONDS = 5, 1.0
LARGE = "large_catalogue"
NO_OPS = {"no_op": "benchmarks.no_op:NoOp", "no_op_as_marquee": "benchmarks.no_op:NoOpAsMarquee"}
SWITCHED = "benchmarks.switched:service"
PAIRS, PAIR_SECONDS = 80, 0.5
"""Rounds with the event log and without it, in turn: each pair is compared, and the median counts. All are of
one process, as a start of the service can be a tenth faster than the next one, whatever it does."""

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
                path, sent = ("/nothing", [b"{}"]) if name in NO_OPS else ("/recommend", bodies[name])
                round_ = load.ask(server.port, path, sent, connections, ROUND_SECONDS)
                answered[name] += round_ if turn else nothing  # the first warms up
        for name, answers in answered.items():
            numbers[name][label] = answers.named()
            log.info("%s, %s: %s", name, label.replace("_", " "), numbers[name][label])
    for name, server in servers.items():
        numbers[name]["worker_megabytes"] = round(server.worker_megabytes(), 1)
    return numbers


def event_log_cost(server: Server, bodies: list[bytes], log: Log) -> Numbers:
    """What recording every answer costs, against recording none; medians over pairs of rounds."""
    cost: Numbers = {}
    for label, connections in CONNECTIONS.items():
        # Who comes first takes turns; the first pair warms up.
        pairs = [_pair(server, bodies, connections, turn % 2 == 0) for turn in range(PAIRS + 1)][1:]
        fewer = [1 - one["requests_per_second"] / other["requests_per_second"] for one, other in pairs]
        longer = [one["processor_ms"] / other["processor_ms"] - 1 for one, other in pairs]
        more = [one["p50_ms"] - other["p50_ms"] for one, other in pairs]
        named = {"fewer_requests_share": fewer, "processor_time_share": longer, "p50_ms_more": more}
        cost[label] = {name: middle(values) for name, values in named.items()}
        log.info("event log, %s: %s", label.replace("_", " "), cost[label])
    return cost


def _pair(server: Server, bodies: list[bytes], connections: int, on_first: bool) -> tuple[Numbers, Numbers]:
    """A round with the event log and one without it, right after each other."""
    states = ("on", "off") if on_first else ("off", "on")
    rounds = {state: _round(server, bodies, connections, state) for state in states}
    return rounds["on"], rounds["off"]


def _round(server: Server, bodies: list[bytes], connections: int, state: str) -> Numbers:
    load.post(server.port, switched.PATH.format(state=state))
    before = server.processor_seconds()
    answers = load.ask(server.port, "/recommend", bodies, connections, PAIR_SECONDS)
    taken = server.processor_seconds() - before
    return {**answers.named(), "processor_ms": taken / len(answers.milliseconds) * 1e3}


def middle(values: Sequence[float]) -> dict[str, float]:
    """The median with its 95 % interval, from order statistics (David and Nagaraja 2003, section 7.1)."""
    ascending = sorted(values)
    half = math.ceil(len(values) / 2 - 0.98 * math.sqrt(len(values)))
    low, high = ascending[max(half - 1, 0)], ascending[min(len(values) - half, len(values) - 1)]
    return {"median": round(statistics.median(values), 4), "low": round(low, 4), "high": round(high, 4)}


def beside(no_op: str, numbers: Numbers) -> Numbers:
    """Requests per second as a share of a no-op endpoint's, and the median as a multiple."""
    return {
        name: {
            label: {
                "share_of_requests": _ratio(numbers, name, no_op, label, "requests_per_second"),
                "times_median": _ratio(numbers, name, no_op, label, "p50_ms"),
            }
            for label in CONNECTIONS
        }
        for name in numbers
        if name not in NO_OPS
    }


def _ratio(numbers: Numbers, name: str, no_op: str, label: str, key: str) -> float:
    return round(float(numbers[name][label][key] / numbers[no_op][label][key]), 3)


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
    targets = {name: (service, root) for name, service in NO_OPS.items()}
    targets |= {"packaged": (".", root), LARGE: (".", large)}
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(_serving(target, folder, scratch, name))
            for name, (target, folder) in targets.items()
        }
        measured = live(servers, bodies, log)
    with _serving(SWITCHED, root, scratch, "switched") as server:
        cost = event_log_cost(server, bodies["packaged"], log)
    return {
        "in_process": numbers,
        "live": measured,
        **{f"beside_{name}": beside(name, measured) for name in NO_OPS},
        "two_workers": {LARGE: megabytes_of_two(large, scratch, bodies[LARGE])},
        "event_log": cost,
    }


def megabytes_of_two(folder: Path, scratch: Path, sent: list[bytes]) -> Numbers:
    """Memory of two workers that both have answered: what they share counts once."""
    with _serving(".", folder, scratch, "two_workers", workers=2) as server:
        load.ask(server.port, "/recommend", sent, CONNECTIONS["sixteen_connections"], 3 * ROUND_SECONDS)
        return {"megabytes": round(server.megabytes_together(), 1)}


def _serving(
    target: str, folder: Path, scratch: Path, name: str, workers: int = 1
) -> contextlib.AbstractContextManager[Server]:
    """One worker, as the no-op endpoints have, or more; the events in a folder of their own."""
    events = str((scratch / f"{name}-events").resolve())
    variables = {"MARQUEE_EVENTS": events, "MARQUEE_WORKERS": str(workers)}
    return serving(target, folder, scratch / f"{name}.log", **variables)


def draw(numbers: Numbers) -> None:
    """Medians, tails and rates beside the no-op endpoint."""
    labels = {
        LARGE: f"{large_catalogue.NUM_MOVIES:,} movies",
        "packaged": "as packaged",
        "no_op_as_marquee": "no-op, Marquee's settings",
        "no_op": "no-op",
    }
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
