"""Judge what was recorded: has the world drifted, are the answers still good, is it time to retrain?

With `--exit-code` the process ends with 0 (fine), 10 (retrain) or 11 (wait), for a scheduler; without with 0,
so that DVC keeps what was written. 1 is an error.
"""

import sys

import numpy as np

from marquee.monitoring.evidence import recorded, reference
from marquee.monitoring.verdict import judgement, pictures, report, verdict
from marquee.pipeline import paths
from marquee.pipeline.files import read_json, write_json
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage
from marquee.serving.recommender import bundle
from marquee.serving.recommender.recommender import Recommender

STAGE = "monitor_service"


def run(params: Params, log: Log) -> None:
    """Judge the latest answers of the bundle that the reference is of."""
    packaged = bundle.open_packaged(paths.BUNDLE)
    known = reference.read_of(paths.EVENTS.reference, packaged.content_hash)
    knobs = params.monitoring
    most = max(knobs.max_windows * knobs.window_requests, knobs.cool_down_requests)
    answers = recorded.read(paths.EVENTS.tables, packaged.content_hash, most)
    log.info("%d answers of bundle %s", len(answers.answers), packaged.content_hash[:12])

    recommender = Recommender(packaged.bundle, packaged.recommender)
    rows_of = {movie_id: row for row, movie_id in enumerate(recommender.index.titles.movie_id)}
    times = answers.answers["time"].to_numpy(np.float64)
    judged = judgement.judge(
        known,
        answers,
        recorded.describe(answers, recommender),
        rows_of,
        verdict.answers_since(paths.EVENTS.last_retrain, times),
        params,
    )
    write_json(paths.metrics(STAGE), report.metrics(judged))
    report.write(judged, params, packaged.content_hash, paths.reports(STAGE))
    pictures.draw(judged, paths.reports(STAGE))
    log.info("retrain: %s; %s", judged.verdict.retrain, "; ".join(judged.verdict.reasons))


def main() -> int:
    """Run the stage; the exit code."""
    run_stage(run, blas_threads=1)
    if "--exit-code" not in sys.argv[1:]:
        return 0
    return verdict.EXIT_CODES[read_json(paths.metrics(STAGE))["retrain"]]


if __name__ == "__main__":
    sys.exit(main())
