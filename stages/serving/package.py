"""Stage `package_service`: gates first, then models/bundle and a Bento."""

import json
import logging
from pathlib import Path
from typing import Any

from stages import params, paths
from stages.data import interactions
from stages.data.interactions import VALIDATION
from stages.evaluation import events
from stages.files import read_json, write_json
from stages.params import Requirements
from stages.serving import bento, bundle, gates, histories
from stages.serving.answers import Answers
from stages.serving.bundle import Packaged
from stages.serving.gates import Gate
from stages.stage import run_stage

STAGE = "package_service"
METRICS = ("evaluate_ranking", "evaluate_recommender", "evaluate_retrieval", "export_models")
TIMED, WARMED_UP = 300, 20


def run(values: params.Recommender, requirements: Requirements, seed: int, log: logging.Logger) -> None:
    """Judge what was exported; package it only where every gate passes."""
    files = collect(values)
    judged = gates.judge(
        requirements,
        time_answers(Packaged(bundle.read_models(paths.EXPORTED), values, content_hash=""), seed),
        bundle.total_bytes(files),
        {stage: read_json(paths.metrics(stage)) for stage in METRICS},
    )
    gates.require(judged)
    log.info("every requirement is met:\n%s", gates.table(judged))

    content_hash = bundle.write(files, paths.BUNDLE)
    tag = bento.build(Path(), log)
    write_json(paths.metrics(STAGE), describe(judged, bundle.total_bytes(files)))
    log.info(
        "models/bundle is %s; serve it with `bentoml serve`, or the Bento with `bentoml serve %s`",
        content_hash[:12],
        tag,
    )


def collect(values: params.Recommender) -> dict[str, Path | bytes]:
    """Everything the bundle holds beside its manifest."""
    exported = paths.EXPORTED
    files: dict[str, Path | bytes] = {
        path.name: path
        for path in (
            exported.query_tower,
            exported.dcn,
            exported.catalogue,
            exported.movies,
            exported.settings,
        )
    }
    files[bundle.RECOMMENDER] = (json.dumps(values.model_dump(), indent=2, sort_keys=True) + "\n").encode()
    return files | {f"metrics/{stage}.json": paths.metrics(stage) for stage in METRICS}


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


def describe(judged: list[Gate], total_bytes: int) -> dict[str, Any]:
    """What was required and that it passed; the measured latency never, for clocks do not repeat."""
    required = {gate.name: {"required": gate.required, "passed": int(gate.passed)} for gate in judged}
    return {"requirements": required, "bundle_bytes": total_bytes}


def main() -> None:
    """Run the stage as DVC does."""

    def stage(log: logging.Logger) -> None:
        run(
            params.load("recommender", params.Recommender),
            params.load("requirements", Requirements),
            params.load_integer("seed"),
            log,
        )

    run_stage(STAGE, stage)


if __name__ == "__main__":
    main()
