"""What Prometheus sees of the service: every series, and the functions that feed them with plain values.

Names follow Prometheus' conventions: base units, `_total` for counters, `_info` for facts. Labels are
bounded: what is not expected counts as "other", so that no caller can make a series. Children of labels are
made at import: a counter that exists only from its first event on has no increase that `rate` could see.

Several workers: BentoML sets PROMETHEUS_MULTIPROC_DIR and each process writes files of its own there, which
`exposition.py` adds up.
"""

from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from prometheus_client import Counter, Gauge, Histogram

from marquee.serving.telemetry.ledger import Distribution, Ledger, Value

SOURCES = ("two_tower", "similar", "popular", "exploration")
STEPS = ("sources", "filter", "rank", "order")
ARMS = ("champion", "challenger", "shadow")
KINDS = ("recommend", "similar", "predict_ratings", "feedback")
FOLLOWED = {"clicked": "click", "rated": "rating"}
"""Events of feedback that say the movie was worth its place, and the label of their reciprocal rank."""
DROP_REASONS = ("queue_full", "disk", "invalid", "closed")
SWAP_OUTCOMES = ("swapped", "refused")
CODES = frozenset({200, 206, 304, 307, 400, 404, 405, 413, 415, 500, 503})
ALWAYS_SHOWN_CODES = (200, 500, 503)
"""Zero from the start, so that a first error is an increase; the rest appear when they happen."""
OTHER = "other"
TOP_PLACES = 5
INFO = "marquee_bundle_info"

SECONDS = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.25, 0.4, 0.5, 1.0, 2.5, 5.0)
"""Bounds of whole requests. 0.4 is `requirements.latency_ms`: the alert on it is exact, not interpolated."""
STEP_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)
STARS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0)
RECIPROCAL_RANKS = (0.01, 0.02, 0.05, 0.1, 0.125, 0.2, 0.25, 0.34, 0.5, 1.0)

Child = TypeVar("Child")


class Bounded(dict[str, Child]):
    """Children of a series by label; every label that is not expected is "other"."""

    def __missing__(self, label: object) -> Child:
        return self[OTHER]


REQUESTS = Counter("marquee_requests_total", "Requests answered", ["endpoint", "code"])
DURATION = Histogram(
    "marquee_request_duration_seconds", "Time to the whole answer", ["endpoint"], buckets=SECONDS
)
IN_PROGRESS = Gauge("marquee_requests_in_progress", "Requests being answered", multiprocess_mode="livesum")
STEP = Distribution(
    "marquee_step_duration_seconds", "Time of each step of an answer", ["step"], buckets=STEP_SECONDS
)
CANDIDATES = Counter("marquee_candidates_total", "Candidates by the source that put them highest", ["source"])
RESULTS = Counter("marquee_results_total", "Movies shown, by source", ["source"])
TOP_RESULTS = Counter(
    "marquee_top_results_total", f"Movies shown on the first {TOP_PLACES} places, by source", ["source"]
)
PREDICTED_RATING = Distribution(
    "marquee_predicted_rating_stars", "Predicted ratings of movies shown", buckets=STARS
)
FEEDBACK_RATING = Histogram("marquee_feedback_rating_stars", "Ratings that came as feedback", buckets=STARS)
RECIPROCAL_RANK = Histogram(
    "marquee_reciprocal_rank",
    "1 / place of movies that were clicked or rated: sum / count is the online MRR",
    ["event"],
    buckets=RECIPROCAL_RANKS,
)
ANSWERS = Counter("marquee_answers_total", "Answers by arm; those of the shadow are shown to nobody", ["arm"])
COLD_VISITORS = Counter("marquee_cold_visitors_total", "Answers to an empty history")
COLD_RESULTS = Counter("marquee_cold_results_total", "Movies shown that training never saw")
CATALOGUE = Gauge("marquee_catalogue_movies", "Movies of the catalogue", multiprocess_mode="livemostrecent")
SHOWN = Gauge(
    "marquee_catalogue_shown_movies",
    "Distinct movies shown since the bundle was opened; of several workers the largest number",
    multiprocess_mode="livemax",
)
EVENTS = Counter("marquee_events_total", "Events written to the log", ["kind"])
DROPPED = Counter("marquee_events_dropped_total", "Events lost to the log", ["reason"])
QUEUE = Gauge("marquee_event_queue_length", "Events waiting to be written", multiprocess_mode="livesum")
HEALTHY = Gauge(
    "marquee_event_log_healthy", "1 while every worker can write events", multiprocess_mode="livemin"
)
HEALTHY.set(1)
"""Until a write fails; also where nothing is recorded at all."""
BUNDLE = Gauge(INFO, "1 for each bundle that answers", ["bundle", "arm"], multiprocess_mode="livemax")
SWAPS = Counter("marquee_bundle_swaps_total", "New bundles taken or refused", ["outcome"])
STARTED = Counter("marquee_workers_started_total", "Workers started, first starts included")
WORKERS = Gauge("marquee_workers", "Workers alive", multiprocess_mode="livesum")


LEDGER = Ledger()
"""What answers add; `exposition.py` writes it before each scrape."""


def _children(counter: Counter, labels: Iterable[str]) -> Bounded[Counter]:
    return Bounded({label: counter.labels(label) for label in (*labels, OTHER)})


_candidates = _children(CANDIDATES, SOURCES)
_results = _children(RESULTS, SOURCES)
_top_results = _children(TOP_RESULTS, SOURCES)
_answers = _children(ANSWERS, ARMS)
_events = _children(EVENTS, KINDS)
_dropped = _children(DROPPED, DROP_REASONS)
_swaps = _children(SWAPS, SWAP_OUTCOMES)
_steps = Bounded({step: STEP.labels(step) for step in (*STEPS, OTHER)})
_reciprocal_ranks = {event: RECIPROCAL_RANK.labels(label) for event, label in FOLLOWED.items()}


