"""Search spaces: what a plan joins, and every mistake named."""

from collections.abc import Mapping
from typing import Any

import pytest

from marquee.models.tuning import search_space
from marquee.pipeline import params
from marquee.pipeline.params import Neighbours, Ranking, RecommenderParams, Retrieval
from marquee.pipeline.sections import ParamsError, Section
from tests.models.tuning.toy_sweep import DROPOUT, FIXED, LAYERS, RATE, SEARCH, WIDTH, Toy, planned
from tests.places import ROOT


def refusal(search: Mapping[str, Any], fixed: Mapping[str, Any] = FIXED) -> str:
    with pytest.raises(ParamsError) as error:
        planned(search, fixed)
    return str(error.value)


def test_the_default_of_every_searched_knob_joins_the_fixed_ones() -> None:
    assert planned().default() == Toy(learning_rate=1e-5, width=16, layers=[8], dropout=0.25, heads=2)


def test_a_knob_fixed_and_searched_is_an_error_that_says_where_to_remove_it() -> None:
    assert refusal(SEARCH, FIXED | {"width": 16}) == (
        "params.yaml: toy.width is fixed and searched: remove it from toy or from tune_toy.search."
    )


def test_a_knob_neither_fixed_nor_searched_is_an_error_that_says_where_to_add_it() -> None:
    assert refusal(SEARCH, {}) == (
        "params.yaml: toy.heads is neither fixed nor searched: add it to toy or to tune_toy.search."
    )


def test_an_unknown_fixed_key_is_named_beside_the_knob_it_was_meant_for() -> None:
    message = refusal({key: SEARCH[key] for key in SEARCH if key != "width"}, FIXED | {"widht": 16})
    assert "unknown key toy.widht. Known: learning_rate, width, layers" in message
    assert "toy.width is neither fixed nor searched" in message


@pytest.mark.parametrize(
    ("name", "knob", "message"),
    [
        ("depth", WIDTH, "tune_toy.search.depth: toy has no knob depth. Known: learning_rate"),
        ("width", WIDTH | {"type": "whole"}, "tune_toy.search.width.type is 'whole'; use one of float, int"),
        ("width", WIDTH | {"type": ["int"]}, "tune_toy.search.width.type is ['int']"),
        ("width", {"low": 8}, "tune_toy.search.width.type is missing: one of float, int, categorical"),
        ("width", WIDTH | {"hihg": 9}, "unknown key tune_toy.search.width.hihg. Known: "),
        ("width", {"type": "int", "low": 8, "high": 9}, "tune_toy.search.width.default is missing"),
        ("width", WIDTH | {"low": 8.5}, "tune_toy.search.width.low: Input should be a valid integer"),
        ("learning_rate", RATE | {"low": "small"}, "tune_toy.search.learning_rate.low: "),
        ("learning_rate", RATE | {"low": True}, "tune_toy.search.learning_rate.low: "),
        ("learning_rate", RATE | {"high": 1e-6}, "search.learning_rate: low 1e-05 is above high 1e-06"),
        ("learning_rate", RATE | {"low": 0.0}, "learning_rate: log needs low above 0; it is 0.0"),
        ("learning_rate", RATE | {"step": 0.1}, "log and step exclude each other"),
        ("dropout", DROPOUT | {"default": 0.6}, "dropout: default 0.6 is outside 0.0 to 0.5"),
        ("dropout", DROPOUT | {"step": 0.2}, "high 0.5 is not low 0.0 plus a multiple of step 0.2"),
        ("width", WIDTH | {"default": 20}, "default 20 is not low 8 plus a multiple of step 8"),
        ("layers", LAYERS | {"choices": []}, "tune_toy.search.layers.choices: "),
        ("layers", LAYERS | {"choices": [[8], [8]]}, "holds a value twice"),
        ("layers", LAYERS | {"default": [9]}, "default [9] is not among the choices [[8], [8, 8]]"),
        # What the model itself refuses
        ("dropout", DROPOUT | {"high": 1.5}, "high 1.5 is refused by toy.dropout"),
        ("dropout", DROPOUT | {"low": -0.5}, "dropout: low -0.5 is refused by"),
        ("dropout", DROPOUT | {"high": 2.0, "default": 1.5}, "default 1.5 is refused"),
        ("layers", LAYERS | {"choices": [[8], ["8"]]}, "layers: choice ['8'] is refused by toy.layers"),
        ("width", {**WIDTH, "step": 1}, "value 9 is refused by toy.width: width 9 is not a"),
        ("width", {**DROPOUT, "type": "float"}, "width: default 0.25 is refused by toy.width"),
    ],
)  # fmt: skip
def test_an_impossible_search_is_an_error_that_names_the_knob(
    name: str, knob: dict[str, Any], message: str
) -> None:
    assert message in refusal(SEARCH | {name: knob})


def test_a_rule_over_several_knobs_that_the_defaults_break_is_named() -> None:
    assert refusal(SEARCH, {"heads": 3}) == (
        "params.yaml: toy: width 16 is not a multiple of heads 3; change one."
    )


@pytest.mark.parametrize(
    ("section", "model"),
    [
        ("retrieval", Retrieval),
        ("ranking", Ranking),
        ("neighbours", Neighbours),
        ("recommender", RecommenderParams),
    ],
)
def test_every_knob_of_params_yaml_is_fixed_or_searched(section: str, model: type[Section]) -> None:
    read = params.read(ROOT / "params.yaml")
    fixed, tune = getattr(read, section), getattr(read, f"tune_{section}")
    found = search_space.plan(section, model, fixed, tune)
    assert set(found.knobs) == set(tune.search)
    assert found.default().model_dump() == fixed | found.defaults
    name = next(iter(tune.search))
    with pytest.raises(ParamsError, match=rf"{section}\.{name} is fixed and searched"):
        search_space.plan(section, model, fixed | {name: 0.001}, tune)
