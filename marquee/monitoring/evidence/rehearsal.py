"""Events as the people of the test period would leave them: to see monitoring work before anybody comes.

At each moment at which somebody rated, they are answered by the bundle; where what they rated stands in the
list, they click it and rate it. Nothing of this was recorded of a service.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from marquee.data.tables.interactions import TEST, Interactions
from marquee.evaluation.measures import events
from marquee.evaluation.measures.events import Events
from marquee.events import records
from marquee.models.features.person import History
from marquee.monitoring.evidence.requests import FIRST
from marquee.serving.recommender.recommender import Recommendation, Recommender
from marquee.serving.replay import histories

LOWEST, HIGHEST = 0.5, 5.0
STEP_MS, SECONDS_LATER = 4.0, 60.0
"""What an answer is said to have taken, and when its feedback came: a rehearsal has no clock."""


@dataclass(frozen=True)
class Drift:
    """From a share of the requests on, everybody's ratings are higher (or lower) by this many stars."""

    after: float
    stars: float


def rehearse(
    recommender: Recommender, bundle: str, table: Interactions, most: int, drift: Drift, seed: int
) -> Iterator[dict[str, Any]]:
    """Records of answers and feedback, in the order of time.

    Args:
        recommender: of the bundle.
        bundle: its content hash.
        table: all interactions.
        most: requests at most, the first of the test period.
        drift: what changes, and when.
        seed: of the draw of people where there are very many.
    """
    asked = events.of_period(table, TEST, table.num_users, seed)
    in_time = np.argsort(table.timestamp[asked.rows], kind="stable")[:most]
    for number, position in enumerate(in_time.tolist()):
        stars = drift.stars if number >= drift.after * len(in_time) else 0.0
        yield from _one(recommender, bundle, table, asked, position, stars)


def _one(
    recommender: Recommender, bundle: str, table: Interactions, asked: Events, position: int, stars: float
) -> Iterator[dict[str, Any]]:
    kept, now = histories.of_event(table, asked, position)
    ratings = np.clip(kept.rating + np.float32(stars), LOWEST, HIGHEST)
    history = History(kept.movie_index, ratings, kept.timestamp)
    best = recommender.recommend(history, now, FIRST)
    row = int(asked.rows[position])
    visitor = f"rehearsal-{table.user_index[row]}"
    answer = answered(recommender, bundle, history, best, Moment(visitor, float(now), now))
    yield answer
    movie_id = recommender.index.titles.movie_id[table.movie_index[row]]
    given = float(np.clip(table.rating[row] + stars, LOWEST, HIGHEST))
    yield from reacted(answer, movie_id, given)


@dataclass(frozen=True)
class Moment:
    """When somebody asks.

    Attributes:
        visitor_id: who.
        time: when it is recorded, seconds since 1970.
        now: the moment that the answer is for, seconds since 1970.
        explore_seed: where the request lets chance have a say.
    """

    visitor_id: str
    time: float
    now: int
    explore_seed: int | None = None


def answered(
    recommender: Recommender, bundle: str, history: History, best: list[Recommendation], moment: Moment
) -> dict[str, Any]:
    """The record of an answer, as the service would leave it."""
    movie_id = recommender.index.titles.movie_id
    columns = history.movie_index.tolist(), history.rating.tolist(), history.timestamp.tolist()
    rated = [
        {"movie_id": movie_id[movie], "rating": rating, "timestamp": timestamp}
        for movie, rating, timestamp in zip(*columns, strict=True)
    ]
    return records.answer(
        "recommend",
        request_id=records.request_id(),
        time=moment.time,
        bundle=bundle,
        arm="champion",
        visitor_id=moment.visitor_id,
        request={
            "history": rated,
            "k": FIRST,
            "now": moment.now,
            "explore_seed": moment.explore_seed,
        },
        results=records.results(
            [movie_id[one.movie_index] for one in best],
            sources=[one.source for one in best],
            scores=[one.score for one in best],
            predicted_ratings=[one.predicted_rating for one in best],
            propensities=[one.propensity for one in best],
        ),
        steps={"total": STEP_MS},
    )


def reacted(answer: Mapping[str, Any], movie_id: int, stars: float) -> Iterator[dict[str, Any]]:
    """The records of a click and of a rating, where the movie stands in the answer; else none."""
    place = next((one["place"] for one in answer["results"] if one["movie_id"] == movie_id), None)
    if place is None:
        return
    told: tuple[tuple[records.FeedbackEvent, float | None], ...] = (("clicked", None), ("rated", stars))
    for event, rating in told:
        yield records.feedback(
            request_id=records.request_id(),
            time=answer["time"] + SECONDS_LATER,
            bundle=answer["bundle"],
            visitor_id=answer["visitor_id"],
            answer_id=answer["request_id"],
            movie_id=movie_id,
            event=event,
            rating=rating,
            place=place,
        )
