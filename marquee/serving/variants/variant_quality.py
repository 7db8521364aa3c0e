"""How well a variant of the exported models answers, beside TensorFlow, on the same events."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import VALIDATION, Interactions
from marquee.evaluation.measures import metrics, ranks
from marquee.evaluation.measures.events import Events, of_period
from marquee.evaluation.measures.rank_metrics import TOP_100
from marquee.models.features.movies import Movies, content_of
from marquee.models.ranking.rows import Rows, event_rows
from marquee.models.retrieval.batches import Batch, Histories, event_batch
from marquee.pipeline import paths
from marquee.pipeline.arrays import Float32, Int32
from marquee.serving.recommender.bundle import Settings
from marquee.serving.recommender.catalogue_index import Trained
from marquee.serving.replay.histories import spread
from marquee.serving.variants.runtimes import Model, open_model
from marquee.serving.variants.variants import VARIANTS, Measured, require_liked

MOST_USERS, MOST_EVENTS = 300, 2000
"""Of the validation period: enough to tell variants apart, few enough to ask every variant one by one."""
SCORED_AT_ONCE = 256
"""Events whose scores of the whole catalogue are in memory at once."""


@dataclass(frozen=True)
class Questions:
    """Events as every variant is asked them, one history at a time, as the service does.

    Attributes:
        interactions: the table of the events.
        events: e of them, in order of row.
        batch: the query tower's inputs (`batches.event_batch`).
        rows: the ranker's inputs.
        content: (e, G + L) float32 of the movies asked about.
        id_row: (e,) int32 of the movies asked about.
    """

    interactions: Interactions
    events: Events
    batch: Batch
    rows: Rows
    content: Float32
    id_row: Int32


@dataclass(frozen=True)
class Answers:
    """What a variant, or TensorFlow, answers to questions.

    Attributes:
        queries: (e, D) float32.
        embeddings: (num_movies, D) float32, the candidates.
        stars: (e,) float32.
    """

    queries: Float32
    embeddings: Float32
    stars: Float32


def of_validation(
    table: Interactions, catalogue: Catalogue, trained: Trained, settings: Settings, seed: int
) -> Questions:
    """A few events of the validation period, as every variant is asked them.

    Args:
        table: interactions of all periods.
        catalogue: facts of all movies.
        trained: what training left of every movie.
        settings: what inference knows of the models.
        seed: for the draw of people.
    """
    some = spread(of_period(table, VALIDATION, MOST_USERS, seed), MOST_EVENTS)
    require_liked(int((table.rating[some.rows] >= settings.positive_rating).sum()))
    rows = event_rows(table, some, Movies(catalogue, trained.statistics))
    return questions(Histories(table, catalogue), some, settings.history_length, rows, trained.ranking_id_row)


def questions(histories: Histories, events: Events, length: int, rows: Rows, id_rows: Int32) -> Questions:
    """Describe events.

    Args:
        histories: the table of the events, and facts of all movies.
        events: in order of row.
        length: of the histories that the query tower reads.
        rows: the same events for the ranker.
        id_rows: (num_movies,) rows of the ranker's id embedding.
    """
    batch = event_batch(histories, events, length)
    return Questions(
        histories.interactions,
        events,
        batch,
        rows,
        content_of(histories.catalogue, rows.movie_index),
        id_rows[rows.movie_index],
    )


def ask(query_tower: Model, dcn: Model, embeddings: Float32, dim: int, asked: Questions) -> Answers:
    """Ask the models everything.

    Args:
        query_tower: exported, for one history at a time.
        dcn: exported.
        embeddings: (num_movies, D) candidates.
        dim: leading columns of an embedding that are the movie's vector in a history.
        asked: the events.
    """
    batch, vectors = asked.batch, embeddings[:, :dim]
    windows = batch["read_at"][:, 0]
    queries = [
        query_tower(
            vectors=vectors[batch["movie_index"][window : window + 1]],
            features=batch["features"][window : window + 1],
            read_at=batch["read_at"][event : event + 1, 1],
            context=batch["context"][event : event + 1],
            now=batch["now"][event : event + 1],
        )[0]
        for event, window in enumerate(windows)
    ]
    stars = dcn(features=asked.rows.features, content=asked.content, id_row=asked.id_row)
    return Answers(np.stack(queries), embeddings, stars)


def measure(
    name: str,
    exported: paths.Exported,
    embeddings: Float32,
    expected: Answers,
    asked: Questions,
    settings: Settings,
) -> Measured:
    """Weigh a variant and ask it everything.

    Args:
        name: of the variant.
        exported: where its folder is.
        embeddings: (num_movies, D) of the exported candidate tower.
        expected: TensorFlow's answers.
        asked: the events.
        settings: what inference knows of the models.
    """
    variant, folder = VARIANTS[name], exported.variant(name)
    query_tower, dcn = variant.query_tower(folder), variant.dcn(folder)
    stored = embeddings.astype(variant.embeddings)
    models = open_model(query_tower), open_model(dcn)
    answers = ask(*models, stored.astype(np.float32), settings.embedding_dim, asked)
    return Measured(
        query_tower_bytes=_bytes(query_tower),
        dcn_bytes=_bytes(dcn),
        embedding_bytes=stored.nbytes,
        top_100_accuracy=top_100_accuracy(answers, asked, settings.positive_rating),
        rmse=rmse(answers, asked),
        retrieval_score_difference=score_difference(answers, expected),
        predicted_rating_difference=rating_difference(answers, expected),
    )


def top_100_accuracy(answers: Answers, asked: Questions, positive_rating: float) -> float:
    """Share of the positive events whose movie is among the 100 best unseen."""
    keep = asked.rows.rating >= positive_rating
    candidates = answers.embeddings.T.copy()

    def score(events: Events) -> Float32:
        return answers.queries[np.searchsorted(asked.events.rows, events.rows)] @ candidates

    ranked = ranks.rank_events(score, asked.interactions, asked.events.only(keep), SCORED_AT_ONCE, False)
    return TOP_100.mean(ranked)


def rmse(answers: Answers, asked: Questions) -> float:
    """Stars, over all events."""
    return metrics.rmse(answers.stars, asked.rows.rating)


def score_difference(answers: Answers, expected: Answers) -> float:
    """Largest difference of a retrieval score, over events and the whole catalogue."""
    largest = []
    for start in range(0, len(answers.queries), SCORED_AT_ONCE):
        part = slice(start, start + SCORED_AT_ONCE)
        scores, wanted = (one.queries[part] @ one.embeddings.T for one in (answers, expected))
        largest.append(np.abs(scores - wanted).max())
    return float(np.max(largest))


def rating_difference(answers: Answers, expected: Answers) -> float:
    """Largest difference of a predicted rating, stars."""
    return float(np.abs(answers.stars - expected.stars).max())


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() else sum(_bytes(inner) for inner in path.iterdir())
