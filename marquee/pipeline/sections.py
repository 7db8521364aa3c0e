"""YAML checked against types that refuse unknown keys; every mistake is named at once, in our words."""

import re
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A section of params.yaml: frozen, strict about keys and types (neither `true` nor "3" is a number)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


S = TypeVar("S", bound=Section)


class ParamsError(ValueError):
    """params.yaml breaks a rule; the message names the key, the rule and what to do."""


class _Loader(yaml.SafeLoader):
    """YAML 1.1, but 1e-05 is a number: `dvc exp run -S` writes floats so, and 1.1 takes that for text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping."""
    try:
        loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise ParamsError(f"{path} must hold sections (`name: {{...}}`); it holds {type(loaded).__name__}.")
    return loaded


def validate(section: str, model: type[S], values: Any, file: Path) -> S:
    """Check what `section` of a file holds (empty: the whole file) against its type.

    Raises:
        ParamsError: with a line for every key that breaks a rule.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = (explain(section, model, problem) for problem in error.errors())
        raise ParamsError("\n".join(f"{file}: {problem}" for problem in problems)) from error


def explain(section: str, model: type[BaseModel], problem: Any) -> str:
    """One of pydantic's problems in our words: the key, the rule, what was received, what to do."""
    kind, place, received = problem["type"], problem["loc"], problem["input"]
    key = ".".join(str(part) for part in (section, *place) if part != "")
    if kind == "extra_forbidden":
        return f"unknown key {key}. Known: {', '.join(_section_at(model, place[:-1]).model_fields)}."
    if kind == "missing":
        return f"{key} is missing. Add it, or restore it from Git."
    if kind in ("model_type", "dict_type"):
        return f"{key} must be a section of keys; it is {received!r}."
    if kind == "value_error":  # a rule of ours, which says what it received
        return f"{key}: {problem['ctx']['error']}." if key else f"{problem['ctx']['error']}."
    return f"{key}: {problem['msg']}; received {received!r}."


def _section_at(model: type[BaseModel], place: tuple[str | int, ...]) -> type[BaseModel]:
    """The section that lies at a place within `model`."""
    for name in place:
        model = cast("type[BaseModel]", model.model_fields[str(name)].annotation)
    return model
