"""Stage `export_models`: trained models -> LiteRT and the arrays that inference reads beside them."""

import logging

import numpy as np
import pyarrow.parquet as pq

from stages import params, paths, weights
from stages.data import catalogue, interactions
from stages.data.interactions import TRAIN, VALIDATION, Interactions
from stages.evaluation import events
from stages.files import write_json
from stages.params import PreprocessData, Ranking, Retrieval
from stages.ranking import data
from stages.ranking.dcn import Dcn, ExportedDcn
from stages.ranking.features import Movies
from stages.retrieval import fitting
from stages.retrieval.batches import Histories
from stages.retrieval.fitting import FittedTwoTower
from stages.runtime import start_tensorflow
from stages.serving import bundle, conversion, histories
from stages.serving.bundle import Bundle, Settings, Titles
from stages.stage import run_stage

STAGE = "export_models"
CHECKED_EVENTS = 32
FITTED = (TRAIN, VALIDATION)


def run(
    retrieval: Retrieval,
    ranking: Ranking,
    preprocessing: PreprocessData,
    seed: int,
    threads: int,
    log: logging.Logger,
) -> None:
    """Rebuild both models from their weights, convert them, check the conversion, write everything."""
    start_tensorflow(seed, threads)
    table = interactions.read(paths.PROCESSED.interactions)
    movies = catalogue.read(paths.PROCESSED.movie_features)
    two_tower = fitting.build(table.in_periods(*FITTED), movies, retrieval, preprocessing)
    weights.read(two_tower.model, paths.RETRIEVAL.weights)
    dcn = Dcn(movies, data.known_movies(table, FITTED, preprocessing), ranking)
    weights.read(dcn, paths.RANKING.weights)

    known = data.final_movies(table, FITTED, movies, ranking.factors, seed)
    exported = convert(two_tower, dcn, table, known, preprocessing.positive_rating)
    largest = compare(exported, two_tower, dcn, table, seed)
    bundle.write_models(exported, paths.EXPORTED)
    files = (paths.EXPORTED.query_tower, paths.EXPORTED.dcn, paths.EXPORTED.catalogue, paths.EXPORTED.movies)
    sizes = {f"{path.stem}_bytes": path.stat().st_size for path in files}
    write_json(paths.metrics(STAGE), {"largest_difference": largest, "size": sizes})
    log.info("%d movies, %d bytes, largest difference %s", len(movies), sum(sizes.values()), largest)


def convert(
    two_tower: FittedTwoTower, dcn: Dcn, table: Interactions, movies: Movies, positive_rating: float
) -> Bundle:
    """Everything inference reads."""
    values = two_tower.params
    tower = two_tower.model.query_tower
    query = conversion.query_function(tower, values.history_length, values.embedding_dim)
    ranker = ExportedDcn(dcn)  # a name of its own: TensorFlow's methods do not keep their object alive
    fitted = table.in_periods(*FITTED)
    liked = fitted.movie_index[fitted.rating >= positive_rating]
    return Bundle(
        settings=Settings(
            history_length=values.history_length,
            embedding_dim=values.embedding_dim,
            positive_rating=positive_rating,
        ),
        query_tower=conversion.to_litert(query, tower.variables),
        dcn=conversion.to_litert(ranker.predict, dcn.variables),
        candidates=conversion.candidate_embeddings(two_tower.model, table.num_movies, values.embedding_dim),
        positive_count=np.bincount(liked, minlength=table.num_movies).astype(np.int32),
        movies=movies,
        titles=read_titles(paths.PROCESSED),
    )


def read_titles(processed: paths.Processed) -> Titles:
    """What a page shows of each movie."""
    columns = pq.read_table(processed.movies, columns=["movie_id", "title", "year", "genres"]).to_pydict()
    return Titles(**columns)


def compare(
    exported: Bundle, two_tower: FittedTwoTower, dcn: Dcn, table: Interactions, seed: int
) -> dict[str, float]:
    """Largest differences between TensorFlow and LiteRT over a few validation histories."""
    asked = events.of_period(table, VALIDATION, table.num_users, seed)
    asked = histories.spread(asked, CHECKED_EVENTS)
    queries = two_tower.queries(Histories(table, two_tower.catalogue), asked)
    return conversion.largest_differences(exported, queries, dcn.predict_stars, table, asked)


def main() -> None:
    """Run the stage as DVC does."""

    def stage(log: logging.Logger) -> None:
        run(
            params.load_best(Retrieval, paths.RETRIEVAL.best_params),
            params.load_best(Ranking, paths.RANKING.best_params),
            params.load("preprocess_data", PreprocessData),
            params.load_integer("seed"),
            params.load_integer("threads"),
            log,
        )

    run_stage(STAGE, stage)


if __name__ == "__main__":
    main()
