"""Who was answered by which of two bundles, and what they did in their first hours, from the event log.

A visitor counts once their hours are over, and then never changes: that is what lets the sequence in
`sequential.py` be looked at as often as one likes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from marquee.events import segments
from marquee.events.records import Answer, Feedback, Record
from marquee.events.segments import Counted
from marquee.pipeline.arrays import Bool, Float64

ARMS = ("champion", "challenger")
"""Those that visitors see; the shadow's answers are shown to nobody."""
COLUMNS = ("answers", "clicked_answers", "clicks", "reciprocal_rank", "ratings", "stars", "squared_error")
"""What is summed of each visitor."""
_ANSWERS = ("request_id", "time", "visitor_id", "arm", "bundle")
_REACTIONS = ("request_id", "time", "movie_id", "event", "reciprocal_rank", "stars", "squared_error")


class NoExperimentError(ValueError):
    """The log holds no two arms to compare; the message says what it holds and what to do."""


@dataclass(frozen=True)
class Recorded:
    """What the log holds of both arms.

    Attributes:
        answers: of lists shown `request_id`, `time`, `visitor_id` (null: none was given), `arm`, `bundle`.
        reactions: clicks and ratings of movies in these lists: `request_id` of the list, `time`, `movie_id`,
            `event`, `reciprocal_rank` (1 / place), `stars`, `squared_error` of the predicted rating.
        unattributed: clicks and ratings about no list of the log, or about a movie that is not in it.
    """

    answers: pd.DataFrame
    reactions: pd.DataFrame
    unattributed: int


@dataclass(frozen=True)
class Visitors:
    """Visitors whose hours are over, the one who came first first.

    Attributes:
        bundles: content hashes of champion and challenger.
        since: the moment from which both answered, seconds since 1970.
        challenger: (v,) whether that arm answered; else the champion did.
        sums: (v, len(COLUMNS)) float64, of what each did in their hours.
        waiting: visitors whose hours are not over.
        in_both: left out, for both arms answered them.
        unnamed: answers left out, for they came without a visitor_id.
    """

    bundles: tuple[str, str]
    since: float
    challenger: Bool
    sums: Float64
    waiting: int
    in_both: int
    unnamed: int

    def column(self, name: str) -> Float64:
        """(v,) one of `COLUMNS`."""
        chosen: Float64 = self.sums[:, COLUMNS.index(name)]
        return chosen


def read(folder: Path) -> Recorded:
    """Both arms' lists and what was done with them, of segments that are being written too."""
    about: dict[str, list[Feedback]] = {}
    for record in _records(folder):
        if isinstance(record, Feedback) and record.event in ("clicked", "rated"):
            about.setdefault(record.answer_id or "", []).append(record)
    given = sum(len(feedback) for feedback in about.values())
    answers, reactions = [], []
    for record in _records(folder):
        if isinstance(record, Answer) and record.kind == "recommend" and record.arm in ARMS:
            answers.append((record.request_id, record.time, record.visitor_id, record.arm, record.bundle))
            reactions += _reactions(record, about.get(record.request_id, []))
    return Recorded(
        pd.DataFrame(answers, columns=list(_ANSWERS)),
        pd.DataFrame(reactions, columns=list(_REACTIONS)),
        given - len(reactions),
    )


def select(recorded: Recorded, hours: float, now: float, since: float = 0.0) -> Visitors:
    """The visitors of the two bundles that answer now.

    Args:
        recorded: of the log.
        hours: of each visitor that count, from the first list they were shown.
        now: seconds since 1970.
        since: leaves out what was before; what was before both bundles answered is left out in any case.

    Raises:
        NoExperimentError: one of the arms answered nobody.
    """
    answers = recorded.answers[recorded.answers["time"] >= since].sort_values(["time", "request_id"])
    bundles = _bundles_now(answers)
    of_these = answers["bundle"] == answers["arm"].map(dict(zip(ARMS, bundles, strict=True)))
    since = _both_answer_from(answers, of_these)
    both = answers[of_these & (answers["time"] >= since)]
    named = both[both["visitor_id"].notna()]
    first = named.groupby("visitor_id", sort=False)["time"].transform("first")
    within = named[named["time"] < first + hours * 3600].assign(over=first + hours * 3600)
    over = within[within["over"] <= now]
    arms = over.groupby("visitor_id", sort=False)["arm"].nunique()
    counted = over[over["visitor_id"].map(arms) == 1]
    sums = _sums(counted, recorded.reactions)
    arm = counted.groupby("visitor_id", sort=False)["arm"].first()
    return Visitors(
        bundles=bundles,
        since=since,
        challenger=(arm == "challenger").to_numpy(dtype=bool),
        sums=sums.reindex(arm.index).to_numpy(dtype=np.float64),
        waiting=int(within["visitor_id"].nunique() - len(arms)),
        in_both=int((arms > 1).sum()),
        unnamed=len(both) - len(named),
    )


def _records(folder: Path) -> Iterator[Record]:
    return segments.read(folder, Counted(), include_open=True)


def _reactions(answer: Answer, feedback: list[Feedback]) -> list[tuple[object, ...]]:
    shown = {result.movie_id: result for result in answer.results}
    found = [(one, shown[one.movie_id]) for one in feedback if one.movie_id in shown]
    return [
        (
            answer.request_id,
            one.time,
            one.movie_id,
            one.event,
            1 / result.place,
            one.rating,
            None
            if one.rating is None or result.predicted_rating is None
            else (one.rating - result.predicted_rating) ** 2,
        )
        for one, result in found
    ]


def _bundles_now(answers: pd.DataFrame) -> tuple[str, str]:
    latest = answers.groupby("arm")["bundle"].last()
    missing = [arm for arm in ARMS if arm not in latest.index]
    if missing:
        raise NoExperimentError(
            f"The log holds {len(answers)} lists shown to visitors, none by the {' and '.join(missing)}.\n"
            "Put a bundle into models/challenger and set `serving.challenger.mode: split` in params.yaml "
            "(a shadow's answers are shown to nobody: there is nothing to compare)."
        )
    return str(latest["champion"]), str(latest["challenger"])


def _both_answer_from(answers: pd.DataFrame, of_these: pd.Series) -> float:
    """The moment from which both bundles answered, and no other."""
    first = answers[of_these].groupby("arm")["time"].min()
    others = answers["time"][~of_these]
    return float(max(first.max(), others.max() if len(others) else 0.0))


def _sums(answers: pd.DataFrame, reactions: pd.DataFrame) -> pd.DataFrame:
    """(v, len(COLUMNS)) of each visitor of some answers."""
    about = reactions.merge(answers[["request_id", "visitor_id", "over"]], on="request_id")
    # A second click on the same movie is no news; a second rating takes the place of the first.
    about = about[about["time"] < about["over"]].sort_values("time")
    about = about.drop_duplicates(["request_id", "movie_id", "event"], keep="last")
    clicks, ratings = about[about["event"] == "clicked"], about[about["event"] == "rated"]
    by_visitor = pd.DataFrame(
        {
            "answers": answers.groupby("visitor_id").size(),
            "clicked_answers": clicks.groupby("visitor_id")["request_id"].nunique(),
            "clicks": clicks.groupby("visitor_id").size(),
            "reciprocal_rank": clicks.groupby("visitor_id")["reciprocal_rank"].sum(),
            "ratings": ratings.groupby("visitor_id").size(),
            "stars": ratings.groupby("visitor_id")["stars"].sum(),
            "squared_error": ratings.groupby("visitor_id")["squared_error"].sum(),
        },
        columns=list(COLUMNS),
    )
    return by_visitor.fillna(0.0).astype(np.float64)
