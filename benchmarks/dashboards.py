"""Pictures of Grafana's dashboards, of a service that people of the validation period visit.

`bentoml serve` with two workers and Debian's Prometheus beside it, for ten minutes. Where what somebody rated
at that moment stands in their list, they click and rate it.
"""

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import load, prometheus, results, workload
from benchmarks.server import HOST, serving
from benchmarks.workload import Workload
from marquee.data.tables.interactions import VALIDATION
from marquee.evaluation.measures import events
from marquee.pipeline import paths
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage
from marquee.serving.recommender.bundle import open_packaged
from marquee.serving.replay import histories
from marquee.serving.service.answers import Answers
from monitoring import draw_dashboard

NAME = "dashboards"
MINUTES = 10.0
PAUSE_SECONDS = 0.04
"""Between two visits."""
LIST = 10
SIMILAR_EVERY = 4
DASHBOARDS = sorted(Path("deploy/grafana/dashboards").glob("*.json"))


@dataclass(frozen=True)
class Visit:
    """What somebody asks, and the movie they rated at that moment.

    Attributes:
        body: of `/recommend`.
        visitor_id: theirs.
        movie_id: MovieLens' id.
        rating: stars.
    """

    body: dict[str, Any]
    visitor_id: str
    movie_id: int
    rating: float


def visits(answers: Answers, work: Workload) -> list[Visit]:
    """One visit per event of the validation period, in the order of time."""
    table = work.table
    asked = events.of_period(table, VALIDATION, table.num_users, work.seed)
    return [
        _visit(answers, work, asked, position)
        for position in np.argsort(table.timestamp[asked.rows], kind="stable").tolist()
    ]


def _visit(answers: Answers, work: Workload, asked: events.Events, position: int) -> Visit:
    request, _ = answers.request_of(*histories.of_event(work.table, asked, position))
    row, visitor = asked.rows[position], f"person {work.table.user_index[asked.rows[position]]}"
    body = request.model_dump(mode="json", exclude_none=True)
    body |= {"k": LIST, "explore_seed": position, "visitor_id": visitor}
    movie_id = answers.recommender.index.titles.movie_id[work.table.movie_index[row]]
    return Visit(body, visitor, movie_id, float(work.table.rating[row]))


def drive(port: int, planned: list[Visit], seconds: float) -> Iterator[int]:
    """Visit until time is up; yields 1 for each visit that ended in a click, otherwise 0."""
    connection = HTTPConnection(HOST, port, timeout=10)
    end = time.monotonic() + seconds
    for number in itertools.count():
        if time.monotonic() > end:
            connection.close()
            return
        yield _visited(connection, planned[number % len(planned)], number)
        time.sleep(PAUSE_SECONDS)


def _visited(connection: HTTPConnection, visit: Visit, number: int) -> int:
    answer = _post(connection, "/recommend", visit.body)
    shown = [movie["movie_id"] for movie in answer["recommendations"]]
    if number % SIMILAR_EVERY == 0 and shown:
        _post(connection, "/similar", {"movie_id": shown[0], "visitor_id": visit.visitor_id})
    if visit.movie_id not in shown:
        return 0
    said = {
        "visitor_id": visit.visitor_id,
        "answer_id": answer["request_id"],
        "movie_id": visit.movie_id,
        "place": shown.index(visit.movie_id) + 1,
    }
    _post(connection, "/feedback", said | {"event": "clicked"})
    _post(connection, "/feedback", said | {"event": "rated", "rating": visit.rating})
    return 1


def _post(connection: HTTPConnection, path: str, body: dict[str, Any]) -> dict[str, Any]:
    connection.request("POST", path, json.dumps(body), load.HEADERS)
    return dict(json.loads(connection.getresponse().read()))


def run(params: Params, log: Log) -> None:
    """Serve, visit, draw."""
    minutes = _minutes()
    answers = Answers(open_packaged(paths.BUNDLE))
    planned = visits(answers, workload.read(params))
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        events_folder = str(scratch / "events")
        with (
            serving(".", Path(), scratch / "serve.log", MARQUEE_EVENTS=events_folder) as server,
            prometheus.scraping(f"http://{HOST}:{server.port}/metrics", scratch) as address,
        ):
            clicked = list(drive(server.port, planned, minutes * 60))
            log.info("%d visits in %g minutes, %d with a click", len(clicked), minutes, sum(clicked))
            for dashboard in DASHBOARDS:
                out = results.REPORTS / f"{NAME}_{dashboard.stem}.png"
                draw_dashboard.run(address, dashboard, minutes / 60, out)


def _minutes() -> float:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    return float(parser.parse_args().minutes)


if __name__ == "__main__":
    run_stage(run)
