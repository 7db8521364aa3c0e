"""Ratings that the service recorded, beside those of the source: what `data.feedback` names.

Only ratings are taken, with their own times; clicks say too little. What a visitor did is judged by rule and
counted, and never ends the stage: one broken client must not stop the next training.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from marquee.data.sources import licences
from marquee.data.sources.files.rules import LARGEST_ID, DataError
from marquee.data.sources.loading import Fetched
from marquee.data.sources.rating_rules import MILLISECONDS
from marquee.data.tables import schema
from marquee.pipeline.arrays import Bool

NONE = "none"
"""The value of `data.feedback` that takes none."""
MOST_PER_SECOND = 10
"""Ratings of a visitor in one second: of more, a program is the author, and none of its ratings is taken. A
page that sends a form of ten at once is still a person's."""
CORRECTED_WITHIN = 3600
"""Seconds after the first rating of a movie in which another one corrects it. A later change of mind is left
out: with it, what is trained on would depend on what came after the training period."""
RECORDED, ANSWERS = "feedback.parquet", "answers.parquet"
"""Tables of a day, as `monitoring/collect_events.py` leaves them."""
COLUMNS = ["time", "visitor_id", "answer_id", "movie_id", "event", "rating"]


@dataclass(frozen=True)
class Taken:
    """What is taken of the recorded feedback.

    Attributes:
        ratings: `visitor` (text), `movie_id`, `half_stars`, `timestamp`, `prompted`; each visitor and movie
            once.
        other_events: clicks and whatever else is no rating.
        left_out: rule -> ratings that broke it, each counted under the first.
    """

    ratings: pd.DataFrame
    other_events: int
    left_out: dict[str, int]


def join(fetched: Fetched, folder: str) -> Fetched:
    """Add the ratings recorded in a folder to a source's.

    A visitor is a new person, whatever they are called: their ids begin above the source's, in the order of
    their first ratings. The oracle goes: it answers for the source's people alone.

    Args:
        fetched: the source.
        folder: the value of `data.feedback`, searched with the folders in it.

    Raises:
        DataError: nothing was ever collected there, or there are more visitors than ids.
    """
    if folder == NONE:
        return fetched
    taken = take(*read(Path(folder)), fetched.movies.column("movie_id").to_numpy())
    source_ids = fetched.interactions.column("user_id").to_numpy()
    rated = _with_user_ids(taken.ratings, int(source_ids.max(initial=-1)) + 1)
    added = pa.Table.from_pandas(rated[schema.INTERACTIONS.names], schema.INTERACTIONS, preserve_index=False)
    together = pa.concat_tables([fetched.interactions, added.replace_schema_metadata(None)])
    keys = [(name, "ascending") for name in ("timestamp", "user_id", "movie_id")]
    named = set(map(str, np.unique(source_ids).tolist()))
    about = {
        "folder": folder,
        "ratings": len(rated),
        "visitors": int(rated["user_id"].nunique()),
        "visitors_named_as_users": len(named & set(rated["visitor"])),
        "other_events": taken.other_events,
        "left_out": taken.left_out,
    }
    return replace(
        fetched,
        interactions=together.sort_by(keys),
        oracle=schema.ORACLE.empty_table(),
        feedback=pa.Table.from_pandas(rated[schema.FEEDBACK.names], schema.FEEDBACK, preserve_index=False),
        about=fetched.about | {"feedback": about},
        licences=[*fetched.licences, licences.FEEDBACK],
    )


def read(folder: Path) -> tuple[pd.DataFrame, pd.Series]:
    """All feedback, and whose each answer was.

    Returns:
        `COLUMNS`, and visitor_id by request_id.

    Raises:
        DataError: there are no tables of feedback, or no such columns in one.
    """
    found = sorted(folder.rglob(RECORDED))
    if not found:
        raise DataError(
            f'data.feedback "{folder}" holds no {RECORDED}, itself or in its folders. Run '
            f'`python -m monitoring.collect_events` first, or set data.feedback to "{NONE}".'
        )
    answered = [path.with_name(ANSWERS) for path in found if path.with_name(ANSWERS).exists()]
    answers = _read(answered, ["request_id", "visitor_id"])
    return _read(found, COLUMNS), answers.drop_duplicates("request_id").set_index("request_id")["visitor_id"]


