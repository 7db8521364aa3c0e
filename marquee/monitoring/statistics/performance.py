"""How well the recorded lists did: what visitors said of them, how fast they came, what they showed."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats

from marquee.evaluation.measures.intervals import COVERED, Interval
from marquee.monitoring.evidence.recorded import Recorded
from marquee.monitoring.evidence.requests import FIRST
from marquee.monitoring.statistics import resampling
from marquee.pipeline.arrays import Bool, Float32, Float64, Int64

LATENCY_PERCENTILE = 0.99
TOP_SHARE = 0.1
"""Of the catalogue: the movies rated most. Their share of the lists says how far popularity feeds itself."""
LOWER_IS_BETTER = ("rmse",)


@dataclass(frozen=True)
class Change:
    """How much worse the recent answers did than those before them.

    Attributes:
        worse_by: with its 95 % interval over visitors; above 0 is worse, whatever the measure.
        count: of what it rests on, recently: ratings, or answers that anybody reacted to.
    """

    worse_by: Interval
    count: int


class Measured:
    """Numbers of recorded answers, each with its interval."""

    def __init__(self, recorded: Recorded, positive_rating: float, samples: int, seed: int) -> None:
        """Join what came back to the answers."""
        self._answers, self._results = recorded.answers, recorded.results
        feedback = recorded.feedback
        self._liked = feedback[
            (feedback["event"] == "clicked")
            | ((feedback["event"] == "rated") & (feedback["rating"] >= positive_rating))
        ].drop_duplicates(["answer_id", "movie_id"])
        self._rated = feedback[
            (feedback["event"] == "rated") & feedback["predicted_rating"].notna() & feedback["rating"].notna()
        ]
        self._clicked = feedback.loc[feedback["event"] == "clicked", "answer_id"]
        self._samples, self._seed = samples, seed

    def headline(self) -> dict[str, Interval]:
        """What is compared from one run to the next."""
        ids, visitors = self._answers["request_id"], self._visitors(self._answers)
        errors, of_rated = self._squared_errors()
        return {
            "mrr": self._mean(1 / self._liked["place"].to_numpy(np.float64), self._visitors(self._liked)),
            f"hit_rate_at_{FIRST}": self._mean(self._hits(), visitors),
            "click_share": self._mean(ids.isin(self._clicked).to_numpy(), visitors),
            "rmse": self._interval([errors, np.ones(len(errors))], of_rated, resampling.root_ratio),
            "latency_p99_ms": latency(self._answers["total_ms"].dropna().to_numpy(np.float64)),
        }

    def changes(self, first_recent: int) -> dict[str, Change]:
        """RMSE and hit rate of the answers from a row on, against those before it."""
        ids = self._answers["request_id"]
        recent = np.arange(len(ids)) >= first_recent
        errors, of_rated = self._squared_errors()
        rated_recently = self._rated["answer_id"].isin(ids[recent]).to_numpy()
        reacted = int(np.isin(self._liked["answer_id"].unique(), ids[recent]).sum())
        return {
            "rmse": Change(
                self._difference(errors, of_rated, rated_recently, root=True), int(rated_recently.sum())
            ),
            f"hit_rate_at_{FIRST}": Change(
                self._difference(-self._hits(), self._visitors(self._answers), recent, root=False), reacted
            ),
        }

    def counts(self) -> dict[str, int]:
        """Answers, visitors, ratings and liked movies that the numbers rest on."""
        return {
            "answers": len(self._answers),
            "visitors": int(self._answers["visitor"].nunique()),
            "ratings": len(self._rated),
            "liked": len(self._liked),
        }

    def _hits(self) -> Float64:
        first = self._liked.loc[self._liked["place"] <= FIRST, "answer_id"]
        return self._answers["request_id"].isin(first).to_numpy().astype(np.float64)

    def _squared_errors(self) -> tuple[Float64, Int64]:
        errors = self._rated["rating"].to_numpy(np.float64) - self._rated["predicted_rating"]
        return np.square(np.asarray(errors, dtype=np.float64)), self._visitors(self._rated)

    def _difference(self, values: Float64, visitors: Int64, recent: Bool, root: bool) -> Interval:
        """Recent mean (or its root) minus the earlier, both in each draw of visitors."""
        columns = [values * recent, recent, values * ~recent, ~recent]

        def statistic(sums: Float64) -> Float64:
            pair = sums[..., 0] / sums[..., 1], sums[..., 2] / sums[..., 3]
            now, before = (np.sqrt(one) for one in pair) if root else pair
            return np.asarray(now - before)

        return self._interval([column.astype(np.float64) for column in columns], visitors, statistic)

    def _mean(self, values: Float64 | Bool, visitors: Int64) -> Interval:
        return self._interval(
            [np.asarray(values, dtype=np.float64), np.ones(len(values))], visitors, resampling.ratio
        )

    def _interval(self, columns: list[Float64], visitors: Int64, statistic: resampling.Statistic) -> Interval:
        stacked = np.stack(columns, axis=1)
        return resampling.interval(stacked, visitors, statistic, self._samples, self._seed)

    @staticmethod
    def _visitors(frame: pd.DataFrame) -> Int64:
        return frame["visitor"].to_numpy(np.int64)


def latency(milliseconds: Float64) -> Interval:
    """The 99th percentile of whole answers, with scipy's exact (binomial) interval."""
    if len(milliseconds) == 0:
        return resampling.UNKNOWN
    value = float(np.quantile(milliseconds, LATENCY_PERCENTILE))
    test = scipy.stats.quantile_test(milliseconds, q=value, p=LATENCY_PERCENTILE)
    ends = test.confidence_interval(confidence_level=COVERED)
    return Interval(value, float(ends.low), float(ends.high))


