"""One page on a retraining: who is the champion now, why, and every number it rests on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from marquee.monitoring.promotion.decision import Decision, Line
from marquee.pipeline.files import write_json, write_text

PAGE = "report.md"
TOLD = {
    "better": "better",
    "fell": "**fell**",
    "kept": "no loss beyond what is allowed",
    "few": "too few users to say",
}


@dataclass(frozen=True)
class Retraining:
    """What was compared, and what came of it.

    Attributes:
        champion, challenger: content hashes.
        revision: the challenger's commit.
        start: first second that is compared on, since 1970.
        champion_until, challenger_until: first second that each was not fitted on.
        events: that both were asked; `prompted` of them by an answer.
        prompted: see above.
        feedback: what the challenger's manifest says of recorded feedback; empty where none was used.
        decision: who is promoted.
    """

    champion: str
    challenger: str
    revision: str
    start: int
    champion_until: int
    challenger_until: int
    events: int
    prompted: int
    feedback: Mapping[str, Any]
    decision: Decision


def metrics(retraining: Retraining) -> dict[str, Any]:
    """The metrics file: who won and by how much."""
    return {
        "promoted": int(retraining.decision.promote),
        "events": retraining.events,
        "gain": {
            line.name: {"value": line.gain.value, "low": line.gain.low, "high": line.gain.high}
            for line in retraining.decision.lines
        },
    }


def write(retraining: Retraining, metrics_file: Path, folder: Path) -> None:
    """Write the metrics and the page."""
    write_json(metrics_file, metrics(retraining))
    write_text(folder / PAGE, page(retraining))


def page(retraining: Retraining) -> str:
    """The page, in Markdown."""
    decision = retraining.decision
    title = "The challenger wins." if decision.promote else "The champion stays."
    parts = [
        f"# {title}",
        "\n".join(f"- {reason}" for reason in decision.reasons),
        f"Champion `{retraining.champion[:12]}`, fitted on ratings before {_day(retraining.champion_until)}. "
        f"Challenger `{retraining.challenger[:12]}`, commit `{retraining.revision[:12]}`, on ratings before "
        f"{_day(retraining.challenger_until)}. Both were asked the same {retraining.events:,} ratings since "
        f"{_day(retraining.start)}, which neither has seen; {retraining.prompted:,} of these were prompted "
        "by an answer and count for `rmse` alone.",
        table(decision),
        f"In brackets: {decision.level:.1%} interval of the difference, by bootstrap over users, paired. "
        "Above 0 is better, whatever the measure.",
        _told_feedback(retraining.feedback),
        _what_next(retraining),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(decision: Decision) -> str:
    """Every measure, a row each."""
    rows = [
        "| measure | role | events | users | champion | challenger | gain | rule | |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_row(line) for line in decision.lines),
    ]
    return "\n".join(rows)


def failed(reason: str) -> str:
    """The page where there is no challenger."""
    return f"# The champion stays.\n\nThere is no challenger to compare it with.\n\n{reason}\n"


def _row(line: Line) -> str:
    gain = line.gain
    told = "-" if gain.value != gain.value else f"{gain.value:+.4f}"
    if gain.low == gain.low:
        told += f" ({gain.low:+.4f} to {gain.high:+.4f})"
    counts = f"{line.events:,} | {line.users:,}" if line.events else "- | -"
    values = f"{_number(line.champion)} | {_number(line.challenger)}"
    return (
        f"| `{line.name}` | {line.role} | {counts} | {values} | {told} | {line.rule} | {TOLD[line.outcome]} |"
    )


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.4g}"


def _told_feedback(feedback: Mapping[str, Any]) -> str:
    if not feedback:
        return "No recorded feedback was trained on: `data.feedback` is `none`."
    left = ", ".join(f"{count:,} `{rule}`" for rule, count in feedback["left_out"].items() if count)
    return (
        f"Recorded ratings beside the source's: {feedback['ratings']:,} of {feedback['visitors']:,} "
        f"visitors. Left out: {left or 'none'}; {feedback['other_events']:,} events that are no ratings."
    )


def _what_next(retraining: Retraining) -> str:
    if retraining.decision.promote:
        return (
            "The branch goes forward to the challenger's commit. Share it with "
            "`git push --follow-tags && dvc push`; `make rollback` brings the champion before back."
        )
    return (
        "Nothing changed here. The challenger is an experiment (`dvc exp show`): `dvc exp branch` makes a "
        "branch of it, `dvc exp remove` forgets it."
    )


def _day(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M} UTC"
