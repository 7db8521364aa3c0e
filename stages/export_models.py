"""Stage `export_models`: trained models -> variants for a CPU, the worth of each, and which is served."""

from marquee.data.tables import interactions
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import TRAIN, VALIDATION
from marquee.models.ranking import fitting as ranking_fitting
from marquee.models.ranking import rows
from marquee.models.retrieval import fitting as retrieval_fitting
from marquee.models.retrieval.batches import Histories
from marquee.models.training.runtime import start_tensorflow
from marquee.pipeline import paths
from marquee.pipeline.files import write_json
from marquee.pipeline.params import Params, RecommenderParams, read_best
from marquee.pipeline.stage import Log, run_stage
from marquee.serving.export import embeddings, trained
from marquee.serving.export.held_out import Winners, settings_of
from marquee.serving.recommender import catalogue_index
from marquee.serving.recommender.litert import LiteRtModel
from marquee.serving.variants import model_files, variant_pictures, variant_quality, variants
from marquee.serving.variants.variant_quality import Answers
from marquee.serving.variants.variants import VARIANTS

STAGE = "export_models"
FITTED = (TRAIN, VALIDATION)


def run(params: Params, log: Log) -> None:
    """Rebuild both models from their weights, write every variant, measure them, name the winner."""
    winners = Winners.read()
    popular_days = read_best(RecommenderParams, paths.RECOMMENDER.best_params).popular_days
    start_tensorflow(params.seed, params.threads)
    table = interactions.read(paths.PROCESSED.interactions)
    fitted = table.in_periods(*FITTED)
    catalogue = Catalogue.read(paths.PROCESSED.movie_features)
    two_tower = retrieval_fitting.load(
        paths.RETRIEVAL.weights, fitted, catalogue, winners.retrieval, params.preprocess_data
    )
    known = rows.known_movies(table, FITTED, params.preprocess_data)
    dcn = ranking_fitting.load(paths.RANKING.weights, catalogue, known, winners.ranking)
    left = trained.of_every_movie(
        table, FITTED, catalogue, winners.ranking, params.preprocess_data, popular_days, params.seed
    )
    model_files.write(two_tower, dcn, len(catalogue), paths.EXPORTED)
    catalogue_index.write_trained(left, paths.EXPORTED)
    settings = settings_of(winners.retrieval, winners.neighbours, params.preprocess_data)
    write_json(paths.EXPORTED.settings, settings.model_dump())

    asked = variant_quality.of_validation(table, catalogue, left, settings, params.seed)
    expected = Answers(
        two_tower.queries(Histories(table, catalogue), asked.events),
        two_tower.candidate_embeddings(),
        ranking_fitting.predict(dcn, asked.rows),
    )
    tower = LiteRtModel(paths.EXPORTED.candidate_tower.read_bytes())
    candidates = embeddings.embed(tower, catalogue, left.retrieval_id_row, half=False)
    measured = {
        name: variant_quality.measure(name, paths.EXPORTED, candidates, expected, asked, settings)
        for name in VARIANTS
    }
    variants.require_exact(measured)
    measured = variants.as_recorded(measured)
    winner = variants.choose(measured, params.export_models)
    half = VARIANTS[winner].embeddings == "float16"
    write_json(paths.EXPORTED.winner, {"variant": winner, "half_embeddings": half})

    reports, num_events = paths.reports(STAGE), len(asked.events)
    variants.write_numbers(measured, winner, num_events, paths.metrics(STAGE), reports)
    variants.write_report(measured, winner, num_events, params.export_models, reports)
    variant_pictures.draw(measured, winner, params.export_models, reports / "variants.png")
    log.info("%s is served: %d bytes; float32: %d", winner, measured[winner].bytes, measured["float32"].bytes)


if __name__ == "__main__":
    run_stage(run, blas_threads=1)