class Requests:
    """The three series of HTTP traffic, for a known set of endpoints."""

    def __init__(self, endpoints: Iterable[str]) -> None:
        """Show every endpoint from the start; what else comes in counts as "other"."""
        labels = (*endpoints, OTHER)
        self._durations = Bounded({label: DURATION.labels(label) for label in labels})
        self._counts = {(label, code): _count(label, code) for label in labels for code in ALWAYS_SHOWN_CODES}

    def began(self) -> None:
        """A request came in; `answered` must follow."""
        IN_PROGRESS.inc()

    def answered(self, endpoint: str, code: int, seconds: float) -> None:
        """It was answered after `seconds`."""
        IN_PROGRESS.dec()
        self._durations[endpoint].observe(seconds)
        count = self._counts.get((endpoint, code))
        (count or self._less_usual(endpoint, code)).inc()

    def _less_usual(self, endpoint: str, code: int) -> Counter:
        return _count(endpoint if endpoint in self._durations else OTHER, code if code in CODES else OTHER)


def _count(endpoint: str, code: int | str) -> Counter:
    return REQUESTS.labels(endpoint, code)


def observe_answer(
    arm: str,
    sources: Sequence[str],
    candidates_by_source: Mapping[str, int],
    predicted_ratings: Sequence[float],
    steps: Mapping[str, float],
    cold_visitor: bool,
    cold_results: int,
) -> None:
    """One answer of /recommend. Of the shadow arm only the answer and its steps count: nobody saw its movies.

    Args:
        arm: one of ARMS.
        sources: of each movie, in the order of places.
        candidates_by_source: how many candidates were ranked, by the source that put them highest.
        predicted_ratings: of each movie, stars.
        steps: milliseconds of each step, as the event log records them; "total" is left aside, the
            duration of the request holds it.
        cold_visitor: whether the history was empty.
        cold_results: how many of the movies training never saw.
    """
    increments: list[tuple[Value, float]] = [(_answers[arm], 1)]
    for step, milliseconds in steps.items():
        if step != "total":
            increments += _steps[step].increments((milliseconds / 1e3,))
    if arm != "shadow":
        increments += _shown(sources, predicted_ratings)
        increments += [(_candidates[source], count) for source, count in candidates_by_source.items()]
        increments += [(COLD_VISITORS, cold_visitor), (COLD_RESULTS, cold_results)]
    LEDGER.add(increments)


def _shown(sources: Sequence[str], predicted_ratings: Sequence[float]) -> Iterator[tuple[Value, float]]:
    for source, count in Tally(sources).items():
        yield _results[source], count
    for source, count in Tally(sources[:TOP_PLACES]).items():
        yield _top_results[source], count
    yield from PREDICTED_RATING.increments(predicted_ratings)


def observe_feedback(event: str, rating: float | None, place: int | None) -> None:
    """One feedback.

    Args:
        event: as `FeedbackRequest` has it; the place of a movie counts where FOLLOWED names the event.
        rating: stars, or None.
        place: 1-based place of the movie in the answer that showed it, or None where that is not known.
    """
    if rating is not None:
        FEEDBACK_RATING.observe(rating)
    reciprocal_rank = _reciprocal_ranks.get(event)
    if reciprocal_rank is not None and place is not None:
        reciprocal_rank.observe(1.0 / place)


class Coverage:
    """The distinct movies that answers of one bundle showed; make a new one when a bundle is opened."""

    def __init__(self, num_movies: int) -> None:
        self._shown: set[int] = set()
        CATALOGUE.set(num_movies)
        SHOWN.set(0)

    def observe(self, movie_ids: Iterable[int]) -> None:
        """The movies of one answer that somebody saw."""
        before = len(self._shown)
        self._shown.update(movie_ids)
        if len(self._shown) != before:
            SHOWN.set(len(self._shown))


class EventLogStats(Protocol):
    """What the event log of this process counts; the counts grow until it is opened again."""

    @property
    def written(self) -> Mapping[str, int]:
        """Events by kind."""

    @property
    def dropped(self) -> Mapping[str, int]:
        """Events lost, by reason."""

    @property
    def queue_length(self) -> int:
        """Events waiting now."""

    @property
    def healthy(self) -> bool:
        """Whether events can be written."""


_seen: dict[tuple[Counter, str], int] = {}


def observe_event_log(stats: EventLogStats) -> None:
    """The state of this process' event log: call it every second or so, from one thread."""
    QUEUE.set(stats.queue_length)
    HEALTHY.set(stats.healthy)
    for counter, children, counts in ((EVENTS, _events, stats.written), (DROPPED, _dropped, stats.dropped)):
        for label, count in counts.items():
            seen = _seen.get((counter, label), 0)
            children[label].inc(count - seen if count >= seen else count)  # less: a log that was opened again
            _seen[counter, label] = count


_bundle_of_arm: dict[str, str] = {}


def observe_bundle(arm: str, bundle: str | None) -> None:
    """From now on this bundle answers for an arm; None: the arm has none."""
    before = _bundle_of_arm.pop(arm, None)
    if before is not None:
        BUNDLE.labels(before, arm).set(0)
    if bundle is not None:
        _bundle_of_arm[arm] = bundle
        BUNDLE.labels(bundle, arm).set(1)


def observe_swap(outcome: str) -> None:
    """A new bundle was "swapped" in or "refused"."""
    _swaps[outcome].inc()


def observe_worker_started() -> None:
    """This process is a worker and begins to answer."""
    STARTED.inc()
    WORKERS.set(1)
    LEDGER.write_regularly()
