"""Facts about films from TMDB's API: paced, patient, resumable, and silent about the key.

See https://developer.themoviedb.org/reference/movie-details: one request per film, with keywords and credits
appended. Answers are kept in a file, a JSON object per line: an interrupted run asks only for the rest.
"""

import contextlib
import json
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pandas as pd
import requests
from tqdm import tqdm

from marquee.data.sources import metadata
from marquee.data.sources.files.network import retrying_session
from marquee.data.sources.files.rules import DataError

log = logging.getLogger(__name__)

KEY_VARIABLE = "TMDB_API_KEY"
BASE_URL = "https://api.themoviedb.org/3"
CACHE_FILE = "movies.jsonl"

LEADING_CAST = 10
"""Names of the cast that are kept, the leading ones first."""

TOKEN_PREFIX = "eyJ"
"""A version 4 token is a JSON web token and goes into a header; a version 3 key can only be a parameter."""

TALKATIVE = ("urllib3.connectionpool", "urllib3.util.retry", "requests.sessions")
"""Loggers that show addresses with their parameters: under DEBUG they would show the key."""


@dataclass(frozen=True)
class Network:
    """Where TMDB lies, how fast it is asked and how patiently (seconds)."""

    base_url: str = BASE_URL
    requests_per_second: float = 20.0
    timeout: float = 20.0
    attempts: int = 5
    backoff: float = 1.0


@dataclass(frozen=True)
class Collected:
    """Facts by `tmdb_id` (see `metadata.join`), and how many ids TMDB does not know."""

    facts: pd.DataFrame
    missing: int


def collect(tmdb_ids: Sequence[int], key: str, cache: Path, network: Network | None = None) -> Collected:
    """Get the facts of all these films, from the cache where it has them, else from TMDB.

    Raises:
        DataError: no key, a refused key, no network, a server that keeps failing. What came before stays
            in the cache.
    """
    path = cache / CACHE_FILE
    records = read_cache(path)
    wanted = sorted(set(tmdb_ids))
    left = [number for number in wanted if number not in records]
    log.info(
        "%s films wanted, %s in the cache, %s to ask for", len(wanted), len(wanted) - len(left), len(left)
    )
    if left:
        records |= _ask_for(left, _checked(key), path, network or Network())
    found = [records[number] for number in wanted if not records[number].get("missing")]
    frame = pd.DataFrame(found, columns=metadata.COLUMNS)
    return Collected(metadata.tidy(frame) if found else frame, len(wanted) - len(found))


def _checked(key: str) -> str:
    key = key.strip()
    if not key:
        raise DataError(
            f"data.metadata tmdb-api needs a key, and {KEY_VARIABLE} is not set.\n"
            f"Set {KEY_VARIABLE} in the environment (never in params.yaml), or name a snapshot, or set "
            "data.metadata to none."
        )
    return key


def read_cache(path: Path) -> dict[int, dict[str, Any]]:
    """What earlier runs received, by TMDB id.

    A line cut off by an interruption is passed over, and so is an answer without a fact that is read today:
    it is asked for again.
    """
    records: dict[int, dict[str, Any]] = {}
    if not path.exists():
        return records
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            record = _json_line(line)
            if isinstance(record.get("tmdb_id"), int) and (
                record.get("missing") or set(metadata.COLUMNS) <= set(record)
            ):
                records[record["tmdb_id"]] = record
    return records


def _json_line(line: str) -> dict[str, Any]:
    """The object of a line; an empty one where there is none."""
    with contextlib.suppress(ValueError, RecursionError):
        record = json.loads(line)
        return record if isinstance(record, dict) else {}
    return {}


