"""Ask the packaged bundle what it was evaluated on, and keep the answers to compare live ones with."""

import numpy as np

from marquee.data.tables import interactions
from marquee.monitoring.evidence import reference
from marquee.monitoring.verdict import judgement, report
from marquee.pipeline import paths
from marquee.pipeline.files import write_json
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage
from marquee.serving.recommender import bundle

STAGE = "build_reference"


def run(params: Params, log: Log) -> None:
    """Build the reference of models/bundle."""
    packaged = bundle.open_packaged(paths.BUNDLE)
    built = reference.build(
        packaged,
        interactions.read(paths.PROCESSED.interactions),
        params.preprocess_data.positive_rating,
        params.monitoring.max_visitors,
        params.seed,
    )
    reference.write(built, paths.EVENTS.reference)
    offline = judgement.of_reference(built, params.evaluation.bootstrap_samples, params.seed)
    counts = {"requests": len(built.requests), "visitors": len(np.unique(built.requests.visitor))}
    write_json(paths.metrics(STAGE), {"counts": counts, "offline": report.named(offline)})
    log.info("%d requests of the test period, answered by bundle %s", len(built.requests), built.bundle[:12])


if __name__ == "__main__":
    run_stage(run, blas_threads=1)
