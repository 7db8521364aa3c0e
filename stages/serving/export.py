"""Stage `export_models`: trained models -> variants for a CPU, the worth of each, and which is served."""

import logging

from stages import params, paths
from stages.data import catalogue, interactions
from stages.data.catalogue import Catalogue
from stages.data.interactions import TRAIN, VALIDATION, Interactions
from stages.evaluation import events
from stages.files import write_json, write_whole
from stages.params import ExportModels, Neighbours, PreprocessData, Ranking, Retrieval
from stages.ranking import data
from stages.ranking import fitting as ranking_fitting
from stages.ranking.dcn import Dcn, ExportedDcn
from stages.ranking.movies import Movies
from stages.retrieval import fitting as retrieval_fitting
from stages.retrieval.batches import Histories
from stages.retrieval.fitting import FittedTwoTower
from stages.runtime import start_tensorflow
from stages.serving import (
    catalogue_index,
    conversion,
    embeddings,
    histories,
    trained,
    variant_quality,
    variants,
)
from stages.serving.bundle import Settings
from stages.serving.catalogue_index import Trained
from stages.serving.held_out import Winners, settings_of
from stages.serving.litert import LiteRtModel
from stages.serving.variant_pictures import draw
from stages.serving.variant_quality import Answers, Questions
from stages.serving.variants import VARIANTS
from stages.stage import run_stage

STAGE = "export_models"
FITTED = (TRAIN, VALIDATION)
MOST_USERS, MOST_EVENTS = 300, 2000
"""Of the validation period: enough to tell variants apart, few enough to ask every variant one by one."""


def run(
    winners: Winners,
    popular_days: int,
    preprocessing: PreprocessData,
    tolerance: ExportModels,
    seed: int,
    threads: int,
    log: logging.Logger,
) -> None:
    """Rebuild both models from their weights, write every variant, measure them, name the winner."""
    start_tensorflow(seed, threads)
    table = interactions.read(paths.PROCESSED.interactions)
    facts = catalogue.read(paths.PROCESSED.movie_features)
    two_tower = retrieval_fitting.load(
        paths.RETRIEVAL.weights, table.in_periods(*FITTED), facts, winners.retrieval, preprocessing
    )
    known = data.known_movies(table, FITTED, preprocessing)
    dcn = ranking_fitting.load(paths.RANKING.weights, facts, known, winners.ranking)
    left = trained.of_every_movie(table, FITTED, facts, winners.ranking, preprocessing, popular_days, seed)
    write_models(two_tower, dcn, len(facts))
    catalogue_index.write_trained(left, paths.EXPORTED)
    settings = settings_of(winners.retrieval, winners.neighbours, preprocessing)
    write_json(paths.EXPORTED.settings, settings.model_dump())

    asked = questions(table, facts, left, settings, seed)
    expected = Answers(
        two_tower.queries(Histories(table, facts), asked.events),
        two_tower.candidate_embeddings(),
        ranking_fitting.predict(dcn, asked.rows),
    )
    tower = LiteRtModel(paths.EXPORTED.candidate_tower.read_bytes())
    candidates = embeddings.embed(tower, facts, left.retrieval_id_row, half=False)
    measured = {
        name: variant_quality.measure(name, paths.EXPORTED, candidates, expected, asked, settings)
        for name in VARIANTS
    }
    variants.require_exact(measured)
    winner = variants.choose(measured, tolerance)
    half = VARIANTS[winner].embeddings == "float16"
    write_json(paths.EXPORTED.winner, {"variant": winner, "half_embeddings": half})
    write_json(paths.metrics(STAGE), variants.numbers(measured, winner, len(asked.events)))
    variants.write_report(measured, winner, len(asked.events), tolerance, paths.reports(STAGE))
    draw(measured, winner, tolerance, paths.reports(STAGE) / "variants.png")
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
    table: Interactions, facts: Catalogue, left: Trained, settings: Settings, seed: int
) -> Questions:
    """A few events of the validation period, as every variant is asked them."""
    some = histories.spread(events.of_period(table, VALIDATION, MOST_USERS, seed), MOST_EVENTS)
    variants.require_liked(int((table.rating[some.rows] >= settings.positive_rating).sum()))
    rows = data.event_rows(table, some, Movies(facts, left.statistics))
    known = Histories(table, facts)
    return variant_quality.questions(known, some, settings.history_length, rows, left.ranking_id_row)


def main() -> None:
    """Run the stage as DVC does."""

    def stage(log: logging.Logger) -> None:
        run(
            Winners(
                params.load_best(Retrieval, paths.RETRIEVAL.best_params),
                params.load_best(Ranking, paths.RANKING.best_params),
                params.load_best(Neighbours, paths.NEIGHBOURS.best_params),
            ),
            params.load_best(params.Recommender, paths.RECOMMENDER.best_params).popular_days,
            params.load("preprocess_data", PreprocessData),
            params.load("export_models", ExportModels),
            params.load_integer("seed"),
            params.load_integer("threads"),
            log,
        )

    run_stage(STAGE, stage)


if __name__ == "__main__":
    main()
