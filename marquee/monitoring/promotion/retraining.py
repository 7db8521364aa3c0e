"""From a challenger's commit to the decision: its data, both bundles, the same events."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from marquee.data.tables import schema
from marquee.data.tables.interactions import Interactions
from marquee.monitoring.collection import tables
from marquee.monitoring.promotion import challenger, comparison, decision
from marquee.monitoring.promotion.challenger import Champion
from marquee.monitoring.promotion.comparison import Asked
from marquee.monitoring.promotion.decision import Decision
from marquee.monitoring.promotion.report import Retraining
from marquee.pipeline import paths
from marquee.pipeline.arrays import Bool, Int32
from marquee.pipeline.files import read_json
from marquee.pipeline.params import Params
from marquee.serving.recommender import bundle
from marquee.serving.recommender.bundle import Packaged


def compare(champion: Champion, revision: str, until: tuple[int, int], params: Params) -> Retraining:
    """Ask both bundles what the challenger's data hold of ratings that neither was fitted on.

    Args:
        champion: what serves.
        revision: the challenger's commit.
        until: first second that each was not fitted on, since 1970: the champion, the challenger.
        params: of params.yaml.

    Raises:
        BundleError: a bundle cannot be read, or DVC has lost what the commit tracks.
    """
    serving = bundle.open_packaged(champion.folder)
    with challenger.fetched(paths.BUNDLE, revision) as folder:
        fitted = bundle.open_packaged(folder)
    with challenger.fetched(paths.RAW.folder, revision) as folder:
        raw = paths.Raw(folder)
        asked = comparison.newest(*ratings(raw), max(until), params)
        feedback = read_json(raw.manifest).get("feedback", {})
    return Retraining(
        champion=serving.content_hash,
        challenger=fitted.content_hash,
        revision=revision,
        start=max(until),
        champion_until=until[0],
        challenger_until=until[1],
        events=len(asked.events),
        prompted=int(asked.prompted.sum()),
        feedback=feedback,
        decision=decide(asked, serving, fitted, params),
    )


def decide(asked: Asked, serving: Packaged, fitted: Packaged, params: Params) -> Decision:
    """Ask both bundles, and decide.

    Args:
        asked: the events.
        serving: the champion.
        fitted: the challenger.
        params: of params.yaml.
    """
    both = comparison.answer(serving, asked, "champion"), comparison.answer(fitted, asked, "challenger")
    return decision.decide(
        comparison.headlines(asked, *both, params),
        comparison.guards(asked, *both, params),
        comparison.figures(*both, params),
        params.monitoring.promotion,
        params.evaluation.bootstrap_samples,
        params.seed,
    )


def ratings(raw: paths.Raw) -> tuple[Interactions, Int32, Bool]:
    """All ratings of a raw folder.

    Returns:
        the table, (m,) movie ids of its catalogue, (n,) whether an answer of the service prompted a rating.
    """
    rated = schema.read_interactions(raw.interactions)
    movie_ids = schema.read(raw.movies, schema.MOVIES)["movie_id"].to_numpy()
    table = Interactions.from_ratings(rated, movie_ids)
    prompted = np.zeros(len(table), dtype=bool)
    if raw.feedback.exists():
        users = np.unique(rated["user_id"].to_numpy())
        prompted = _prompted(table, users, movie_ids, schema.read(raw.feedback, schema.FEEDBACK).to_pandas())
    return table, movie_ids, prompted


def newest_event(folder: Path) -> float:
    """When the latest answer or feedback of the tables came, in seconds since 1970; 0 without any."""
    days = tables.days(folder)
    files = [folder / days[-1] / f"{name}.parquet" for name in ("answers", "feedback")] if days else []
    times = [pq.ParquetFile(file).read(columns=["time"])["time"].to_numpy() for file in files]
    return float(np.concatenate([np.zeros(1), *times]).max())


def _prompted(table: Interactions, users: Int32, movie_ids: Int32, recorded: pd.DataFrame) -> Bool:
    """Per row of the table; user, movie and time together are there once."""
    of_rows = pd.DataFrame(
        {"user": table.user_index, "movie": table.movie_index, "timestamp": table.timestamp}
    )
    said = pd.DataFrame(
        {
            "user": np.searchsorted(users, recorded["user_id"]).astype(np.int32),
            "movie": np.searchsorted(movie_ids, recorded["movie_id"]).astype(np.int32),
            "timestamp": recorded["timestamp"],
            "prompted": recorded["prompted"],
        }
    )
    found = of_rows.merge(said, how="left", on=["user", "movie", "timestamp"])["prompted"]
    return np.asarray(found == True, dtype=bool)  # noqa: E712  a rating that was not recorded has none
