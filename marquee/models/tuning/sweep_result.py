"""What a sweep found and how it is written: the winner, the table of trials, what mattered, the metrics.

Pictures of it are drawn by a stage of their own, `draw_training`, so that how they look re-runs no sweep.
"""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal

import yaml

from marquee.models.tuning.search_space import CategoricalKnob, Knob, Plan
from marquee.pipeline import files, paths, scores
from marquee.pipeline.sections import S

Direction = Literal["maximize", "minimize"]
MIN_TRIALS_FOR_IMPORTANCE = 4
"""Fewer finished trials say nothing about which knob mattered."""


@dataclass(frozen=True)
class Trial:
    """One trial as reported.

    `state` is COMPLETE, PRUNED (stopped early; `value` is the last reported), DIVERGED (no finite value) or
    REFUSED (the model's section refuses this combination of knobs). `epochs` counts the reports.
    """

    number: int
    state: str
    value: float | None
    epochs: int
    knobs: Mapping[str, Any]


@dataclass(frozen=True)
class Result(Generic[S]):
    """A finished sweep: the winner and all trials."""

    plan: Plan[S]
    best: S
    direction: Direction
    trials: tuple[Trial, ...] = ()
    best_trial: Trial | None = None
    importances: Mapping[str, float] = field(default_factory=dict)
    stopped_by_timeout: bool = False


def reported(number: int, trial: Any, plan: Plan[S]) -> Trial:
    """Optuna's finished trial as ours."""
    state = trial.user_attrs.get("state", trial.state.name)
    value = trial.value if state in ("COMPLETE", "PRUNED") else None
    return Trial(number, state, value, len(trial.intermediate_values), plan.chosen(trial.params))


def best_of(trials: tuple[Trial, ...], direction: Direction) -> Trial | None:
    """The best completed trial, the earliest of equals."""
    sign = -1.0 if direction == "maximize" else 1.0
    completed = [trial for trial in trials if trial.state == "COMPLETE"]
    return min(completed, key=lambda trial: sign * _value(trial), default=None)


def importances(plan: Plan[S], trials: tuple[Trial, ...], seed: int) -> dict[str, float]:
    """Share of the values' variance that each knob explains; empty where the trials cannot tell.

    fANOVA: Hutter, Hoos and Leyton-Brown 2014, "An Efficient Approach for Assessing Hyperparameter
    Importance". Optuna's weighs a range evenly, which a learning rate sampled by its logarithm is not, so log
    knobs are handed over as logarithms.
    """
    import optuna
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    completed = [trial for trial in trials if trial.state == "COMPLETE"]
    varied = [name for name in plan.knobs if len({str(trial.knobs[name]) for trial in completed}) > 1]
    same = len({trial.value for trial in completed}) < 2
    if len(completed) < MIN_TRIALS_FOR_IMPORTANCE or len(varied) < 2 or same:
        return {}
    study = optuna.create_study()
    for trial in completed:
        scaled = {name: _scaled(knob, trial.knobs[name]) for name, knob in plan.knobs.items()}
        values, ranges = ({name: pair[part] for name, pair in scaled.items()} for part in (0, 1))
        study.add_trial(optuna.create_trial(value=trial.value, params=values, distributions=ranges))
    found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=seed))
    return {str(name): float(share) for name, share in found.items()}


def _scaled(knob: Knob, value: Any) -> tuple[float, Any]:
    """A knob's value on the scale that is sampled evenly, and its range there."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if isinstance(knob, CategoricalKnob):
        return knob.choices.index(value), CategoricalDistribution(range(len(knob.choices)))
    scale = math.log if knob.log else float
    return scale(value), FloatDistribution(scale(knob.low), scale(knob.high))


def write_result(result: Result[S], best_params: Path, report: paths.Sweep, metrics: Path) -> None:
    """Write `best_params` (every knob of the section), the trials, what of them mattered, `metrics`."""
    files.write_text(report.trials, _table(result))
    files.write_json(report.summary, _summary(result))
    _write_metrics(result, metrics)
    values = result.best.model_dump(mode="json")
    files.write_text(best_params, yaml.safe_dump(values, sort_keys=True, default_flow_style=None))


def shown(knobs: Mapping[str, Any]) -> str:
    """Knobs for a log line or a title."""
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in knobs.items()
    )


def _write_metrics(result: Result[S], path: Path) -> None:
    states = [trial.state for trial in result.trials]
    numbers: dict[str, float] = {
        "n_trials": len(states),
        "completed": states.count("COMPLETE"),
        "pruned": states.count("PRUNED"),
        "stopped_by_timeout": int(result.stopped_by_timeout),
    }
    shown: dict[str, float] = {}
    if result.best_trial is not None:
        shown["value"] = _value(result.best_trial)
        numbers |= {"best_value": shown["value"], "best_trial": result.best_trial.number}
    scores.write_metrics(path, shown, scores.counts(numbers))


def _summary(result: Result[S]) -> dict[str, Any]:
    """What the trials alone do not say: which way is better, who won, and which knob mattered."""
    return {
        "section": result.plan.section,
        "direction": result.direction,
        "best_trial": None if result.best_trial is None else result.best_trial.number,
        "importances": result.importances,
    }


def _table(result: Result[S]) -> str:
    """CSV, one row per trial; the knobs in full, so that a row can be copied into params.yaml."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["number", "state", "value", "epochs", *result.plan.knobs])
    for trial in result.trials:
        value = "" if trial.value is None else round(trial.value, files.DECIMALS)
        knobs = [trial.knobs[name] for name in result.plan.knobs]
        writer.writerow([trial.number, trial.state, value, trial.epochs, *knobs])
    return text.getvalue()


def _value(trial: Trial) -> float:
    if trial.value is None:
        raise ValueError(f"trial {trial.number} ({trial.state}) has no value; ask for completed trials only")
    return trial.value