def _ask_for(ids: Sequence[int], key: str, path: Path, network: Network) -> dict[int, dict[str, Any]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    answers: dict[int, dict[str, Any]] = {}
    with (
        _scrubbed_logs(key),
        retrying_session(network.attempts, network.backoff) as session,
        _appending(path) as file,
        tqdm(ids, desc="TMDB", unit="film", disable=None) as bar,
    ):
        asker = _Asker(session, key, network)
        for number in bar:
            answers[number] = asker.ask(number, len(answers), path)
            file.write(json.dumps(answers[number], ensure_ascii=False, sort_keys=True) + "\n")
            file.flush()
    return answers


@contextlib.contextmanager
def _appending(path: Path) -> Iterator[IO[str]]:
    cut_off = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        if cut_off:
            file.write("\n")
        yield file


class _Asker:
    """Asks for one film after the other, no faster than agreed."""

    def __init__(self, session: requests.Session, key: str, network: Network) -> None:
        self._session, self._key, self._network = session, key, network
        self._next = 0.0
        if key.startswith(TOKEN_PREFIX):
            session.headers["Authorization"] = f"Bearer {key}"
            self._parameters = {}
        else:
            self._parameters = {"api_key": key}
        self._parameters["append_to_response"] = "keywords,credits"

    def ask(self, number: int, done: int, path: Path) -> dict[str, Any]:
        """The record of one film, to be kept in the cache.

        Raises:
            DataError: it cannot be had; the message never holds the key.
        """
        url = f"{self._network.base_url}/movie/{number}"
        response, problem = self._get(url)
        # Raised here and not where it was caught: an exception's context would carry address and key.
        if response is None:
            raise DataError(
                f"{url}: {problem}.\nCheck the network and run again: the {done:,} films that came are kept "
                f"in {path} and only the rest is asked for."
            )
        if response.status_code == requests.codes.not_found:
            return {"tmdb_id": number, "missing": True}
        if response.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
            raise DataError(
                f"{url}: TMDB refused the key in {KEY_VARIABLE} ({response.status_code}).\n"
                "Check the key on TMDB's settings page (API)."
            )
        body = _json_object(response)
        if response.status_code != requests.codes.ok or body is None:
            raise DataError(
                f"{url}: TMDB answered {response.status_code}"
                f"{'' if body is not None else ' without readable JSON'}, also after "
                f"{self._network.attempts} more attempts.\nRun again later: the {done:,} films that came are "
                f"kept in {path} and only the rest is asked for."
            )
        return record(number, body)

    def _get(self, url: str) -> tuple[requests.Response | None, str]:
        wait = self._next - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._next = time.monotonic() + 1 / self._network.requests_per_second
        try:
            return self._session.get(url, params=self._parameters, timeout=self._network.timeout), ""
        except requests.Timeout:
            return None, f"no answer within {self._network.timeout:g} seconds"
        except requests.RequestException as error:
            slow = "timed out" in str(error).lower()
            return None, (
                f"no answer within {self._network.timeout:g} seconds" if slow else "no connection to TMDB"
            )


def _json_object(response: requests.Response) -> dict[str, Any] | None:
    try:
        body = response.json()
    except requests.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def record(number: int, body: dict[str, Any]) -> dict[str, Any]:
    """The facts of the release in an answer of `/movie/{id}`; what grows with time is left out."""
    people = body.get("credits") or {}
    return {
        "tmdb_id": number,
        "overview": text_of(body.get("overview")),
        "language": text_of(body.get("original_language")),
        "release_date": text_of(body.get("release_date")),
        "keywords": names((body.get("keywords") or {}).get("keywords") or []),
        "cast": leading(people.get("cast") or []),
        "directors": directors(people.get("crew") or []),
    }


def names(things: Iterable[dict[str, Any]]) -> list[str]:
    """The names of TMDB's objects; one without a name is passed over."""
    found = [thing.get("name") for thing in things if isinstance(thing, dict)]
    texts = [text_of(name) for name in found if isinstance(name, str)]
    return [name for name in texts if name]


def text_of(value: Any) -> str:
    """A text as it can be written: stripped, halves of a character replaced; empty where it is none."""
    return value.encode("utf-8", "replace").decode().strip() if isinstance(value, str) else ""


def leading(cast: Iterable[dict[str, Any]]) -> list[str]:
    """Names of the leading `LEADING_CAST`, by their order where it is told."""
    people = [person for person in cast if isinstance(person, dict)]
    ordered = sorted(people, key=lambda person: _order(person.get("order")))
    return names(ordered)[:LEADING_CAST]


def _order(order: Any) -> int:
    return order if isinstance(order, int) else LEADING_CAST


def directors(crew: Iterable[dict[str, Any]]) -> list[str]:
    """Names of the directors in a crew."""
    return names(one for one in crew if isinstance(one, dict) and one.get("job") == "Director")


class _Scrub(logging.Filter):
    """Replaces the key in what other libraries log."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key

    def filter(self, entry: logging.LogRecord) -> bool:
        text = entry.getMessage()
        if self._key in text:
            entry.msg, entry.args = text.replace(self._key, "***"), ()
        return True


@contextlib.contextmanager
def _scrubbed_logs(key: str) -> Iterator[None]:
    scrub = _Scrub(key)
    loggers = [logging.getLogger(name) for name in TALKATIVE]
    for logger in loggers:
        logger.addFilter(scrub)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(scrub)
