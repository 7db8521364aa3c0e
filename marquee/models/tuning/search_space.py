"""What a sweep may choose: `tune_*.search` in params.yaml, checked knob by knob against the model's section.

Every knob of the section (`params.Retrieval`, `params.Ranking`, ...) is fixed in the section itself or
searched, never both and never neither.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal

from pydantic import Field, ValidationError, model_validator

from marquee.pipeline import paths, sections
from marquee.pipeline.params import Tune
from marquee.pipeline.sections import ParamsError, S, Section

TRIED_VALUES = 1000
"""Whole numbers of a range that are tried against the model one by one; larger ranges at their ends only."""


class Range(Section):
    """Numbers from `low` to `high`, both included, on a grid where `step` is given."""

    @model_validator(mode="after")
    def _possible(self) -> "Range":
        low, high, step, log, default = (
            getattr(self, name) for name in ("low", "high", "step", "log", "default")
        )
        if low > high:
            raise ValueError(f"low {low} is above high {high}; swap them")
        if log and low <= 0:
            raise ValueError(f"log needs low above 0; it is {low}. Raise low or remove log")
        if log and step is not None:
            raise ValueError("log and step exclude each other; remove one")
        if not low <= default <= high:
            raise ValueError(f"default {default} is outside {low} to {high}; move it or widen the range")
        for name, value in (("high", high), ("default", default)):
            if step is not None and (Decimal(str(value)) - Decimal(str(low))) % Decimal(str(step)):
                raise ValueError(f"{name} {value} is not low {low} plus a multiple of step {step}; move it")
        return self


class FloatKnob(Range):
    """A real number; `log` samples its logarithm evenly."""

    type: Literal["float"]
    low: float
    high: float
    default: float
    log: bool = False
    step: Annotated[float, Field(gt=0)] | None = None

    def probes(self) -> Iterator[tuple[str, Any]]:
        yield from (("low", self.low), ("high", self.high))

    def distribution(self) -> Any:
        from optuna.distributions import FloatDistribution

        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)


class IntKnob(Range):
    """A whole number."""

    type: Literal["int"]
    low: int
    high: int
    default: int
    log: bool = False
    step: Annotated[int, Field(ge=1)] | None = None

    def probes(self) -> Iterator[tuple[str, Any]]:
        yield from (("low", self.low), ("high", self.high))
        between = range(self.low, self.high + 1, self.step or 1)
        if len(between) <= TRIED_VALUES:
            yield from (("value", value) for value in between)

    def distribution(self) -> Any:
        from optuna.distributions import IntDistribution

        return IntDistribution(self.low, self.high, log=self.log, step=self.step or 1)


class CategoricalKnob(Section):
    """One of some values, lists included; Optuna sees their positions."""

    type: Literal["categorical"]
    choices: Annotated[list[Any], Field(min_length=1)]
    default: Any

    @model_validator(mode="after")
    def _possible(self) -> "CategoricalKnob":
        seen = [json.dumps(choice, default=str) for choice in self.choices]
        if len(set(seen)) < len(seen):
            raise ValueError(f"choices {self.choices!r} holds a value twice; remove one")
        if json.dumps(self.default, default=str) not in seen:
            raise ValueError(f"default {self.default!r} is not among the choices {self.choices!r}; add it")
        return self

    def probes(self) -> Iterator[tuple[str, Any]]:
        yield from (("choice", choice) for choice in self.choices)

    def distribution(self) -> Any:
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(range(len(self.choices)))


Knob = FloatKnob | IntKnob | CategoricalKnob
KINDS: dict[str, type[Knob]] = {"float": FloatKnob, "int": IntKnob, "categorical": CategoricalKnob}


@dataclass(frozen=True)
class Plan(Generic[S]):
    """A checked search space: what is fixed and what is searched of one model's section, and for how long."""

    section: str
    model: type[S]
    fixed: Mapping[str, Any]
    knobs: Mapping[str, Knob]
    tune: Tune

    def distributions(self) -> dict[str, Any]:
        """The searched knobs as Optuna's distributions."""
        return {name: knob.distribution() for name, knob in self.knobs.items()}

    def drawn_default(self) -> dict[str, Any]:
        """The defaults as Optuna draws values: a categorical's is its position."""
        return {
            name: knob.choices.index(knob.default) if isinstance(knob, CategoricalKnob) else knob.default
            for name, knob in self.knobs.items()
        }

    def chosen(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        """What Optuna drew, as values of the knobs."""
        return {
            name: knob.choices[drawn[name]] if isinstance(knob, CategoricalKnob) else drawn[name]
            for name, knob in self.knobs.items()
        }

    @property
    def defaults(self) -> dict[str, Any]:
        """The default of every searched knob."""
        return {name: knob.default for name, knob in self.knobs.items()}

    def default(self) -> S:
        """The section with every searched knob at its default."""
        return self.resolve(self.defaults)

    def resolve(self, chosen: Mapping[str, Any]) -> S:
        """The section with the searched knobs at `chosen`.

        Raises:
            ParamsError: the model refuses the combination.
        """
        return sections.validate(self.section, self.model, {**self.fixed, **chosen}, paths.PARAMS)


def plan(section: str, model: type[S], fixed: Mapping[str, Any], tune: Tune) -> Plan[S]:
    """Check a search space against the model's section.

    Args:
        section: its name in params.yaml; the sweep's own section is `tune_<section>`.
        model: its type, with every knob, fixed or searched.
        fixed: the knobs that params.yaml sets.
        tune: the sweep's own section.

    Raises:
        ParamsError: a knob fixed and searched, or neither, or unknown; an impossible range; a value in a
            range that the model refuses. All of a kind are named together.
    """
    knobs = {name: _knob(section, name, tune.search[name]) for name in sorted(tune.search)}
    made = Plan(section, model, fixed, knobs, tune)
    for check in (_misplaced, _refused_at_default, _refused_in_range):
        problems = [f"params.yaml: {problem}" for problem in check(made)]
        if problems:
            raise ParamsError("\n".join(problems))
    return made


def _knob(section: str, name: str, written: Mapping[str, Any]) -> Knob:
    key = f"tune_{section}.search.{name}"
    if "type" not in written:
        raise ParamsError(f"params.yaml: {key}.type is missing: one of {', '.join(KINDS)}.")
    if written["type"] not in list(KINDS):
        raise ParamsError(f"params.yaml: {key}.type is {written['type']!r}; use one of {', '.join(KINDS)}.")
    return sections.validate(key, KINDS[written["type"]], written, paths.PARAMS)


def _misplaced(made: Plan[Any]) -> Iterator[str]:
    section, search, known = made.section, f"tune_{made.section}.search", list(made.model.model_fields)
    for name in made.fixed:
        if name not in known:
            yield f"unknown key {section}.{name}. Known: {', '.join(known)}."
    for name in made.knobs:
        if name not in known:
            yield f"{search}.{name}: {section} has no knob {name}. Known: {', '.join(known)}."
    for name in known:
        if name in made.fixed and name in made.knobs:
            yield f"{section}.{name} is fixed and searched: remove it from {section} or from {search}."
        if name not in made.fixed and name not in made.knobs:
            yield f"{section}.{name} is neither fixed nor searched: add it to {section} or to {search}."


def _refused_at_default(made: Plan[Any]) -> Iterator[str]:
    for problem in _problems(made, {}):
        name = str(next(iter(problem["loc"]), ""))  # empty: a rule over several knobs
        if name in made.knobs:
            yield _refusal(made.section, name, "default", made.defaults[name], problem)
        else:
            yield sections.explain(made.section, made.model, problem)


def _refused_in_range(made: Plan[Any]) -> Iterator[str]:
    """At most one message per knob: the first of its values that the model refuses, the others at default."""
    for name, knob in made.knobs.items():
        for where, value in knob.probes():
            problems = _problems(made, {name: value})
            if problems:
                yield _refusal(made.section, name, where, value, problems[0])
                break


def _refusal(section: str, name: str, where: str, value: Any, problem: Any) -> str:
    rule = problem["ctx"]["error"] if problem["type"] == "value_error" else problem["msg"]
    return (
        f"tune_{section}.search.{name}: {where} {value!r} is refused by {section}.{name}: {rule}. "
        "Change the search so that every value is allowed."
    )


def _problems(made: Plan[Any], changed: Mapping[str, Any]) -> list[Any]:
    """What the model refuses of the fixed knobs and the defaults, some of them changed."""
    try:
        made.model.model_validate({**made.fixed, **made.defaults, **changed})
    except ValidationError as error:
        return list(error.errors())
    return []
