"""Visitors of a live service: answers, some by chance, feedback with places, mistakes."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

PAUSE_SECONDS = 0.02
VISITORS = 20
MOVIES = 1000
"""Of the tiny pipeline, whose ids are 10 x row + 5."""


@contextmanager
def driven(address: str) -> Iterator[None]:
    """Visit until the block ends, whatever the service answers."""
    over = threading.Event()
    thread = threading.Thread(target=_drive, args=(address, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _drive(address: str, over: threading.Event) -> None:
    with httpx.Client(base_url=address, timeout=10) as client:
        for number in itertools.count():
            if over.wait(PAUSE_SECONDS):
                return
            try:
                _visit(client, number)
            except (httpx.TransportError, KeyError):  # a worker was killed, or refused
                continue


def _visit(client: httpx.Client, number: int) -> None:
    who = {"visitor_id": f"visitor {number % VISITORS}"}
    liked = 10 * (number % MOVIES) + 5
    history = [{"movie_id": liked, "rating": 4.5}] if number % 4 else []
    answer = _post(client, "recommend", who, history=history, k=10, explore_seed=number)
    place = 1 + number % 5
    seen = answer["recommendations"][place - 1]["movie_id"]
    said = {"movie_id": seen, "place": place, "answer_id": answer["request_id"]}
    _post(client, "feedback", who, event="clicked", **said)
    _post(client, "feedback", who, event="rated", rating=4.0, **said)
    _post(client, "similar", who, movie_id=seen, k=5)
    _post(client, "predict_ratings", who, history=history, movie_ids=[seen])
    client.get("/movies", params={"title": "amelie"})
    client.get("/wp-login.php")
    client.post("/recommend", json={"k": 0})


def _post(client: httpx.Client, path: str, who: dict[str, str], **body: Any) -> dict[str, Any]:
    return dict(client.post(f"/{path}", json=who | body).json())
