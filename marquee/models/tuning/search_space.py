"""What a sweep may choose: `tune_*.search` in params.yaml, checked knob by knob against the model's section.

Every knob of the section (`params.Retrieval`, `params.Ranking`) is fixed in the section itself or searched,
never both and never neither. Knobs of nested sections are named with dots (`encoder.dropout`).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator

from marquee.pipeline import params
from marquee.pipeline.params import ParamsError, S, Section, Tune

# Whole-number ranges up to this size are tried against the model value by value, larger ones at their ends.
TRIED_VALUES = 1000


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
    """A checked search space: what is fixed and what is searched of one model's section."""

    section: str
    model: type[S]
    fixed: Mapping[str, Any]
    knobs: Mapping[str, Knob]

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

    def default(self) -> S:
        """The section with every searched knob at its default."""
        return self.resolve({name: knob.default for name, knob in self.knobs.items()})

    def resolve(self, chosen: Mapping[str, Any]) -> S:
        """The section with the searched knobs at `chosen`.

        Raises:
            ParamsError: the model refuses the combination.
        """
        return params.validate(self.section, self.model, _merge(self.fixed, chosen))


def plan(section: str, model: type[S], fixed: Mapping[str, Any], tune: Tune) -> Plan[S]:
    """Check a search space against the model's section.

    Raises:
        ParamsError: a knob fixed and searched, or neither, or unknown; an impossible range; a value in a
            range that the model refuses. All of a kind are named together.
    """
    knobs = {name: _knob(section, name, tune.search[name]) for name in sorted(tune.search)}
    _raise(_misplaced(section, model, fixed, knobs))
    _raise(_refused_at_default(section, model, fixed, knobs))
    made = Plan(section, model, fixed, knobs)
    _raise(_refused_in_range(made))
    return made


def _knob(section: str, name: str, written: Mapping[str, Any]) -> Knob:
    key = f"tune_{section}.search.{name}"
    if "type" not in written:
        raise ParamsError(
            f"params.yaml: {key}.type is missing: one of {', '.join(KINDS)}. Knobs of a nested section are "
            f"named with dots ({name}.<knob>)."
        )
    if written["type"] not in list(KINDS):
        raise ParamsError(f"params.yaml: {key}.type is {written['type']!r}; use one of {', '.join(KINDS)}.")
    return params.validate(key, KINDS[written["type"]], dict(written))


def _misplaced(
    section: str, model: type[Section], fixed: Mapping[str, Any], knobs: Mapping[str, Knob]
) -> Iterator[str]:
    known, given = list(_leaves(model)), list(_given(model, fixed))
    for name in given:
        if not any(_covers(name, leaf) for leaf in known):
            yield f"unknown key {section}.{name}. Known: {', '.join(known)}."
    for name in knobs:
        if name not in known:
            yield f"tune_{section}.search.{name}: {section} has no knob {name}. Known: {', '.join(known)}."
    search = f"tune_{section}.search"
    for name in known:
        is_fixed, searched = any(_covers(key, name) for key in given), name in knobs
        if is_fixed and searched:
            yield f"{section}.{name} is fixed and searched: remove it from {section} or from {search}."
        if not is_fixed and not searched:
            yield f"{section}.{name} is neither fixed nor searched: add it to {section} or to {search}."


def _refused_at_default(
    section: str, model: type[Section], fixed: Mapping[str, Any], knobs: Mapping[str, Knob]
) -> Iterator[str]:
    chosen = {name: knob.default for name, knob in knobs.items()}
    for problem in _problems(model, _merge(fixed, chosen)):
        key = ".".join(str(part) for part in problem["loc"])
        name = next((name for name in knobs if _covers(name, key)), None)
        if name is None:
            yield params.explain(section, model, problem)
        else:
            yield _refusal(section, name, "default", chosen[name], problem)


def _refused_in_range(made: Plan[Any]) -> Iterator[str]:
    """At most one message a knob: the first of its values that the model refuses, the others at default."""
    defaults = {name: knob.default for name, knob in made.knobs.items()}
    for name, knob in made.knobs.items():
        for where, value in knob.probes():
            problems = _problems(made.model, _merge(made.fixed, {**defaults, name: value}))
            if problems:
                yield _refusal(made.section, name, where, value, problems[0])
                break


def _refusal(section: str, name: str, where: str, value: Any, problem: Any) -> str:
    rule = problem["ctx"]["error"] if problem["type"] == "value_error" else problem["msg"]
    return (
        f"tune_{section}.search.{name}: {where} {value!r} is refused by {section}.{name}: {rule}. "
        "Change the search so that every value is allowed."
    )


def _problems(model: type[Section], values: Mapping[str, Any]) -> list[Any]:
    try:
        model.model_validate(values)
    except ValidationError as error:
        return list(error.errors())
    return []


def _leaves(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _leaves(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name


def _given(model: type[BaseModel], values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in values.items():
        nested = model.model_fields[name].annotation if name in model.model_fields else None
        if isinstance(value, Mapping) and isinstance(nested, type) and issubclass(nested, BaseModel):
            yield from _given(nested, value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _covers(key: str, name: str) -> bool:
    return name == key or name.startswith(f"{key}.")


def _merge(fixed: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """`fixed` with the dotted names of `chosen` set in their nested sections."""
    merged = {
        name: _merge(value, {}) if isinstance(value, Mapping) else value for name, value in fixed.items()
    }
    for name, value in chosen.items():
        *outer, last = name.split(".")
        inner = merged
        for part in outer:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return merged


def _raise(problems: Iterator[str]) -> None:
    found = [f"params.yaml: {problem}" for problem in problems]
    if found:
        raise ParamsError("\n".join(found))
