"""Requests that try again: back-off on broken connections, 429 (with Retry-After) and 5xx."""

from dataclasses import dataclass

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

RETRIED = (429, 500, 502, 503, 504)
"""Statuses that may pass: too many requests, and errors of the server."""

BASE_URL = "https://files.grouplens.org/datasets/movielens"


@dataclass(frozen=True)
class Network:
    """Where archives lie and how patiently they are asked for (seconds)."""

    base_url: str = BASE_URL
    timeout: float = 30.0
    attempts: int = 5
    backoff: float = 1.0


def retrying_session(attempts: int, backoff: float) -> requests.Session:
    """A session that repeats a failed request up to `attempts` times, `backoff` x 1, 2, 4 ... seconds apart.

    A status that persists is returned, for the caller to explain.
    """
    retry = Retry(
        total=attempts,
        backoff_factor=backoff,
        status_forcelist=RETRIED,
        allowed_methods=["GET"],
        respect_retry_after_header=True,
        raise_on_status=False,
    )
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session
