"""Search spaces: what a plan joins, and every mistake named."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from marquee.models.tuning import sweep
from marquee.pipeline.params import ParamsError
from tests.models.tuning.toy_sweep import DROPOUT, FIXED, LAYERS, RATE, SEARCH, WIDTH, Encoder, Toy, planned


def refusal(search: Mapping[str, Any], fixed: Mapping[str, Any] = FIXED) -> str:
    with pytest.raises(ParamsError) as error:
        planned(search, fixed)
    return str(error.value)


def test_the_default_of_every_searched_knob_joins_the_fixed_ones() -> None:
    assert planned().default() == Toy(
        learning_rate=1e-5, width=16, layers=[8], encoder=Encoder(dropout=0.25, heads=2)
    )


def test_a_knob_fixed_and_searched_is_an_error_that_says_where_to_remove_it() -> None:
    assert refusal(SEARCH, FIXED | {"width": 16}) == (
        "params.yaml: toy.width is fixed and searched: remove it from toy or from tune_toy.search."
    )


def test_a_whole_section_fixed_while_one_of_its_knobs_is_searched_is_an_error() -> None:
    assert "toy.encoder.dropout is fixed and searched" in refusal(SEARCH, {"encoder": 3})


def test_a_knob_neither_fixed_nor_searched_is_an_error_that_says_where_to_add_it() -> None:
    assert refusal(SEARCH, {}) == (
        "params.yaml: toy.encoder.heads is neither fixed nor searched: add it to toy or to tune_toy.search."
    )


def test_an_unknown_fixed_key_is_named_beside_the_knob_it_was_meant_for() -> None:
    message = refusal({key: SEARCH[key] for key in SEARCH if key != "width"}, FIXED | {"widht": 16})
    assert "unknown key toy.widht. Known: learning_rate, width, layers" in message
    assert "toy.width is neither fixed nor searched" in message


@pytest.mark.parametrize(
    ("name", "knob", "message"),
    [
        ("depth", WIDTH, "tune_toy.search.depth: toy has no knob depth. Known: learning_rate"),
        ("encoder", WIDTH, "tune_toy.search.encoder: toy has no knob encoder"),
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
        ("encoder.dropout", DROPOUT | {"default": 0.6}, "encoder.dropout: default 0.6 is outside 0.0 to 0.5"),
        ("encoder.dropout", DROPOUT | {"step": 0.2}, "high 0.5 is not low 0.0 plus a multiple of step 0.2"),
        ("width", WIDTH | {"default": 20}, "default 20 is not low 8 plus a multiple of step 8"),
        ("layers", LAYERS | {"choices": []}, "tune_toy.search.layers.choices: "),
        ("layers", LAYERS | {"choices": [[8], [8]]}, "holds a value twice"),
        ("layers", LAYERS | {"default": [9]}, "default [9] is not among the choices [[8], [8, 8]]"),
        # What the model itself refuses
        ("encoder.dropout", DROPOUT | {"high": 1.5}, "high 1.5 is refused by toy.encoder.dropout"),
        ("encoder.dropout", DROPOUT | {"low": -0.5}, "encoder.dropout: low -0.5 is refused by"),
        ("encoder.dropout", DROPOUT | {"high": 2.0, "default": 1.5}, "default 1.5 is refused"),
        ("layers", LAYERS | {"choices": [[8], ["8"]]}, "layers: choice ['8'] is refused by toy.layers"),
        ("width", {**WIDTH, "step": 1}, "value 9 is refused by toy.width: width 9 is not a"),
        ("width", {**DROPOUT, "type": "float"}, "width: default 0.25 is refused by toy.width"),
    ],
)  # fmt: skip
def test_an_impossible_search_is_an_error_that_names_the_knob(
    name: str, knob: dict[str, Any], message: str
) -> None:
    assert message in refusal(SEARCH | {name: knob})


def test_both_sections_are_read_from_params_yaml(tmp_path: Path) -> None:
    from marquee.pipeline.params import Retrieval

    found, settings = sweep.load_plan("retrieval", Retrieval)
    assert set(found.knobs) == set(settings.search)
    assert found.default().model_dump().keys() == Retrieval.model_fields.keys()
    written = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    written["retrieval"]["learning_rate"] = 0.001
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(written), encoding="utf-8")
    with pytest.raises(ParamsError, match=r"retrieval\.learning_rate is fixed and searched"):
        sweep.load_plan("retrieval", Retrieval, tmp_path / "params.yaml")
