"""Stage `evaluate_retrieval`: the test period, read once, beside baselines on the same events."""

from marquee.data.tables import interactions
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import TEST, TRAIN, VALIDATION, Interactions
from marquee.evaluation.measures import events, ranks, report
from marquee.evaluation.measures.events import Events
from marquee.evaluation.measures.report import HIT_K
from marquee.evaluation.reporting import curves, oracle, pictures
from marquee.models.baselines import baselines
from marquee.models.retrieval import fitting
from marquee.models.training.runtime import start_tensorflow
from marquee.pipeline import paths
from marquee.pipeline.arrays import Int32
from marquee.pipeline.files import write_json
from marquee.pipeline.params import Neighbours, Params, PreprocessData, Retrieval, read_best
from marquee.pipeline.stage import Log, run_stage

STAGE = "evaluate_retrieval"
BASELINES = ("popularity", "recent_popularity", "ease")


def run(params: Params, log: Log) -> None:
    """Rank every positive test event under every model and report the comparison."""
    retrieval = read_best(Retrieval, paths.RETRIEVAL.best_params)
    neighbours = read_best(Neighbours, paths.NEIGHBOURS.best_params)
    start_tensorflow(params.seed, params.threads)
    table = interactions.read(paths.PROCESSED.interactions)
    fitted = table.in_periods(TRAIN, VALIDATION)
    catalogue = Catalogue.read(paths.PROCESSED.movie_features)
    two_tower = fitting.load(paths.RETRIEVAL.weights, fitted, catalogue, retrieval, params.preprocess_data)

    asked = events.of_period(table, TEST, params.evaluation.max_users, params.seed)
    asked = asked.only(table.rating[asked.rows] >= params.preprocess_data.positive_rating)
    ranked = {"two_tower": ranks.rank_events(two_tower.scorer(table), table, asked)}
    compared, cut_to = rank_baselines(
        table, fitted, asked, params.preprocess_data, neighbours, params.evaluation.recent_days
    )
    ranked |= compared
    known = oracle.read(paths.RAW.oracle, table)
    if known is not None:
        ranked["oracle"] = known.rank[asked.rows]

    described = report.describe(table, fitted, asked, params.preprocess_data.positive_rating)
    numbers = report.retrieval_metrics(
        ranked, described, BASELINES, params.evaluation.bootstrap_samples, params.seed
    )
    numbers["ease"]["movies"] = cut_to
    write_json(paths.metrics(STAGE), report.with_share_of_oracle(numbers, f"top_{HIT_K}_accuracy"))
    tables = curves.retrieval_curves(ranked, described)
    curves.write(tables, paths.reports(STAGE))
    pictures.draw_retrieval(tables, paths.reports(STAGE))
    for name in ranked:
        log.info("%s: top_100_accuracy %.4f", name, numbers[name]["top_100_accuracy"])


def rank_baselines(
    table: Interactions,
    fitted: Interactions,
    asked: Events,
    preprocessing: PreprocessData,
    neighbours: Neighbours,
    recent_days: int,
) -> tuple[dict[str, Int32], int]:
    """Ranks of every baseline, and how many movies EASE was cut to; its knobs were chosen on validation."""
    ease = baselines.fit_ease(fitted, neighbours.regularization, neighbours.max_movies)
    scorers = {
        "popularity": baselines.fit_popularity(fitted, preprocessing.positive_rating).scorer(table),
        "recent_popularity": baselines.fit_recent_popularity(fitted, recent_days).scorer(table),
        "ease": ease.scorer(table),
    }
    ranked = {name: ranks.rank_events(score, table, asked) for name, score in scorers.items()}
    return ranked, len(ease.movies)


if __name__ == "__main__":
    run_stage(run)
