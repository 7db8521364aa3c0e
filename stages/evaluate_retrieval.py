"""Stage `evaluate_retrieval`: the test period, read once, beside baselines on the same events."""

from marquee.data.tables import interactions
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import TEST, TRAIN, VALIDATION
from marquee.evaluation.measures import events, ranks, report
from marquee.evaluation.measures.rank_metrics import TOP_100
from marquee.evaluation.reporting import curves, oracle, outputs, pictures
from marquee.models.baselines import rankers
from marquee.models.retrieval import fitting
from marquee.models.training.runtime import start_tensorflow
from marquee.pipeline import paths
from marquee.pipeline.params import Neighbours, Params, Retrieval, read_best
from marquee.pipeline.scores import Score
from marquee.pipeline.stage import Log, run_stage

STAGE = "evaluate_retrieval"
HEADLINE = report.Headline(TOP_100.name, "two_tower", rankers.RANKERS)


def run(params: Params, log: Log) -> None:
    """Rank every positive test event under every model and report the comparison."""
    retrieval = read_best(Retrieval, paths.RETRIEVAL.best_params)
    neighbours = read_best(Neighbours, paths.NEIGHBOURS.best_params)
    start_tensorflow(params.seed, params.threads)
    table = interactions.read(paths.PROCESSED.interactions)
    fitted = table.in_periods(TRAIN, VALIDATION)
    catalogue = Catalogue.read(paths.PROCESSED.movie_features)
    two_tower = fitting.load(paths.RETRIEVAL.weights, fitted, catalogue, retrieval, params.preprocess_data)
    baselines = rankers.fit(fitted, params.preprocess_data, neighbours, params.evaluation.recent_days)

    asked = events.of_period(table, TEST, params.evaluation.max_users, params.seed)
    asked = asked.only(table.rating[asked.rows] >= params.preprocess_data.positive_rating)
    scorers = {name: model.scorer(table) for name, model in {"two_tower": two_tower, **baselines}.items()}
    ranked = {name: ranks.rank_events(score, table, asked) for name, score in scorers.items()}
    known = oracle.read(paths.RAW.oracle, table)
    if known is not None:
        ranked["oracle"] = known.rank[asked.rows]

    described = report.describe(table, fitted, asked, params.preprocess_data.positive_rating)
    measured = report.rank_scores(
        ranked, described, rankers.RANKERS, params.evaluation.bootstrap_samples, params.seed
    )
    measured += report.shares_of_oracle(measured, TOP_100.name)
    measured.append(Score("movies", baselines["ease"].num_movies, "ease"))
    tables = curves.retrieval_curves(ranked, described)
    outputs.write(STAGE, measured, HEADLINE, tables)
    pictures.draw_retrieval(tables, paths.reports(STAGE))
    for name, value in report.values_of(measured, TOP_100.name).items():
        log.info("%s: %s %.4f", name, TOP_100.name, value)


if __name__ == "__main__":
    run_stage(run)
