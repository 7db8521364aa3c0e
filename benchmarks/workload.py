"""What every benchmark works on: the processed tables and the winners' knobs, cut to a bounded size."""

from dataclasses import dataclass

import numpy as np

from marquee.data.tables import interactions
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import TRAIN, VALIDATION, Interactions
from marquee.evaluation.measures import events, ranks
from marquee.evaluation.measures.events import Events
from marquee.evaluation.measures.rank_metrics import TOP_100
from marquee.evaluation.measures.ranks import Scorer
from marquee.pipeline import paths
from marquee.pipeline.params import (
    Evaluation,
    Neighbours,
    Params,
    PreprocessData,
    Ranking,
    Retrieval,
    read_best,
)

MOST_INTERACTIONS = 200_000
"""Where a benchmark is about speed, more would only take longer."""


@dataclass(frozen=True)
class Workload:
    """Data and knobs, read once.

    Attributes:
        table: interactions of all periods, of as many people as stay within the bound.
        movies: facts of all movies.
        retrieval: knobs of the two-tower, the sweep's winner; likewise `ranking` and `neighbours`.
    """

    table: Interactions
    movies: Catalogue
    preprocessing: PreprocessData
    evaluation: Evaluation
    retrieval: Retrieval
    ranking: Ranking
    neighbours: Neighbours
    seed: int
    threads: int

    def positive_events(self, period: int, max_users: int | None = None) -> Events:
        """Positive events with a history."""
        most = max_users or self.evaluation.max_users
        asked = events.of_period(self.table, period, most, self.seed)
        positive = self.table.rating[asked.rows] >= self.preprocessing.positive_rating
        return asked.only(positive & asked.has_history)

    def top_100_accuracy(self, score: Scorer, asked: Events) -> float:
        """Share of the events whose movie is among the 100 best unseen."""
        return round(TOP_100.mean(ranks.rank_events(score, self.table, asked)), 4)

    def described(self) -> dict[str, int]:
        """Sizes, for a metrics file."""
        return {
            "interactions": len(self.table),
            "users": len(np.unique(self.table.user_index)),
            "movies": len(self.movies),
            "train_interactions": int((self.table.period == TRAIN).sum()),
            "validation_interactions": int((self.table.period == VALIDATION).sum()),
        }


def read(params: Params, most_interactions: int | None = MOST_INTERACTIONS) -> Workload:
    """Read what the pipeline left; None takes all interactions."""
    table = interactions.read(paths.PROCESSED.interactions)
    return Workload(
        table=table if most_interactions is None else few_people(table, most_interactions, params.seed),
        movies=Catalogue.read(paths.PROCESSED.movie_features),
        preprocessing=params.preprocess_data,
        evaluation=params.evaluation,
        retrieval=read_best(Retrieval, paths.RETRIEVAL.best_params),
        ranking=read_best(Ranking, paths.RANKING.best_params),
        neighbours=read_best(Neighbours, paths.NEIGHBOURS.best_params),
        seed=params.seed,
        threads=params.threads,
    )


def few_people(table: Interactions, most: int, seed: int) -> Interactions:
    """The whole histories of people drawn by `seed`, as many as fit in `most` interactions."""
    if len(table) <= most:
        return table
    counts = np.diff(table.user_starts)
    drawn = np.random.default_rng(seed).permutation(table.num_users)
    kept = drawn[np.cumsum(counts[drawn]) <= most]
    return table.only(np.isin(table.user_index, kept))
