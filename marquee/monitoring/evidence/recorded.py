"""Recorded answers of the bundle that is judged, with what came back of them, ready to be looked at."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from marquee.monitoring.collection import tables
from marquee.monitoring.evidence import requests
from marquee.monitoring.evidence.requests import FIRST, Asked, Requests
from marquee.pipeline.arrays import Float64, Int64
from marquee.serving.recommender.recommender import Recommender

ANSWERED = ("recommend", "champion")
"""Kind and arm of the answers that are judged: lists that visitors saw."""


@dataclass(frozen=True)
class Recorded:
    """The latest answers of a bundle and the feedback about them.

    Attributes:
        answers: `request_id`, `time`, `visitor` (a code), `total_ms`, and the history, in the order asked.
        results: `request_id`, `place`, `movie_id`, `score`, `predicted_rating` of these answers.
        feedback: `answer_id`, `visitor`, `movie_id`, `event`, `rating`, `place`, `predicted_rating` of what
            is about these answers; what visitors did with one movie of one answer comes once per event.
        other_answers: left out: of other bundles, arms or endpoints.
        unattributed: feedback that is about none of these answers, or about a movie that is not in it.
    """

    answers: pd.DataFrame
    results: pd.DataFrame
    feedback: pd.DataFrame
    other_answers: int
    unattributed: int


def read(folder: Path, bundle: str, most: int) -> Recorded:
    """The latest answers of a bundle, as many days as it takes.

    Args:
        folder: of the tables.
        bundle: content hash.
        most: answers at most.
    """
    days = tables.days(folder)
    taken: list[str] = []
    count = 0
    for day in reversed(days):
        if count >= most:
            break
        taken.append(day)
        answers = tables.read(folder, [day]).answers.to_pandas()
        count += int(_judged(answers, bundle).sum())
    read_ = tables.read(folder, sorted(taken))
    return select(
        read_.answers.to_pandas(), read_.results.to_pandas(), read_.feedback.to_pandas(), bundle, most
    )


def select(
    answers: pd.DataFrame, results: pd.DataFrame, feedback: pd.DataFrame, bundle: str, most: int
) -> Recorded:
    """The same, of tables that are read."""
    judged = answers[_judged(answers, bundle)]
    kept = judged.sort_values(["time", "request_id"]).tail(most).reset_index(drop=True)
    kept = kept.assign(visitor=_visitors(kept))
    places = results[results["request_id"].isin(kept["request_id"])]
    about = feedback.drop(columns=["request_id", "place", "bundle", "visitor_id"]).merge(
        places.rename(columns={"request_id": "answer_id"})[
            ["answer_id", "movie_id", "place", "predicted_rating"]
        ],
        on=["answer_id", "movie_id"],
    )
    about = about.sort_values("time").drop_duplicates(["answer_id", "movie_id", "event"], keep="last")
    about = about.merge(
        kept[["request_id", "visitor"]].rename(columns={"request_id": "answer_id"}), on="answer_id"
    )
    named = feedback["answer_id"].isin(
        answers.loc[~answers["request_id"].isin(kept["request_id"]), "request_id"]
    )
    attributed = feedback.merge(
        about[["answer_id", "movie_id"]].drop_duplicates(), on=["answer_id", "movie_id"]
    )
    return Recorded(
        kept,
        places,
        about.reset_index(drop=True),
        other_answers=len(answers) - len(judged),
        unattributed=len(feedback) - len(attributed) - int(named.sum()),
    )


def describe(recorded: Recorded, recommender: Recommender) -> Requests:
    """The answers as requests, in the order asked."""
    first = recorded.results[recorded.results["place"] <= FIRST].sort_values(["request_id", "place"])
    lists = {
        str(name): (group["score"].to_numpy(np.float64), group["predicted_rating"].to_numpy(np.float32))
        for name, group in first.groupby("request_id", sort=False)
    }
    return requests.describe(recommender, _asked(recorded.answers, lists, recommender), len(recorded.answers))


def _judged(answers: pd.DataFrame, bundle: str) -> pd.Series:
    kind, arm = ANSWERED
    return (answers["kind"] == kind) & (answers["arm"] == arm) & (answers["bundle"] == bundle)


def _visitors(answers: pd.DataFrame) -> Int64:
    """(n,) a code per visitor; one who gave no id is known by how their history begins, else stands alone."""
    keys = [
        visitor if isinstance(visitor, str) else _beginning(movies, ratings, times) or request_id
        for visitor, movies, ratings, times, request_id in zip(
            answers["visitor_id"],
            answers["history_movie_id"],
            answers["history_rating"],
            answers["history_timestamp"],
            answers["request_id"],
            strict=True,
        )
    ]
    return np.asarray(pd.factorize(np.array(keys, dtype=object))[0], dtype=np.int64)


def _beginning(movies: Int64, ratings: Float64, times: Int64 | None) -> tuple[object, ...] | None:
    if len(movies) == 0:
        return None
    first = 0 if times is None else int(np.argmin(times))
    return int(movies[first]), float(ratings[first]), None if times is None else int(times[first])


def _asked(
    answers: pd.DataFrame, lists: Mapping[str, tuple[Any, Any]], recommender: Recommender
) -> Iterator[Asked]:
    none = np.empty(0), np.empty(0, dtype=np.float32)
    rows: Iterable[Any] = answers.itertuples(index=False)
    for row in rows:
        movies = np.array(recommender.rows_of(row.history_movie_id.tolist()), dtype=np.int32)
        given = row.history_timestamp
        times = np.arange(row.now - len(movies), row.now) if given is None else np.asarray(given)
        order = np.lexsort((movies, times))
        now = max(int(row.now), int(times.max()) + 1 if len(times) else 0)  # as the service asks it
        score, predicted = lists.get(row.request_id, none)
        yield Asked(
            int(row.visitor),
            float(row.time),
            now,
            movies[order],
            np.asarray(row.history_rating, dtype=np.float32)[order],
            times[order].astype(np.int64),
            score,
            predicted,
        )
