"""Sweeps: a search space of params.yaml -> an Optuna study that repeats itself and survives an interrupt.

Each trial's sampler is seeded with the base seed plus the trial's number, so that a study resumed from its
journal draws what the uninterrupted one would have drawn. The timeout is the one place in the pipeline where
a clock decides anything: a sweep it cuts short may end elsewhere on another machine, and says so in its
metrics. A resumed sweep has the whole timeout again.
"""

import hashlib
import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

import marquee
from marquee.models.training import journals
from marquee.models.training.checkpoint import Checkpoint
from marquee.models.tuning.search_space import Plan
from marquee.models.tuning.sweep_result import (
    Direction,
    Result,
    best_of,
    importances,
    reported,
    shown,
    write_result,
)
from marquee.pipeline import paths, sections
from marquee.pipeline.files import WriteError
from marquee.pipeline.params import Tune
from marquee.pipeline.sections import ParamsError, S

Report = Callable[[int, float], None]
REPOSITORY = Path(marquee.__file__).parents[1]
LENGTHS = ("n_trials", "timeout_minutes")
"""Knobs of a sweep that say how many trials there are, not what they are."""
SOURCES = (REPOSITORY / "marquee", REPOSITORY / "stages")
"""What decides a trial's value: the library and the scripts that call it."""


class SweepError(ValueError):
    """A sweep that found nothing; the message says what to do."""


def fingerprint(*parts: str | bytes | Path) -> str:
    """Hash what a sweep's outcome depends on: `parts` (a Path: its bytes), our sources, Optuna's version."""
    sources = {
        f"{folder.name}/{path.relative_to(folder).as_posix()}": path
        for folder in SOURCES
        for path in sorted(folder.rglob("*.py"))
    }
    digest = hashlib.sha256()
    for part in (*parts, version("optuna"), "\n".join(sources), *sources.values()):
        content = part.read_bytes() if isinstance(part, Path) else part
        digest.update(hashlib.sha256(content if isinstance(content, bytes) else content.encode()).digest())
    return digest.hexdigest()


def require_events(num_events: int, plan: Plan[Any]) -> None:
    """Check that there is something to choose knobs by.

    Raises:
        SweepError: trials are asked for and the validation period has no event to score them on.
    """
    if plan.tune.n_trials and not num_events:
        raise SweepError(
            f"tune_{plan.section}: the validation period has no event to score {plan.tune.n_trials} trials "
            "on (events need a history). Move preprocess_data's cutoffs apart, or set "
            f"tune_{plan.section}.n_trials to 0 to take the defaults."
        )


def search(
    plan: Plan[S],
    objective: Callable[[S, Report], float],
    seed: int,
    journal: Path,
    fingerprint: str,
    direction: Direction,
    log: logging.Logger,
    kept: Checkpoint | None = None,
) -> Result[S]:
    """Run the plan's trials, the first at the defaults; resume where an equal sweep was interrupted.

    `objective(params, report)` returns the value sought; it calls `report(epoch, value)` after each epoch,
    which raises `optuna.TrialPruned` where the trial is hopeless. `journal` is kept: a study of another
    `fingerprint`, seed or search space in it is never continued; one of another length is. A trial that was
    interrupted goes on after the last epoch that `kept` has of it.

    Raises:
        SweepError: no trial came to a finite value.
    """
    if not plan.tune.n_trials or not plan.knobs:
        log.info("%s is not searched: every knob is fixed or takes its default", plan.section)
        return Result(plan, plan.default(), direction)
    study = _open(journal, _study_name(plan, seed, direction, fingerprint), plan.tune, direction, log)
    kept = kept or Checkpoint()
    stopped = _run(study, plan, objective, seed, log, kept)
    kept.drop()
    finished = _finished(study)[: plan.tune.n_trials]
    trials = tuple(reported(number, trial, plan) for number, trial in enumerate(finished))
    best = best_of(trials, direction)
    if best is None:
        raise SweepError(
            f"tune_{plan.section}: none of {len(trials)} trials came to a finite value. "
            f"Narrow tune_{plan.section}.search (a smaller learning_rate is the usual cure)."
        )
    log.info("best of %d trials: trial %d, %.6g, %s", len(trials), best.number, best.value, shown(best.knobs))
    shares = importances(plan, trials, seed)
    winner = plan.resolve(best.knobs)
    return Result(plan, winner, direction, trials, best, shares, stopped_by_timeout=stopped)


def _study_name(plan: Plan[S], seed: int, direction: Direction, fingerprint: str) -> str:
    """Key of all that decides a trial: not how many there are, nor how long they may take."""
    knobs = {name: knob.model_dump() for name, knob in plan.knobs.items()}
    sweep = plan.tune.model_dump(exclude={"search", *LENGTHS})
    parts = [plan.section, plan.fixed, knobs, sweep, seed, direction, fingerprint]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def search_and_write(
    plan: Plan[S],
    objective: Callable[[S, Report], float],
    seed: int,
    direction: Direction,
    best_params: Path,
    read: Sequence[Path],
    log: logging.Logger,
    kept: Checkpoint | None = None,
) -> None:
    """`search` and `write_result` as the stage `tune_<section>` does; `read` are the files it works on."""
    stage = f"tune_{plan.section}"
    journal = paths.LOGS / f"{stage}.journal"
    journals.drop_recorded(journal, best_params, plan.tune.n_trials)
    key = fingerprint(_trials_params(paths.PARAMS), *read)
    try:
        result = search(plan, objective, seed, journal, key, direction, log, kept)
    except OSError as error:  # Optuna's, of a full disk, names no file
        if error.filename is not None or isinstance(error, WriteError):
            raise
        raise WriteError(
            f"{journal} could not be written: {error}.\n"
            "Free some space on the disk, and run again: the sweep goes on."
        ) from error
    write_result(result, best_params, paths.sweep(stage), paths.metrics(stage))
    journals.mark_finished(journal, best_params, plan.tune.n_trials)


