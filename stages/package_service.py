"""Stage `package_service`: gates first, then models/bundle and a Bento."""

from pathlib import Path

from marquee.data.tables import interactions
from marquee.pipeline import paths, scores
from marquee.pipeline.files import read_json, write_json
from marquee.pipeline.params import Params, RecommenderParams, read_best
from marquee.pipeline.scores import Score
from marquee.pipeline.stage import Log, run_stage
from marquee.serving.packaging import bento, contents, gates, latency
from marquee.serving.recommender import bundle, bundle_files, manifest
from marquee.serving.recommender.bundle import Packaged
from marquee.serving.service import model_card

STAGE = "package_service"
METRICS = ("evaluate_ranking", "evaluate_recommender", "evaluate_retrieval", "export_models")
"""Stages whose metrics the gates and the model card read."""


def run(params: Params, log: Log) -> None:
    """Judge the parts; package them only where every gate passes."""
    recommender = read_best(RecommenderParams, paths.RECOMMENDER.best_params)
    parts = bundle_files.parts_of_pipeline(additions=True)
    metrics = {stage: read_json(paths.metrics(stage)) for stage in METRICS}
    files = contents.collect(parts, recommender, params.serving)
    packaged = Packaged(bundle.read(parts), recommender, content_hash="")
    table = interactions.read(paths.PROCESSED.interactions)
    latencies = latency.time_answers(packaged, table, params.seed)
    judged = gates.judge(params.requirements, latencies, manifest.total_bytes(files), metrics)
    gates.require(judged)
    log.info("every requirement is met:\n%s", gates.table(judged))

    required = {gate.name: {"required": gate.required, "passed": int(gate.passed)} for gate in judged}
    raw, processed = read_json(paths.RAW.manifest), read_json(paths.PROCESSED.manifest)
    files |= contents.of_card(model_card.build(raw, processed, metrics, required, bento.packages(Path())))
    content_hash = manifest.write(files, paths.BUNDLE)
    write_json(paths.PACKAGED, read_json(paths.BUNDLE / manifest.MANIFEST))
    tag = bento.build(Path(), log)
    # What was required and that it passed; the measured latency never, for clocks do not repeat.
    size = Score("bundle_bytes", manifest.total_bytes(files))
    scores.write_metrics(paths.metrics(STAGE), {"value": size.value}, [size, *gates.as_scores(judged)])
    log.info(
        "models/bundle is %s; serve it with `bentoml serve`, or the Bento with `bentoml serve %s`",
        content_hash[:12],
        tag,
    )


if __name__ == "__main__":
    run_stage(run, blas_threads=1)
