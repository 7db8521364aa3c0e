"""Champion and challenger asked the same events, by the code that serves; what they did becomes measures.

What an answer prompted says nothing of ranks: the bundle that gave the answer chose what could be rated, so
its own movies stand high in its own lists. NDCG counts ratings that no answer prompted, squared errors all.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from marquee.data.tables.interactions import TEST, TRAIN, Interactions
from marquee.evaluation.measures import events
from marquee.evaluation.measures.events import Events
from marquee.evaluation.measures.rank_metrics import LIST_K, NDCG_AT_10, REMOVED
from marquee.models.features.person import History
from marquee.monitoring.promotion.decision import Figure, Measure
from marquee.pipeline.arrays import Bool, Float32, Float64, Int32, Int64
from marquee.pipeline.params import Params
from marquee.serving.recommender.bundle import Packaged
from marquee.serving.recommender.recommender import Recommender
from marquee.serving.replay import histories

MILLISECONDS = 1000


@dataclass(frozen=True)
class Asked:
    """The newest events, asked of both bundles.

    Attributes:
        table: all ratings; a movie's row is its place in `movie_ids`.
        events: e of them, sorted by row.
        movie_ids: (m,) int32, of the table's catalogue.
        prompted: (e,) whether an answer of the service prompted the rating.
        is_ranked: (e,) whether its movie should stand high in a list: liked, and not prompted.
    """

    table: Interactions
    events: Events
    movie_ids: Int32
    prompted: Bool
    is_ranked: Bool

    @property
    def users(self) -> Int64:
        """(e,) whose event it is."""
        return self.table.user_index[self.events.rows].astype(np.int64)

    @property
    def movies(self) -> Int32:
        """(e,) rows of the movies asked about."""
        return self.table.movie_index[self.events.rows]


@dataclass(frozen=True)
class Answered:
    """What one bundle did.

    Attributes:
        rank: (e,) int32, place of the event's movie in the whole list; `REMOVED` where it is not in it, or
            the event is not ranked.
        predicted_rating: (e,) float32 stars; NaN where the bundle does not know the movie.
        coverage: share of its catalogue in the first `LIST_K` places of any list.
        latency_ms: 99th percentile of the milliseconds of a list.
        trained_on: (m,) bool, whether its training saw the movie of the table's catalogue.
    """

    rank: Int32
    predicted_rating: Float32
    coverage: float
    latency_ms: float
    trained_on: Bool


def newest(table: Interactions, movie_ids: Int32, prompted: Bool, start: int, params: Params) -> Asked:
    """The events from a moment on, of at most `max_users` people.

    Args:
        table: all ratings, in any period.
        movie_ids: (m,) of its catalogue.
        prompted: (n,) per row of the table.
        start: seconds since 1970; both bundles were fitted on ratings before it alone.
        params: of params.yaml.
    """
    split = replace(table, period=np.where(table.timestamp >= start, TEST, TRAIN).astype(np.uint8))
    found = events.of_period(split, TEST, params.monitoring.promotion.max_users, params.seed)
    liked = table.rating[found.rows] >= params.preprocess_data.positive_rating
    return Asked(split, found, movie_ids, prompted[found.rows], liked & ~prompted[found.rows])


def answer(packaged: Packaged, asked: Asked, name: str) -> Answered:
    """Ask one bundle every event, one by one as the service is asked.

    Args:
        packaged: the bundle; its catalogue may be another than the table's.
        asked: the events.
        name: of the bundle, for the progress bar.
    """
    recommender = Recommender(packaged.bundle, packaged.recommender)
    row_of = np.array(recommender.rows_of(asked.movie_ids.tolist()), dtype=np.int32)
    count = len(asked.events)
    rank, predicted = np.full(count, REMOVED, dtype=np.int32), np.full(count, np.nan, dtype=np.float32)
    shown, took = np.zeros(len(recommender.index), dtype=bool), []
    for position in tqdm(range(count), desc=name, unit="event", disable=None, leave=False):
        history, now = _known(*histories.of_event(asked.table, asked.events, position), row_of)
        target = row_of[asked.movies[position]]
        if target >= 0:
            predicted[position] = recommender.predict_ratings(history, np.array([target], np.int32), now)[0]
        if asked.is_ranked[position]:
            began = time.perf_counter()
            listed = recommender.rank(history, now).movie_index
            took.append(MILLISECONDS * (time.perf_counter() - began))
            found = np.flatnonzero(listed == target)
            rank[position] = found[0] + 1 if len(found) else REMOVED
            shown[listed[:LIST_K]] = True
    count_of = recommender.index.movies.statistics.count
    return Answered(
        rank,
        predicted,
        float(shown.mean()),
        float(np.percentile(took, 99)) if took else 0.0,
        (row_of >= 0) & (count_of[np.maximum(row_of, 0)] > 0),
    )


def headlines(asked: Asked, champion: Answered, challenger: Answered, params: Params) -> list[Measure]:
    """The measures that may promote: NDCG@10 of lists, RMSE of predicted ratings."""
    margins = params.monitoring.promotion.margins
    errors = [_squared_errors(asked, one) for one in (champion, challenger)]
    known = np.isfinite(errors[0]) & np.isfinite(errors[1])
    return [
        _of_lists(NDCG_AT_10.name, margins.ndcg_at_10, asked, asked.is_ranked, (champion, challenger)),
        Measure("rmse", errors[0][known], errors[1][known], asked.users[known], margins.rmse, errors=True),
    ]


def guards(asked: Asked, champion: Answered, challenger: Answered, params: Params) -> list[Measure]:
    """The measures that may refuse: lists for movies that neither was trained on, and for newcomers."""
    margins = params.monitoring.promotion.margins
    cold = ~(champion.trained_on | challenger.trained_on)[asked.movies]
    both = (champion, challenger)
    return [
        _of_lists("cold_movies", margins.cold_movies, asked, asked.is_ranked & cold, both),
        _of_lists("no_history", margins.no_history, asked, asked.is_ranked & ~asked.events.has_history, both),
    ]


def figures(champion: Answered, challenger: Answered, params: Params) -> list[Figure]:
    """Coverage, and the latency that `package_service` requires too."""
    least = champion.coverage - params.monitoring.promotion.margins.coverage
    return [
        Figure("coverage", champion.coverage, challenger.coverage, least=least),
        Figure(
            "latency_p99_ms", champion.latency_ms, challenger.latency_ms, most=params.requirements.latency_ms
        ),
    ]


def _known(history: History, now: int, row_of: Int32) -> tuple[History, int]:
    """The history in the rows of a bundle; movies that it lacks are left out, as the service does."""
    rows = row_of[history.movie_index]
    kept = rows >= 0
    return History(rows[kept], history.rating[kept], history.timestamp[kept]), now


def _squared_errors(asked: Asked, answered: Answered) -> Float64:
    given = asked.table.rating[asked.events.rows].astype(np.float64)
    return np.square(answered.predicted_rating.astype(np.float64) - given)


def _of_lists(name: str, margin: float, asked: Asked, which: Bool, answered: Sequence[Answered]) -> Measure:
    champion, challenger = (NDCG_AT_10.of(one.rank[which]) for one in answered)
    return Measure(name, champion, challenger, asked.users[which], margin)