def _trials_params(path: Path) -> str:
    """params.yaml without how many trials sweeps have, and how long they may take."""
    params = sections.read_yaml(path)
    for section in params.values():
        for name in LENGTHS if isinstance(section, dict) else ():
            section.pop(name, None)
    return json.dumps(params, sort_keys=True, default=str)


def _open(journal: Path, name: str, tune: Tune, direction: Direction, log: logging.Logger) -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal.parent.mkdir(parents=True, exist_ok=True)
    # `kill -9` may leave Optuna's lock behind. DVC runs a stage once at a time, so nobody else holds it.
    journal.with_name(f"{journal.name}.lock").unlink(missing_ok=True)
    _drop_torn_line(journal)
    try:
        study = _create(journal, name, tune, direction)
    except (ValueError, KeyError) as error:
        log.warning("%s cannot be read (%s): the sweep starts from its first trial", journal, error)
        journal.unlink()
        study = _create(journal, name, tune, direction)
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


def _create(journal: Path, name: str, tune: Tune, direction: Direction) -> Any:
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock, JournalStorage

    pruner = optuna.pruners.NopPruner()
    if tune.pruner.type == "median":
        pruner = optuna.pruners.MedianPruner(tune.pruner.n_startup_trials, tune.pruner.n_warmup_steps)
    backend = JournalFileBackend(str(journal), lock_obj=JournalFileOpenLock(str(journal)))
    return optuna.create_study(
        study_name=name,
        storage=JournalStorage(backend),
        direction=direction,
        pruner=pruner,
        load_if_exists=True,
    )


def _drop_torn_line(journal: Path) -> None:
    """Remove a last line cut while written; Optuna would append to it and never read the file again."""
    if journal.exists():
        content = journal.read_bytes()
        if not content.endswith(b"\n"):
            journal.write_bytes(content[: content.rfind(b"\n") + 1])


def _run(
    study: Any,
    plan: Plan[S],
    objective: Callable[[S, Report], float],
    seed: int,
    log: logging.Logger,
    kept: Checkpoint,
) -> bool:
    """Run the trials that are missing; True when time cut them short, which it may after one trial."""
    first = len(_finished(study))
    tune = plan.tune
    log.info("%d trials over %s%s", tune.n_trials, ", ".join(plan.knobs), f", {first} done" if first else "")
    deadline = time.monotonic() + 60 * tune.timeout_minutes
    with (
        logging_redirect_tqdm(),
        tqdm(total=tune.n_trials, initial=first, desc="trials", unit="trial", disable=None) as bar,
    ):
        for number in range(first, tune.n_trials):
            if number > first and time.monotonic() >= deadline:
                log.warning(
                    "timeout_minutes %g are over after %d of %d trials: the result depends on this machine's "
                    "speed. Raise tune_%s.timeout_minutes or lower n_trials.",
                    *(tune.timeout_minutes, number, tune.n_trials, plan.section),
                )
                return True
            _run_trial(study, plan, objective, seed, number, kept)
            trial = reported(number, _finished(study)[number], plan)
            value = "" if trial.value is None else f" {trial.value:.6g}"
            log.info("trial %d: %s%s, %s", number, trial.state, value, shown(trial.knobs))
            bar.update()
    return False


def _run_trial(
    study: Any,
    plan: Plan[S],
    objective: Callable[[S, Report], float],
    seed: int,
    number: int,
    kept: Checkpoint,
) -> None:
    import optuna
    from optuna.trial import TrialState

    startup = plan.tune.n_startup_trials
    study.sampler = optuna.samplers.TPESampler(n_startup_trials=startup, seed=seed + number)
    if number == 0 and not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        study.enqueue_trial(plan.drawn_default())
    trial = study.ask(plan.distributions())
    kept.begin(f"{study.study_name}, trial {number}")
    for epoch, value in enumerate(kept.values, start=1):
        trial.report(value, epoch)

    def report(epoch: int, value: float) -> None:
        kept.values.append(float(value))
        trial.report(float(value), epoch)
        if trial.should_prune():
            raise optuna.TrialPruned(f"epoch {epoch}: {value} is below the median of the trials before")

    try:
        chosen = plan.resolve(plan.chosen(trial.params))
    except ParamsError:  # every value is allowed alone; a combination need not be
        _give_up(study, trial, "REFUSED")
        return
    try:
        value = float(objective(chosen, report))
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
        return
    if math.isfinite(value):
        study.tell(trial, value)
    else:
        _give_up(study, trial, "DIVERGED")


def _give_up(study: Any, trial: Any, why: str) -> None:
    """To Optuna a pruned trial, so that the sampler keeps away from it; a failed one it would forget."""
    from optuna.trial import TrialState

    trial.set_user_attr("state", why)
    study.tell(trial, state=TrialState.PRUNED)


def _finished(study: Any) -> list[Any]:
    """Trials that count, in order. A failed one was interrupted, and the next repeats its draw."""
    from optuna.trial import TrialState

    found: list[Any] = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    return found
