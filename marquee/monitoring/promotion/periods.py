"""Which ratings are the newest: both bundles are asked them, and neither may have been trained on them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from marquee.data.preparation import splits
from marquee.data.sources import feedback
from marquee.data.sources.files.rules import DataError
from marquee.data.tables import schema
from marquee.pipeline import paths
from marquee.pipeline.arrays import Int64
from marquee.pipeline.files import read_json
from marquee.pipeline.monitoring_params import Promotion


class RetrainError(ValueError):
    """There is nothing to retrain on, or to compare on; the message says why and what to do."""


@dataclass(frozen=True)
class Cutoffs:
    """Midnights, UTC, as `preprocess_data` takes them.

    Attributes:
        validation: ratings before are trained on, those from here on choose knobs and are trained on at last.
        test: ratings from here on are compared on.
    """

    validation: str
    test: str

    @property
    def start(self) -> int:
        """First second that is compared on, since 1970."""
        return splits.time_cutoff(np.empty(0, dtype=np.int64), self.test)


def cutoffs(newest: int, params: Promotion) -> Cutoffs:
    """Whole days counted back from the day of the newest rating, that day included.

    Args:
        newest: seconds since 1970.
        params: how many days.
    """
    test = datetime.fromtimestamp(newest, UTC).date() - timedelta(days=params.compare_days - 1)
    return Cutoffs((test - timedelta(days=params.validation_days)).isoformat(), test.isoformat())


def times(raw: paths.Raw, events: Path) -> Int64:
    """Seconds since 1970 of every rating at hand: those of `data/raw`, and recorded ones.

    Args:
        raw: of the main pipeline; without what it holds of earlier feedback.
        events: folder of the collected tables; nothing collected is no rating.

    Raises:
        RetrainError: `fetch_data` never ran.
    """
    if not raw.interactions.exists():
        raise RetrainError(f"{raw.interactions} is missing. Run `dvc pull` or `dvc repro`.")
    fetched = schema.read(raw.interactions, schema.INTERACTIONS)["timestamp"].to_numpy()
    movie_ids = schema.read(raw.movies, schema.MOVIES)["movie_id"].to_numpy()
    try:
        taken = feedback.take(*feedback.read(events), movie_ids).ratings
    except DataError:
        return np.asarray(fetched, dtype=np.int64)
    return np.concatenate([fetched, taken["timestamp"].to_numpy(np.int64)])


def require_enough(rated_at: Int64, found: Cutoffs, min_users: int) -> None:
    """Refuse before hours of training what could not be split, or compared, after them.

    Args:
        rated_at: (n,) seconds since 1970.
        found: the cutoffs.
        min_users: of a measure; fewer ratings than these are never of so many people.

    Raises:
        RetrainError: one of the three periods has too few ratings.
    """
    first = splits.time_cutoff(rated_at, found.validation)
    counts = {
        "train": int((rated_at < first).sum()),
        "validation": int(((rated_at >= first) & (rated_at < found.start)).sum()),
        "comparison": int((rated_at >= found.start).sum()),
    }
    if min(counts.values()) < min_users:
        told = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        raise RetrainError(
            f"Too few ratings ({told}; each needs {min_users} at least): validation begins on "
            f"{found.validation}, the comparison on {found.test}. Wait for more, or raise validation_days or "
            "compare_days of monitoring.promotion."
        )


def fitted_until(manifest: Path) -> int:
    """First second of the test period that a bundle was not fitted on, by the manifest of its processed data.

    Raises:
        RetrainError: it was split otherwise than in time, so that there is no such second.
    """
    about = read_json(manifest)
    if about["split"] != "temporal":
        raise RetrainError(
            f"{manifest}: the data was split as {about['split']!r}, so what was fitted on it may know the "
            "newest ratings. Bundles are compared under preprocess_data.split: temporal alone."
        )
    return int(about["first_timestamp"]["test"])