@dataclass(frozen=True)
class Exposure:
    """What the lists showed.

    Attributes:
        coverage: share of the catalogue that stood in the first places of any list.
        popular_share: of the places, those of the tenth of the catalogue that was rated most, window by
            window.
        trend: change of that share per window, with its interval (Theil 1950 and Sen 1968); above 0 the
            loop feeds itself.
    """

    coverage: float
    popular_share: Float64
    trend: Interval


def exposure(recorded: Recorded, rows_of: dict[int, int], ratings: Float32, starts: Int64) -> Exposure:
    """What the first places showed.

    Args:
        recorded: the answers.
        rows_of: movie_id -> row of the catalogue.
        ratings: (num_movies,) of each movie that the models learned from.
        starts: rows at which windows start.
    """
    first = recorded.results[recorded.results["place"] <= FIRST]
    movie = first["movie_id"].map(rows_of)
    movie_index = movie[movie.notna()].astype(np.int64)
    popular = np.zeros(len(ratings), dtype=bool)
    popular[np.argsort(-ratings, kind="stable")[: max(1, round(TOP_SHARE * len(ratings)))]] = True
    row_of = pd.Series(np.arange(len(recorded.answers)), index=recorded.answers["request_id"])
    answer = first.loc[movie_index.index, "request_id"].map(row_of).to_numpy()
    window = np.searchsorted(starts, answer, side="right") - 1
    inside = window >= 0
    places = np.bincount(window[inside], minlength=len(starts))
    shown = np.bincount(window[inside], popular[movie_index][inside], minlength=len(starts))
    share = shown / np.maximum(places, 1)
    return Exposure(len(np.unique(movie_index)) / len(ratings), share, trend(share))


def trend(values: Float64) -> Interval:
    """Change per window, robust against single ones; not known of fewer than three."""
    if len(values) < 3:
        return resampling.UNKNOWN
    slope = scipy.stats.theilslopes(values, alpha=COVERED)
    return Interval(float(slope.slope), float(slope.low_slope), float(slope.high_slope))
