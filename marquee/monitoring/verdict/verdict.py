"""Whether to retrain: drift proposes, performance confirms, a cool-down keeps it from flapping."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from marquee.evaluation.measures.intervals import Interval
from marquee.monitoring.statistics.performance import Change
from marquee.pipeline.arrays import Float64
from marquee.pipeline.files import read_json, write_json
from marquee.pipeline.monitoring_params import Monitoring

Retrain = Literal["yes", "no", "wait"]
EXIT_CODES: Mapping[str, int] = {"no": 0, "yes": 10, "wait": 11}
"""For a scheduler; 1 is an error, as everywhere."""


@dataclass(frozen=True)
class Evidence:
    """All that the verdict rests on.

    Attributes:
        windows: judged; 0 where there are too few requests for one.
        drifted: signals that alarmed in a recent window.
        changes: measure -> how much worse recent answers did, by feedback.
        estimates: measure -> how much worse recent requests are expected to be answered than those of the
            reference, without feedback; above 0 is worse.
        answers_of_bundle: how many there are of the bundle that serves.
        answers_since_retrain: after the last attempt to retrain; None where there was none.
    """

    windows: int
    drifted: tuple[str, ...]
    changes: Mapping[str, Change]
    estimates: Mapping[str, Interval]
    answers_of_bundle: int
    answers_since_retrain: int | None


@dataclass(frozen=True)
class Verdict:
    """What to do, and why, in sentences."""

    retrain: Retrain
    reasons: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """See EXIT_CODES."""
        return EXIT_CODES[self.retrain]


def judge(evidence: Evidence, params: Monitoring) -> Verdict:
    """Weigh the evidence; the first rule that fits decides.

    1. Fewer requests than a window: wait.
    2. Nothing drifted, nothing got worse: no.
    3. In the cool-down after a new bundle or an attempt to retrain: wait.
    4. Drift, and a loss that feedback confirms (its interval above 0, its value above the margin): yes.
    5. Drift, feedback does not decide, and the estimate without feedback confirms a loss: yes.
    6. Drift, and feedback excludes every loss above its margin: no; else wait.
    7. No drift: yes where the whole interval of a loss is above its margin (new tastes leave requests as they
       were), else wait for more feedback.
    """
    if evidence.windows == 0:
        return Verdict("wait", (f"fewer requests than one window of {params.window_requests}",))
    margins = {"rmse": params.rmse_margin}
    said = {
        name: _weigh(change, margins.get(name, params.hit_rate_margin), params.min_feedback)
        for name, change in evidence.changes.items()
    }
    losses = [name for name, weight in said.items() if weight in ("lost", "lost_much")]
    reasons = [_about_drift(evidence), *(_about(name, evidence.changes[name], said[name]) for name in said)]
    if not evidence.drifted and not losses:
        return Verdict("no", tuple(reasons))
    cooling = _cooling(evidence, params)
    if cooling:
        return Verdict("wait", (*reasons, cooling))
    if not evidence.drifted:
        much = "lost_much" in said.values()
        reasons.append("requests look as before: visitors' taste may have changed")
        return Verdict("yes" if much else "wait", tuple(reasons))
    if losses:
        return Verdict("yes", tuple(reasons))
    if said and all(weight == "kept" for weight in said.values()):
        return Verdict("no", tuple(reasons))
    expected = [
        name
        for name, loss in evidence.estimates.items()
        if loss.low > 0 and loss.value > margins.get(name, params.hit_rate_margin)
    ]
    if expected:
        reasons += [f"without feedback, {name} is expected to be worse" for name in expected]
        return Verdict("yes", tuple(reasons))
    return Verdict("wait", (*reasons, "no loss is confirmed yet, nor excluded"))


def answers_since(last_retrain: Path, times: Float64) -> int | None:
    """How many answers, given at these times, came since retraining was last tried; None: it never was."""
    if not last_retrain.exists():
        return None
    tried = float(read_json(last_retrain)["time"])
    return int((times > tried).sum())


def record_retrain(last_retrain: Path, time: float) -> None:
    """Start the cool-down: retraining was tried at a time (seconds since 1970), whoever won."""
    write_json(last_retrain, {"time": time})


def _weigh(change: Change, margin: float, min_feedback: int) -> Literal["lost_much", "lost", "kept", "open"]:
    worse = change.worse_by
    if change.count < min_feedback or worse.value != worse.value:  # NaN
        return "open"
    if worse.low > margin:
        return "lost_much"
    if worse.low > 0 and worse.value > margin:
        return "lost"
    return "kept" if worse.high <= margin else "open"


def _cooling(evidence: Evidence, params: Monitoring) -> str:
    since = evidence.answers_since_retrain
    if evidence.answers_of_bundle < params.cool_down_requests:
        return (
            f"cool-down: {evidence.answers_of_bundle} answers of this bundle of {params.cool_down_requests}"
        )
    if since is not None and since < params.cool_down_requests:
        return f"cool-down: {since} answers since retraining was tried of {params.cool_down_requests}"
    return ""


def _about_drift(evidence: Evidence) -> str:
    return f"drifted: {', '.join(evidence.drifted)}" if evidence.drifted else "no signal drifted"


def _about(name: str, change: Change, weight: str) -> str:
    worse = change.worse_by
    if worse.value != worse.value:
        return f"{name}: no feedback to compare"
    told = {
        "lost_much": "a loss beyond its margin",
        "lost": "a confirmed loss",
        "kept": "no loss beyond its margin",
        "open": "not decided",
    }
    interval = f"{worse.value:.3f} ({worse.low:.3f} to {worse.high:.3f}, {change.count})"
    return f"{name} worse by {interval}: {told[weight]}"
