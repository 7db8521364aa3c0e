"""Events as the people of the test period would leave them: to see monitoring work before anybody comes.

At each moment at which somebody rated, they are answered by the bundle; where what they rated stands in the
list, they click it and rate it. Nothing of this was recorded of a service.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from marquee.data.tables.interactions import TEST, Interactions
from marquee.evaluation.measures import events
from marquee.evaluation.measures.events import Events
from marquee.events import records
from marquee.models.features.person import History
from marquee.monitoring.evidence.requests import FIRST
from marquee.serving.recommender.recommender import Ranked, Recommender
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
    ranked = recommender.rank(history, now)
    row = int(asked.rows[position])
    visitor = f"rehearsal-{table.user_index[row]}"
    answer = _answer(recommender, bundle, history, ranked, now, visitor)
    yield answer
    place = np.flatnonzero(ranked.movie_index[:FIRST] == table.movie_index[row])
    if not len(place):
        return
    given = float(np.clip(table.rating[row] + stars, LOWEST, HIGHEST))
    told: tuple[tuple[records.FeedbackEvent, float | None], ...] = (("clicked", None), ("rated", given))
    for event, rating in told:
        yield records.feedback(
            request_id=records.request_id(),
            time=now + SECONDS_LATER,
            bundle=bundle,
            visitor_id=visitor,
            answer_id=answer["request_id"],
            movie_id=recommender.index.titles.movie_id[table.movie_index[row]],
            event=event,
            rating=rating,
            place=int(place[0]) + 1,
        )


def _answer(
    recommender: Recommender, bundle: str, history: History, ranked: Ranked, now: int, visitor: str
) -> dict[str, Any]:
    movie_id = recommender.index.titles.movie_id
    columns = history.movie_index.tolist(), history.rating.tolist(), history.timestamp.tolist()
    rated = [
        {"movie_id": movie_id[movie], "rating": rating, "timestamp": timestamp}
        for movie, rating, timestamp in zip(*columns, strict=True)
    ]
    return records.answer(
        "recommend",
        request_id=records.request_id(),
        time=float(now),
        bundle=bundle,
        arm="champion",
        visitor_id=visitor,
        request={"history": rated, "k": FIRST, "now": now},
        results=records.results(
            [movie_id[movie] for movie in ranked.movie_index[:FIRST]],
            scores=ranked.score[:FIRST].tolist(),
            predicted_ratings=ranked.predicted_rating[:FIRST].tolist(),
        ),
        steps={"total": STEP_MS},
    )
