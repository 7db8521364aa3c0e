"""Stage `preprocess_data`: split interactions in time and build the tables the models read."""

from dataclasses import replace

from marquee.data.preparation import cautions, manifest, movie_encoder, movies, splits
from marquee.data.tables import interactions, schema
from marquee.data.tables.interactions import TRAIN, Interactions
from marquee.pipeline import paths
from marquee.pipeline.files import write_json
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage


def run(params: Params, log: Log) -> None:
    """Read the raw tables, split, encode the catalogue, write `data/processed`."""
    listed = schema.read(paths.RAW.movies, schema.MOVIES)
    joined = movies.join(listed, schema.read(paths.RAW.metadata, schema.METADATA))
    rated = schema.read_interactions(paths.RAW.interactions)
    table = Interactions.from_ratings(rated, joined["movie_id"].to_numpy())
    splits.require_likes(table.rating, params.preprocess_data.positive_rating)
    for caution in cautions.of(table.rating, table.timestamp, len(joined)):
        log.warning("%s", caution)
    period = splits.assign_periods(table.user_index, table.timestamp, params.preprocess_data, params.seed)
    table = replace(table, period=period)
    encoder = movie_encoder.fit(
        joined,
        table.rated_in(TRAIN),
        params.preprocess_data.text_dim,
        params.preprocess_data.min_word_count,
        params.seed,
    )
    catalogue = encoder.encode(joined)

    interactions.write(table, paths.PROCESSED.interactions)
    movies.write(joined, paths.PROCESSED.movies)
    movie_encoder.write(encoder, paths.PROCESSED.movie_encoder)
    catalogue.write(paths.PROCESSED.movie_features)
    about = manifest.describe(table, catalogue, params.preprocess_data.split)
    write_json(paths.PROCESSED.manifest, about)
    log.info("%d interactions of %d movies: %s", len(table), len(joined), about["interactions"])


if __name__ == "__main__":
    run_stage(run)
