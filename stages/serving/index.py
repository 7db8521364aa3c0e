"""Stage `index_catalogue`: the embeddings of the whole catalogue, movies added later included."""

import logging
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq

from stages import paths
from stages.data import catalogue, movie_encoder
from stages.data.catalogue import Catalogue
from stages.files import read_json, write_json
from stages.ranking.movie_statistics import of_new_movies
from stages.ranking.movies import Movies
from stages.serving import additions, catalogue_index, embeddings
from stages.serving.catalogue_index import CatalogueIndex, Titles, Trained, titles_of
from stages.serving.litert import LiteRtModel
from stages.stage import run_stage

STAGE = "index_catalogue"


def run(log: logging.Logger) -> None:
    """Embed the movies of the data, then those of data/additions.csv, in an index each."""
    trained = catalogue_index.read_trained(paths.EXPORTED)
    tower = LiteRtModel(paths.EXPORTED.candidate_tower.read_bytes())
    half = bool(read_json(paths.EXPORTED.winner)["half_embeddings"])
    movies = pq.read_table(paths.PROCESSED.movies).to_pydict()
    added = additions.read(paths.ADDITIONS, movies["movie_id"])
    facts = catalogue.read(paths.PROCESSED.movie_features)
    known = index_known(tower, facts, trained, titles_of(movies), half)
    catalogue_index.write(known, paths.CATALOGUE_INDEX)
    new = movie_encoder.read(paths.PROCESSED.movie_encoder).encode(added)
    titles = titles_of(added.to_dict("list"))
    catalogue_index.write(index_new(tower, new, trained, titles, half), paths.ADDITIONS_INDEX)
    write_json(paths.metrics(STAGE), {"movies": len(known), "additions": len(added)})
    log.info("%d movies and %d additions, %d numbers each", len(known), len(added), known.candidates.shape[1])


def index_known(
    tower: LiteRtModel, facts: Catalogue, trained: Trained, titles: Titles, half: bool
) -> CatalogueIndex:
    """The index of the data's movies."""
    return CatalogueIndex(
        candidates=embeddings.embed(tower, facts, trained.retrieval_id_row, half),
        ranking_id_row=trained.ranking_id_row,
        popular=trained.popular,
        movies=Movies(_served(facts), trained.statistics),
        titles=titles,
    )


def index_new(
    tower: LiteRtModel, facts: Catalogue, trained: Trained, titles: Titles, half: bool
) -> CatalogueIndex:
    """The index of movies that training never saw: their content says all that is known of them."""
    no_id = np.zeros(len(facts), dtype=np.int32)
    return CatalogueIndex(
        candidates=embeddings.embed(tower, facts, no_id, half),
        ranking_id_row=no_id,
        popular=np.zeros(len(facts), dtype=np.float32),
        movies=Movies(_served(facts), of_new_movies(trained.statistics, facts)),
        titles=titles,
    )


def _served(facts: Catalogue) -> Catalogue:
    """What the ranker reads; the names are the candidate tower's alone."""
    return replace(facts, names=facts.names[:, :0])


def main() -> None:
    """Run the stage as DVC does."""
    run_stage(STAGE, run)


if __name__ == "__main__":
    main()
