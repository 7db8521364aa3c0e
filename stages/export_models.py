"""Stage `export_models`: trained models -> variants for a CPU, the worth of each, and which is served."""

from marquee.data.tables import interactions
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import TRAIN, VALIDATION, Interactions
from marquee.evaluation.measures import events
from marquee.models.features.movies import Movies
from marquee.models.ranking import fitting as ranking_fitting
from marquee.models.ranking import rows as data
from marquee.models.ranking.dcn import Dcn, ExportedDcn
from marquee.models.retrieval import fitting as retrieval_fitting
from marquee.models.retrieval.batches import Histories
from marquee.models.retrieval.fitting import FittedTwoTower
from marquee.models.training.runtime import start_tensorflow
from marquee.pipeline import paths
from marquee.pipeline.files import write_json, write_whole
from marquee.pipeline.params import Params, RecommenderParams, read_best
from marquee.pipeline.stage import Log, run_stage
from marquee.serving.export import conversion, embeddings, trained
from marquee.serving.export.held_out import Winners, settings_of
from marquee.serving.recommender import catalogue_index
from marquee.serving.recommender.bundle import Settings
from marquee.serving.recommender.catalogue_index import Trained
from marquee.serving.recommender.litert import LiteRtModel
from marquee.serving.replay import histories
from marquee.serving.variants import variant_quality, variants
from marquee.serving.variants.variant_pictures import draw
from marquee.serving.variants.variant_quality import Answers, Questions
from marquee.serving.variants.variants import VARIANTS

STAGE = "export_models"
FITTED = (TRAIN, VALIDATION)
MOST_USERS, MOST_EVENTS = 300, 2000
"""Of the validation period: enough to tell variants apart, few enough to ask every variant one by one."""


def run(params: Params, log: Log) -> None:
    """Rebuild both models from their weights, write every variant, measure them, name the winner."""
    winners = Winners.read()
    start_tensorflow(params.seed, params.threads)
    table = interactions.read(paths.PROCESSED.interactions)
    catalogue = Catalogue.read(paths.PROCESSED.movie_features)
    two_tower = retrieval_fitting.load(
        paths.RETRIEVAL.weights,
        table.in_periods(*FITTED),
        catalogue,
        winners.retrieval,
        params.preprocess_data,
    )
    known = data.known_movies(table, FITTED, params.preprocess_data)
    dcn = ranking_fitting.load(paths.RANKING.weights, catalogue, known, winners.ranking)
    left = trained.of_every_movie(
        table,
        FITTED,
        catalogue,
        winners.ranking,
        params.preprocess_data,
        read_best(RecommenderParams, paths.RECOMMENDER.best_params).popular_days,
        params.seed,
    )
    write_models(two_tower, dcn, len(catalogue))
    catalogue_index.write_trained(left, paths.EXPORTED)
    settings = settings_of(winners.retrieval, winners.neighbours, params.preprocess_data)
    write_json(paths.EXPORTED.settings, settings.model_dump())

    asked = questions(table, catalogue, left, settings, params.seed)
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
    winner = variants.choose(measured, params.export_models)
    half = VARIANTS[winner].embeddings == "float16"
    write_json(paths.EXPORTED.winner, {"variant": winner, "half_embeddings": half})
    write_json(paths.metrics(STAGE), variants.numbers(measured, winner, len(asked.events)))
    variants.write_report(measured, winner, len(asked.events), params.export_models, paths.reports(STAGE))
    draw(measured, winner, params.export_models, paths.reports(STAGE) / "variants.png")
    log.info("%s is served: %d bytes; float32: %d", winner, measured[winner].bytes, measured["float32"].bytes)


def write_models(two_tower: FittedTwoTower, dcn: Dcn, num_movies: int) -> None:
    """Write the candidate tower, and the query tower and the ranker in every variant."""
    values, model = two_tower.params, two_tower.model
    conversion.require_history_vectors(model, num_movies, values.embedding_dim)
    candidate = conversion.candidate_function(
        model, two_tower.catalogue.content.shape[1], two_tower.catalogue.names.shape[1]
    )
    content = conversion.to_bytes(candidate, model.encoder.variables)
    write_whole(paths.EXPORTED.candidate_tower, lambda temporary: temporary.write_bytes(content))
    query = conversion.query_function(model.query_tower, values.history_length, values.embedding_dim)
    conversion.write_variants("query_tower", query, model.query_tower.variables, paths.EXPORTED)
    ranker = ExportedDcn(dcn)  # a name of its own: TensorFlow's methods do not keep their object alive
    conversion.write_variants("dcn", ranker.predict, dcn.variables, paths.EXPORTED)


def questions(
    table: Interactions, catalogue: Catalogue, left: Trained, settings: Settings, seed: int
) -> Questions:
    """A few events of the validation period, as every variant is asked them."""
    some = histories.spread(events.of_period(table, VALIDATION, MOST_USERS, seed), MOST_EVENTS)
    variants.require_liked(int((table.rating[some.rows] >= settings.positive_rating).sum()))
    rows = data.event_rows(table, some, Movies(catalogue, left.statistics))
    known = Histories(table, catalogue)
    return variant_quality.questions(known, some, settings.history_length, rows, left.ranking_id_row)


if __name__ == "__main__":
    run_stage(run, blas_threads=1)
