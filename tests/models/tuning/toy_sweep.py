"""A model section with constrained knobs, and an objective whose best values are known."""

import logging
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from marquee.models.training.checkpoint import Checkpoint
from marquee.models.tuning import search_space, sweep
from marquee.models.tuning.search_space import Plan
from marquee.models.tuning.sweep_result import Direction, Result
from marquee.pipeline.params import Tune
from marquee.pipeline.sections import Section

LOG = logging.getLogger("test_sweep")
Objective = Callable[["Toy", sweep.Report], float]


class Toy(Section):
    learning_rate: Annotated[float, Field(gt=0)]
    width: Annotated[int, Field(ge=1)]
    layers: list[int]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    heads: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "Toy":
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}; change one")
        return self


RATE = {"type": "float", "low": 1e-5, "high": 1e-1, "log": True, "default": 1e-5}
WIDTH = {"type": "int", "low": 8, "high": 64, "step": 8, "default": 16}
LAYERS = {"type": "categorical", "choices": [[8], [8, 8]], "default": [8]}
DROPOUT = {"type": "float", "low": 0.0, "high": 0.5, "default": 0.25}
SEARCH = {"learning_rate": RATE, "width": WIDTH, "layers": LAYERS, "dropout": DROPOUT}
FIXED = {"heads": 2}


def tune(search: Mapping[str, Any] = SEARCH, n_trials: int = 8, **changed: Any) -> Tune:
    values = {
        "n_trials": n_trials,
        "timeout_minutes": 30.0,
        "max_users": 100,
        "n_startup_trials": 2,
        "pruner": {"type": "none", "n_startup_trials": 0, "n_warmup_steps": 0},
        "search": dict(search),
    }
    return Tune.model_validate(values | changed)


def planned(
    search: Mapping[str, Any] = SEARCH, fixed: Mapping[str, Any] = FIXED, **changed: Any
) -> Plan[Toy]:
    return search_space.plan("toy", Toy, fixed, tune(search, **changed))


def distance(toy: Toy, report: sweep.Report) -> float:
    """Smallest (0) at learning_rate 1e-3, width 32, two layers, dropout 0.1."""
    value = (
        abs(math.log10(toy.learning_rate) + 3)
        + abs(toy.width - 32) / 32
        + (2 - len(toy.layers))
        + abs(toy.dropout - 0.1)
    )
    for epoch in range(3):
        report(epoch, value + 2 - epoch)
    return value


def run(
    journal: Path,
    objective: Objective = distance,
    plan: Plan[Toy] | None = None,
    *,
    seed: int = 7,
    fingerprint: str = "a",
    direction: Direction = "minimize",
    kept: Checkpoint | None = None,
) -> Result[Toy]:
    return sweep.search(plan or planned(), objective, seed, journal, fingerprint, direction, LOG, kept)
