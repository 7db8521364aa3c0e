"""Stage `package_service`: gates first, then models/bundle and a Bento."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages import params, paths
from stages.data import interactions
from stages.data.interactions import VALIDATION
from stages.evaluation import events
from stages.files import read_json, write_json
from stages.params import Requirements, Serving
from stages.serving import bento, bundle, gates, histories, limits, model_card
from stages.serving.answers import Answers
from stages.serving.bundle import Packaged, Parts
from stages.serving.model_card import ModelCard
from stages.stage import run_stage

STAGE = "package_service"
METRICS = ("evaluate_ranking", "evaluate_recommender", "evaluate_retrieval", "export_models")
TIMED, WARMED_UP = 300, 20


def run(
    values: params.Recommender,
    requirements: Requirements,
    serving: Serving,
    seed: int,
    log: logging.Logger,
) -> None:
    """Judge the parts; package them only where every gate passes."""
    parts = bundle.parts_of_pipeline(additions=True)
    metrics = {stage: read_json(paths.metrics(stage)) for stage in METRICS}
    files = collect(parts, values, serving)
    latencies = time_answers(Packaged(bundle.read(parts), values, content_hash=""), seed)
    judged = gates.judge(requirements, latencies, bundle.total_bytes(files), metrics)
    gates.require(judged)
    log.info("every requirement is met:\n%s", gates.table(judged))

    required = {gate.name: {"required": gate.required, "passed": int(gate.passed)} for gate in judged}
    files[model_card.FILE] = _json(card(metrics, required).model_dump())
    content_hash = bundle.write(files, paths.BUNDLE)
    tag = bento.build(Path(), log)
    # What was required and that it passed; the measured latency never, for clocks do not repeat.
    write_json(paths.metrics(STAGE), {"requirements": required, "bundle_bytes": bundle.total_bytes(files)})
    log.info(
        "models/bundle is %s; serve it with `bentoml serve`, or the Bento with `bentoml serve %s`",
        content_hash[:12],
        tag,
    )


def collect(parts: Parts, values: params.Recommender, serving: Serving) -> dict[str, Path | bytes]:
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
        params.read_yaml(Path(bento.BENTOFILE))["python"]["packages"],
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


def main() -> None:
    """Run the stage as DVC does."""

    def stage(log: logging.Logger) -> None:
        run(
            params.load_best(params.Recommender, paths.RECOMMENDER.best_params),
            params.load("requirements", Requirements),
            params.load("serving", Serving),
            params.load_integer("seed"),
            log,
        )

    run_stage(STAGE, stage)


if __name__ == "__main__":
    main()
