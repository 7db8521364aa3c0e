"""Retrain on newer data, and promote what comes out only if it beats the champion. `make retrain`.

Collects what was recorded, runs the pipeline on it as an experiment of DVC, asks champion and challenger the
same newest ratings, and promotes the challenger where `marquee/monitoring/promotion/decision.py` says so.

With `--exit-code` the process ends with 20 (promoted) or 0 (the champion stays), for a scheduler; without
with 0. 1 is an error.
"""

import sys

from marquee.monitoring.collection import collecting, tables
from marquee.monitoring.promotion import challenger, decision, periods, report, retraining
from marquee.monitoring.promotion.periods import Cutoffs, RetrainError
from marquee.monitoring.verdict import verdict
from marquee.pipeline import paths
from marquee.pipeline.files import read_json, write_text
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage
from marquee.serving.provenance import promotion

STAGE = "retrain_bundle"


def run(params: Params, log: Log) -> None:
    """Collect, retrain, compare, decide, and promote or not."""
    challenger.require_ready()
    events = paths.EVENTS
    collecting.collect(events.folder, events.segments, events.tables)
    champion = challenger.champion()
    with challenger.processed_manifest(champion.content_hash) as manifest:
        champion_until = periods.fitted_until(manifest)
    rated_at = periods.times(paths.RAW, events.tables)
    found = periods.cutoffs(int(rated_at.max()), params.monitoring.promotion)
    periods.require_enough(rated_at, found, params.monitoring.promotion.min_users)

    verdict.record_retrain(events.last_retrain, retraining.newest_event(events.tables))
    revision = _fit(found, params)
    with challenger.fetched(paths.PROCESSED.manifest, revision) as manifest:
        until = champion_until, periods.fitted_until(manifest)
    log.info("challenger of commit %s; both are asked the ratings since %s", revision[:12], found.test)
    told = retraining.compare(champion, revision, until, params)
    report.write(told, paths.metrics(STAGE), paths.reports(STAGE))
    log.info("%s: %s", "promote" if told.decision.promote else "keep", "; ".join(told.decision.reasons))
    if told.decision.promote:
        challenger.adopt(revision)
        change = promotion.promote()
        log.info("%s is the champion; %s was before", change.version, change.previous)


def _fit(found: Cutoffs, params: Params) -> str:
    """The challenger's commit; where there is none, the page says so before the error does."""
    events = paths.EVENTS
    feedback = events.folder.as_posix() if tables.days(events.tables) else params.data.feedback
    try:
        return challenger.fit(found, feedback, events.tables)
    except RetrainError as error:
        write_text(paths.reports(STAGE) / report.PAGE, report.failed(str(error)))
        raise


def main() -> int:
    """Retrain; the exit code."""
    run_stage(run, blas_threads=1)
    if "--exit-code" not in sys.argv[1:]:
        return 0
    return decision.PROMOTED if read_json(paths.metrics(STAGE))["promoted"] else decision.KEPT


if __name__ == "__main__":
    sys.exit(main())
