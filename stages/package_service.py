"""Stage `package_service`: gates first, then models/bundle and a Bento."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marquee.data.tables import interactions
from marquee.data.tables.interactions import VALIDATION
from marquee.evaluation.measures import events
from marquee.pipeline import paths, scores
from marquee.pipeline.files import read_json
from marquee.pipeline.params import Params, RecommenderParams, Serving, read_best, read_yaml
from marquee.pipeline.scores import Score
from marquee.pipeline.stage import Log, run_stage
from marquee.serving.packaging import bento, gates
from marquee.serving.recommender import bundle
from marquee.serving.recommender.bundle import Packaged, Parts
from marquee.serving.replay import histories
from marquee.serving.service import limits, model_card
from marquee.serving.service.answers import Answers
from marquee.serving.service.model_card import ModelCard

STAGE = "package_service"
METRICS = ("evaluate_ranking", "evaluate_recommender", "evaluate_retrieval", "export_models")
TIMED, WARMED_UP = 300, 20


def run(params: Params, log: Log) -> None:
    """Judge the parts; package them only where every gate passes."""
    recommender = read_best(RecommenderParams, paths.RECOMMENDER.best_params)
    parts = bundle.parts_of_pipeline(additions=True)
    metrics = {stage: read_json(paths.metrics(stage)) for stage in METRICS}
    files = collect(parts, recommender, params.serving)
    latencies = time_answers(Packaged(bundle.read(parts), recommender, content_hash=""), params.seed)
    judged = gates.judge(params.requirements, latencies, bundle.total_bytes(files), metrics)
    gates.require(judged)
    log.info("every requirement is met:\n%s", gates.table(judged))

    required = {gate.name: {"required": gate.required, "passed": int(gate.passed)} for gate in judged}
    files[model_card.FILE] = _json(card(metrics, required).model_dump())
    content_hash = bundle.write(files, paths.BUNDLE)
    tag = bento.build(Path(), log)
    # What was required and that it passed; the measured latency never, for clocks do not repeat.
    size = Score("bundle_bytes", bundle.total_bytes(files))
    scores.write_metrics(paths.metrics(STAGE), {"value": size.value}, [size, *gates.as_scores(judged)])
    log.info(
        "models/bundle is %s; serve it with `bentoml serve`, or the Bento with `bentoml serve %s`",
        content_hash[:12],
        tag,
    )


def collect(parts: Parts, values: RecommenderParams, serving: Serving) -> dict[str, Path | bytes]:
    """Everything the bundle holds beside its card and its manifest."""
    files: dict[str, Path | bytes] = dict(parts.named())
    files[bundle.RECOMMENDER] = _json(values.model_dump())
    files[limits.FILE] = _json(serving.model_dump())
    return files


def card(metrics: Mapping[str, Any], required: Mapping[str, Any]) -> ModelCard:
    """What is packaged, for people."""
    return model_card.build(
        read_json(paths.RAW.manifest),
        read_json(paths.PROCESSED.manifest),
        metrics,
        required,
        read_yaml(Path(bento.BENTOFILE))["python"]["packages"],
    )


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def time_answers(packaged: Packaged, seed: int) -> list[float]:
    """Milliseconds of whole recommendations, for histories as long as those of the validation period."""
    answers = Answers(packaged)
    table = interactions.read(paths.PROCESSED.interactions)
    asked = histories.spread(events.of_period(table, VALIDATION, table.num_users, seed), TIMED)
    calls = [
        answers.request_of(*histories.of_event(table, asked, position)) for position in range(len(asked))
    ]
    gates.milliseconds(calls[:WARMED_UP], answers.recommend)
    return gates.milliseconds(calls, answers.recommend)


if __name__ == "__main__":
    run_stage(run, blas_threads=1)
