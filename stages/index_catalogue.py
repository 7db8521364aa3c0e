"""Stage `index_catalogue`: the embeddings of the whole catalogue, movies added later included."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq

from marquee.data.preparation import movie_encoder
from marquee.data.tables.catalogue import Catalogue
from marquee.models.features.movies import Movies
from marquee.models.ranking.movie_statistics import of_new_movies
from marquee.pipeline import paths, scores
from marquee.pipeline.files import read_json
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage
from marquee.serving.export import additions, embeddings
from marquee.serving.recommender import catalogue_index
from marquee.serving.recommender.catalogue_index import CatalogueIndex, Titles, Trained, titles_of
from marquee.serving.recommender.litert import LiteRtModel

STAGE = "index_catalogue"


def run(params: Params, log: Log) -> None:
    """Embed the movies of the data, then those of data/additions.csv, in an index each."""
    trained = catalogue_index.read_trained(paths.EXPORTED)
    tower = LiteRtModel(paths.EXPORTED.candidate_tower.read_bytes())
    half = bool(read_json(paths.EXPORTED.winner)["half_embeddings"])
    movies = pq.read_table(paths.PROCESSED.movies).to_pydict()
    added = additions.read(paths.ADDITIONS, movies["movie_id"])
    catalogue = Catalogue.read(paths.PROCESSED.movie_features)
    known = index_known(tower, catalogue, trained, titles_of(movies), half)
    catalogue_index.write(known, paths.CATALOGUE_INDEX)
    new = movie_encoder.read(paths.PROCESSED.movie_encoder).encode(added)
    titles = titles_of(added.to_dict("list"))
    catalogue_index.write(index_new(tower, new, trained, titles, half), paths.ADDITIONS_INDEX)
    counts = {"movies": len(known), "additions": len(added)}
    scores.write_metrics(paths.metrics(STAGE), {"value": len(known)}, scores.counts(counts))
    log.info("%d movies and %d additions, %d numbers each", len(known), len(added), known.candidates.shape[1])


def index_known(
    tower: LiteRtModel, catalogue: Catalogue, trained: Trained, titles: Titles, half: bool
) -> CatalogueIndex:
    """The index of the data's movies."""
    return CatalogueIndex(
        candidates=embeddings.embed(tower, catalogue, trained.retrieval_id_row, half),
        ranking_id_row=trained.ranking_id_row,
        popular=trained.popular,
        movies=Movies(_served(catalogue), trained.statistics),
        titles=titles,
    )


def index_new(
    tower: LiteRtModel, catalogue: Catalogue, trained: Trained, titles: Titles, half: bool
) -> CatalogueIndex:
    """The index of movies that training never saw: their content says all that is known of them."""
    no_id = np.zeros(len(catalogue), dtype=np.int32)
    return CatalogueIndex(
        candidates=embeddings.embed(tower, catalogue, no_id, half),
        ranking_id_row=no_id,
        popular=np.zeros(len(catalogue), dtype=np.float32),
        movies=Movies(_served(catalogue), of_new_movies(trained.statistics, catalogue)),
        titles=titles,
    )


def _served(catalogue: Catalogue) -> Catalogue:
    """What the ranker reads; the names are the candidate tower's alone."""
    return replace(catalogue, names=catalogue.names[:, :0])


if __name__ == "__main__":
    run_stage(run, blas_threads=1)