def take(feedback: pd.DataFrame, visitor_of: pd.Series, movie_ids: np.ndarray) -> Taken:
    """Sort out what is taken.

    Args:
        feedback: `COLUMNS`, in any order.
        visitor_of: visitor_id by request_id of answers: whose a rating is that names only its answer.
        movie_ids: (m,) of the source's catalogue, sorted.
    """
    rated = feedback[feedback["event"] == "rated"]
    of_answer = rated["answer_id"].map(visitor_of)
    rated = rated.assign(
        visitor=rated["visitor_id"].where(rated["visitor_id"].notna(), of_answer),
        prompted=rated["answer_id"].notna(),
        second=np.floor(rated["time"]),
    ).sort_values(["time", "visitor", "movie_id"], kind="stable", ignore_index=True)
    left_out: dict[str, int] = {}
    first = np.zeros(len(rated), dtype=bool)
    for name, broken in _rules(rated, movie_ids).items():
        left_out[name] = int((broken & ~first).sum())
        first |= broken
    kept = rated[~first]
    since = kept["second"] - kept.groupby(["visitor", "movie_id"])["second"].transform("min")
    left_out["rated_again"] = int((since > CORRECTED_WITHIN).sum())
    kept = kept[since <= CORRECTED_WITHIN]
    latest = ~kept.duplicated(["visitor", "movie_id"], keep="last")
    left_out["corrected"] = int((~latest).sum())
    kept = kept[latest]
    ratings = pd.DataFrame(
        {
            "visitor": kept["visitor"].astype(str),
            "movie_id": kept["movie_id"].astype(np.int32),
            "half_stars": (kept["rating"] * 2).astype(np.uint8),
            "timestamp": kept["second"].astype(np.int64),
            "prompted": kept["prompted"],
        }
    )
    return Taken(ratings.reset_index(drop=True), len(feedback) - len(rated), left_out)


def _rules(rated: pd.DataFrame, movie_ids: np.ndarray) -> dict[str, Bool]:
    """Name -> (n,) whether a rating breaks the rule; in this order, the source's among them."""
    rating, second = rated["rating"].to_numpy(np.float64), rated["second"].to_numpy(np.float64)
    per_second = rated.groupby(["visitor", "second"])["movie_id"].transform("size").to_numpy()
    programs = rated.loc[per_second > MOST_PER_SECOND, "visitor"].unique()
    return {
        "no_visitor": rated["visitor"].isna().to_numpy(),
        "too_many_per_second": rated["visitor"].isin(programs).to_numpy()
        & rated["visitor"].notna().to_numpy(),
        "rating_out_of_range": ~((rating >= 0.5) & (rating <= 5)),
        "not_half_stars": rating * 2 != np.rint(rating * 2),
        "timestamp_in_milliseconds": second >= MILLISECONDS,
        "timestamp_too_early": ~(second >= schema.EARLIEST),
        "unknown_movie": ~np.isin(rated["movie_id"].to_numpy(), movie_ids),
    }


def _with_user_ids(ratings: pd.DataFrame, first: int) -> pd.DataFrame:
    """Number the visitors from `first`, by their first rating; of one second, by their names."""
    order = ratings.groupby("visitor")["timestamp"].min().reset_index()
    order = order.sort_values(["timestamp", "visitor"], ignore_index=True)
    if first + len(order) - 1 > LARGEST_ID:
        raise DataError(
            f"{len(order):,} visitors would be numbered from {first:,}, beyond the largest id "
            f"{LARGEST_ID:,}. Renumber the source's users."
        )
    number = pd.Series(np.arange(first, first + len(order)), index=order["visitor"])
    return ratings.assign(user_id=ratings["visitor"].map(number).astype(np.int32))


def _read(files: list[Path], columns: list[str]) -> pd.DataFrame:
    parts = [pd.DataFrame(columns=columns)]
    for path in files:
        try:
            parts.append(pq.ParquetFile(path).read(columns=columns).select(columns).to_pandas())
        except (OSError, KeyError, pa.ArrowInvalid) as error:
            raise DataError(
                f"{path} is no table of recorded events ({error}); expected {', '.join(columns)}. "
                "Collect it again."
            ) from error
    filled = [part for part in parts[1:] if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else parts[0]
