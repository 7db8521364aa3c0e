"""Stage `index_catalogue`: the embeddings of the whole catalogue, movies added later included."""

import pyarrow.parquet as pq

from marquee.data.preparation import movie_encoder
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.facts import Titles
from marquee.pipeline import paths, scores
from marquee.pipeline.files import read_json
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage
from marquee.serving.export import additions, indexing
from marquee.serving.recommender import catalogue_index
from marquee.serving.recommender.litert import LiteRtModel

STAGE = "index_catalogue"


def run(params: Params, log: Log) -> None:
    """Embed the movies of the data, then those of data/additions.csv, and write an index of each."""
    trained = catalogue_index.read_trained(paths.EXPORTED)
    tower = LiteRtModel(paths.EXPORTED.candidate_tower.read_bytes())
    half = bool(read_json(paths.EXPORTED.winner)["half_embeddings"])
    movies = pq.read_table(paths.PROCESSED.movies).to_pydict()
    added = additions.read(paths.ADDITIONS, movies["movie_id"])

    catalogue = Catalogue.read(paths.PROCESSED.movie_features)
    known = indexing.index_known(tower, catalogue, trained, Titles.of(movies), half)
    catalogue_index.write(known, paths.CATALOGUE_INDEX)
    encoded = movie_encoder.read(paths.PROCESSED.movie_encoder).encode(added)
    new = indexing.index_new(tower, encoded, trained, Titles.of(added.to_dict("list")), half)
    catalogue_index.write(new, paths.ADDITIONS_INDEX)
    counts = {"movies": len(known), "additions": len(new)}
    scores.write_metrics(paths.metrics(STAGE), {"value": len(known)}, scores.counts(counts))
    log.info("%d movies and %d additions, %d numbers each", len(known), len(new), known.candidates.shape[1])


if __name__ == "__main__":
    run_stage(run, blas_threads=1)
