"""What the recommender was asked, and answered, in the period it was evaluated on: live is compared with it.

That is the test period: the packaged models are fitted on train and validation, where they predict ratings
0.03 stars better than they ever will again and know every movie. Nothing is chosen by it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from marquee.data.tables.interactions import TEST, Interactions
from marquee.evaluation.measures import events
from marquee.evaluation.measures.events import Events
from marquee.monitoring.evidence import requests
from marquee.monitoring.evidence.requests import FIRST, Asked, Requests
from marquee.pipeline import arrays
from marquee.pipeline.arrays import Float32, Float64, Int64
from marquee.serving.recommender.bundle import Packaged
from marquee.serving.recommender.recommender import Recommender
from marquee.serving.replay import histories

NO_PLACE = 0.0


class NoReferenceError(ValueError):
    """The reference is missing or of another bundle; the message says what to do."""


@dataclass(frozen=True)
class Reference:
    """Requests of the reference and how well they were answered, columns of length n.

    Attributes:
        bundle: content hash of the one that answered.
        requests: see there.
        squared_error: float64 stars squared of what was rated next; the mean where several at once.
        hit: float64 share of what was liked next that stands in the first places; NaN where nothing was.
        reciprocal_rank: float64 mean 1 / place of the same; 0 where it is no candidate.
        ratings: (num_movies,) float32, ratings of each movie that the models learned from.
    """

    bundle: str
    requests: Requests
    squared_error: Float64
    hit: Float64
    reciprocal_rank: Float64
    ratings: Float32


def build(
    packaged: Packaged, table: Interactions, positive_rating: float, max_visitors: int, seed: int
) -> Reference:
    """Ask a bundle every moment of the test period at which somebody rated.

    Args:
        packaged: the bundle that serves.
        table: all interactions.
        positive_rating: stars from which a movie was liked.
        max_visitors: where more people are in the period, a draw.
        seed: of the draw.

    Raises:
        NoReferenceError: nobody rated anything in the period.
    """
    recommender = Recommender(packaged.bundle, packaged.recommender)
    asked = events.of_period(table, TEST, max_visitors, seed)
    if len(asked) == 0:
        raise NoReferenceError("The test period holds no interactions. Move preprocess_data.test_cutoff.")
    moments = _moments(asked)
    outcomes = np.full((3, len(moments)), np.nan)
    described = requests.describe(
        recommender, _ask(recommender, table, asked, moments, positive_rating, outcomes), len(moments)
    )
    in_time = np.argsort(described.time, kind="stable")
    error, hit, reciprocal = outcomes[:, in_time]
    ratings = recommender.index.movies.statistics.count
    return Reference(packaged.content_hash, described.at(in_time), error, hit, reciprocal, ratings)


def write(reference: Reference, path: Path) -> None:
    """Write as one .npz."""
    columns = {field.name: getattr(reference.requests, field.name) for field in fields(Requests)}
    outcomes = {name: getattr(reference, name) for name in _OUTCOMES}
    arrays.write(columns | outcomes | {"bundle": np.array(reference.bundle)}, path)


def read(path: Path) -> Reference:
    """Read what `write` wrote.

    Raises:
        NoReferenceError: it is missing.
    """
    if not path.exists():
        raise NoReferenceError(f"{path} is missing. Run `python -m monitoring.build_reference`.")
    stored = arrays.read(path)
    described = Requests(**{field.name: stored[field.name] for field in fields(Requests)})
    return Reference(str(stored["bundle"]), described, **{name: stored[name] for name in _OUTCOMES})


def read_of(path: Path, bundle: str) -> Reference:
    """Read the reference of a bundle.

    Raises:
        NoReferenceError: it is missing, or of another.
    """
    reference = read(path)
    if reference.bundle != bundle:
        raise NoReferenceError(
            f"{path} is of bundle {reference.bundle[:12]}; the one that serves is {bundle[:12]}. "
            "Run `python -m monitoring.build_reference`."
        )
    return reference


_OUTCOMES = ("squared_error", "hit", "reciprocal_rank", "ratings")


def _moments(asked: Events) -> list[Int64]:
    """Positions of events that share a history, in runs: they are asked once."""
    differs = (np.diff(asked.history_start) != 0) | (np.diff(asked.history_end) != 0)
    return np.split(np.arange(len(asked)), np.flatnonzero(differs) + 1)


def _ask(
    recommender: Recommender,
    table: Interactions,
    asked: Events,
    moments: list[Int64],
    positive_rating: float,
    outcomes: Float64,
) -> Iterator[Asked]:
    """Ask each moment; `outcomes` (3, moments) is filled on the way."""
    for row, positions in enumerate(moments):
        history, now = histories.of_event(table, asked, int(positions[0]))
        ranked = recommender.rank(history, now)
        targets = asked.rows[positions]
        movies, ratings = table.movie_index[targets], table.rating[targets]
        predicted = recommender.predict_ratings(history, movies, now)
        outcomes[0, row] = np.square(predicted.astype(np.float64) - ratings).mean()
        liked = movies[ratings >= positive_rating]
        if len(liked):
            places = [np.flatnonzero(ranked.movie_index == movie) + 1 for movie in liked]
            outcomes[1, row] = np.mean([len(place) > 0 and place[0] <= FIRST for place in places])
            outcomes[2, row] = np.mean([1 / place[0] if len(place) else NO_PLACE for place in places])
        yield Asked(
            int(table.user_index[targets[0]]),
            float(now),
            now,
            history.movie_index,
            history.rating,
            history.timestamp,
            ranked.score[:FIRST],
            ranked.predicted_rating[:FIRST],
        )
