"""A sweep in two pictures: how its trials went, and which knob mattered."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.ticker import MaxNLocator

from marquee.pictures import plots
from marquee.pipeline import paths
from marquee.pipeline.files import read_json


@dataclass(frozen=True)
class Sweep:
    """What a sweep reported (`marquee/models/tuning/sweep_result.py` writes it).

    Attributes:
        section: whose knobs were searched.
        direction: `maximize` or `minimize`.
        trials: a row per trial: `number`, `state`, `value` (NaN where it came to none), `epochs`, the knobs.
        best_trial: number of the winner; None where nothing was searched.
        importances: share of the values' variance that each knob explains; empty where trials cannot tell.
    """

    section: str
    direction: str
    trials: pd.DataFrame
    best_trial: int | None
    importances: Mapping[str, float]

    def in_state(self, state: str) -> pd.DataFrame:
        """The trials that ended so, with a value."""
        return self.trials[(self.trials["state"] == state) & self.trials["value"].notna()]


def read(report: paths.Sweep) -> Sweep:
    """Read what a `tune_*` stage reported."""
    summary = read_json(report.summary)
    return Sweep(
        section=summary["section"],
        direction=summary["direction"],
        trials=pd.read_csv(report.trials),
        best_trial=summary["best_trial"],
        importances=summary["importances"],
    )


def draw(sweep: Sweep, history: Path, importance: Path) -> list[Path]:
    """Draw what there is to see; the paths of the pictures.

    Nothing where every knob was fixed or took its default, and no importances where the trials cannot tell.
    """
    drawn = []
    if sweep.best_trial is not None:
        draw_history(sweep, history)
        drawn.append(history)
    if sweep.importances:
        draw_importance(sweep, importance)
        drawn.append(importance)
    return drawn


def draw_history(sweep: Sweep, path: Path) -> None:
    """Every trial's value and the best so far; pruned trials at the value where they were stopped."""
    completed, pruned = sweep.in_state("COMPLETE"), sweep.in_state("PRUNED")
    up = sweep.direction == "maximize"
    numbers, so_far = completed["number"], completed["value"].cummax() if up else completed["value"].cummin()
    last = sweep.trials["number"].iloc[-1]
    figure, (axes,) = plots.new()
    axes.step(
        [*numbers, last],
        [*so_far, so_far.iloc[-1]],
        where="post",
        color=plots.ACCENT,
        label="best so far",
    )
    axes.plot(numbers, completed["value"], "o", color=plots.PALETTE[1], label="completed")
    if len(pruned):
        label = "pruned, at its last epoch"
        axes.plot(pruned["number"], pruned["value"], "x", color=plots.MUTED, label=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("trial (0: the defaults)")
    axes.set_ylabel(f"value on validation ({'higher' if up else 'lower'} is better)")
    axes.set_title(f"Sweep of {sweep.section}: {so_far.iloc[-1]:.4f} in trial {sweep.best_trial}")
    axes.legend()
    plots.save(figure, path)


def draw_importance(sweep: Sweep, path: Path) -> None:
    """The share of each knob as a bar, the largest on top."""
    ranked = sorted(sweep.importances.items(), key=lambda pair: (pair[1], pair[0]))
    figure, (axes,) = plots.new(height=1.6 + 0.4 * len(ranked))
    bars = axes.barh([name for name, _ in ranked], [share for _, share in ranked], color=plots.PALETTE[1])
    axes.bar_label(bars, fmt="%.2f", padding=4, color=plots.INK)
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, 1.1)
    axes.set_xlabel("share of the variance of the value (fANOVA)")
    axes.set_title(f"Which knob of {sweep.section} mattered")
    plots.save(figure, path)
