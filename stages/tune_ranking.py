"""Stage `tune_ranking`: search the DCN's knobs on the validation period."""

from functools import lru_cache

from marquee.data.tables import interactions
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import CONTEXT, TRAIN, VALIDATION
from marquee.evaluation.measures import events, metrics
from marquee.models.ranking.rows import Rows, event_rows, final_movies, known_movies, training_rows
from marquee.models.training.checkpoint import Checkpoint
from marquee.models.tuning import search_space, sweep
from marquee.pipeline import paths
from marquee.pipeline.params import Params, Ranking
from marquee.pipeline.stage import Log, run_stage

READ = (paths.PROCESSED.interactions, paths.PROCESSED.movie_features)


def run(params: Params, log: Log) -> None:
    """Fit on train, measure RMSE on validation events with a history, keep the best knobs."""
    plan = search_space.plan("ranking", Ranking, params.ranking, params.tune_ranking)
    # Without test, which `split: random` would otherwise put into histories.
    table = interactions.read(paths.PROCESSED.interactions).in_periods(TRAIN, VALIDATION, CONTEXT)
    catalogue = Catalogue.read(paths.PROCESSED.movie_features)
    known = known_movies(table, (TRAIN,), params.preprocess_data)
    asked = events.of_period(table, VALIDATION, plan.tune.max_users, params.seed)
    asked = asked.only(asked.has_history)
    sweep.require_events(len(asked), plan)
    log.info("%d interactions to fit, %d events to score", int((table.period == TRAIN).sum()), len(asked))

    @lru_cache(maxsize=1)  # most sweeps leave the features alone
    def rows(factors: int, blocks: int) -> tuple[Rows, Rows]:
        movies = final_movies(table, (TRAIN,), catalogue, factors, params.seed)
        fitted = training_rows(
            table, (TRAIN,), catalogue, factors, blocks, params.preprocess_data, params.seed
        )
        return fitted, event_rows(table, asked, movies)

    kept = Checkpoint(paths.checkpoint("tune_ranking"))

    def objective(ranking: Ranking, report: sweep.Report) -> float:
        from marquee.models.ranking import dcn, fitting
        from marquee.models.training.runtime import start_tensorflow

        start_tensorflow(params.seed, params.threads)
        fitted, scored = rows(ranking.factors, ranking.blocks)

        error = list(kept.values)

        def after_epoch(epoch: int, _: float, model: dcn.Dcn) -> None:
            error.append(metrics.rmse(fitting.predict(model, scored), scored.rating))
            report(epoch, error[-1])

        fitting.fit(fitted, catalogue, known, ranking, params.seed, after_epoch, kept)
        return error[-1]

    best_params = paths.RANKING.best_params
    sweep.search_and_write(plan, objective, params.seed, "minimize", best_params, READ, log, kept)


if __name__ == "__main__":
    run_stage(run)
