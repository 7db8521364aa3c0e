"""params.yaml: what stands in the repository is valid, and every mistake is named."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from marquee.pipeline import params
from marquee.pipeline.params import Data, Evaluation, ParamsError, PreprocessData, Requirements, Sample, Tune

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def edited(tmp_path: Path) -> Callable[[Edit], Path]:
    """The repository's params.yaml after an edit."""

    def write(edit: Edit) -> Path:
        values = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
        edit(values)
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(values), encoding="utf-8")
        return path

    return write


def test_every_section_of_the_repository_is_valid() -> None:
    for section, model in params.SECTIONS.items():
        assert isinstance(params.load(section, model), model)
    assert params.load_integer("seed") >= 0
    assert params.load_integer("threads") >= 1


@pytest.mark.parametrize(
    ("section", "model", "change", "message"),
    [
        ("data", Data, {"sorce": "sample"}, "unknown key data.sorce. Known: source, metadata, on_bad_rows."),
        ("data", Data, {"source": 3}, "data.source: Input should be a valid string; received 3."),
        ("data", Data, {"on_bad_rows": "skip"}, "data.on_bad_rows: Input should be 'error' or 'drop'"),
        ("sample", Sample, {"num_users": "many"}, "sample.num_users: "),
        ("sample", Sample, {"num_users": "30"}, "sample.num_users: "),
        ("sample", Sample, {"num_users": 30.5}, "sample.num_users: "),
        ("sample", Sample, {"num_users": 0}, "sample.num_users: Input should be greater than or equal to 1"),
        ("sample", Sample, {"num_users": True}, "sample.num_users: Input should be a valid integer"),
        ("requirements", Requirements, {"latency_ms": True}, "requirements.latency_ms: "),
        ("requirements", Requirements, {"retrieval_above_popularity": float("nan")}, "above_popularity: "),
        ("tune_ranking", Tune, {"pruner": {"type": "median"}}, "pruner.n_startup_trials is missing"),
        ("tune_ranking", Tune, {"search": {"dropout": 0.1}}, "tune_ranking.search.dropout: "),
        ("preprocess_data", PreprocessData, {"validation_cutoff": 1.5}, "preprocess_data.validation_cutoff"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_section_is_named(
    edited: Callable[[Edit], Path], section: str, model: Any, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ParamsError) as error:
        params.load(section, model, edited(lambda values: values[section].update(change)))
    assert message in str(error.value)


def test_a_missing_key_is_named(edited: Callable[[Edit], Path]) -> None:
    path = edited(lambda values: values["evaluation"].pop("recent_days"))
    with pytest.raises(ParamsError, match=r"evaluation\.recent_days is missing"):
        params.load("evaluation", Evaluation, path)


def test_every_mistake_of_a_section_is_named_at_once(edited: Callable[[Edit], Path]) -> None:
    path = edited(lambda values: values["data"].update(source=1, metadata=2))
    with pytest.raises(ParamsError) as error:
        params.load("data", Data, path)
    assert [line.split(": ")[1] for line in str(error.value).splitlines()] == ["data.source", "data.metadata"]


def test_an_unknown_and_a_missing_section_are_named(edited: Callable[[Edit], Path]) -> None:
    with pytest.raises(ParamsError, match="unknown section retreival"):
        params.read(edited(lambda values: values.update(retreival={})))
    with pytest.raises(ParamsError, match="section ranking is missing"):
        params.read(edited(lambda values: values.pop("ranking")))


def test_a_section_that_is_no_section_is_named(edited: Callable[[Edit], Path]) -> None:
    with pytest.raises(ParamsError, match=r"data must be a section of keys; it is 'sample'"):
        params.load("data", Data, edited(lambda values: values.update(data="sample")))


@pytest.mark.parametrize("text", ["- a\n- b\n", "", "seed"])
def test_a_file_without_sections_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ParamsError, match="must hold sections"):
        params.read(tmp_path / "params.yaml")


def test_broken_yaml_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("a: [1,\n", encoding="utf-8")
    with pytest.raises(ParamsError, match=r"params\.yaml is not valid YAML"):
        params.read(tmp_path / "params.yaml")


@pytest.mark.parametrize("value", [-1, True, "7", 7.0, None])
def test_seed_must_be_a_whole_number(edited: Callable[[Edit], Path], value: Any) -> None:
    with pytest.raises(ParamsError, match="seed must be a whole number of at least 0"):
        params.load_integer("seed", edited(lambda values: values.update(seed=value)))


@pytest.mark.parametrize(
    ("text", "number"),
    [("1e-05", 1e-5), ("1.0e-5", 1e-5), ("2E3", 2000.0), ("-1.5e+2", -150.0), ("1.e3", 1000.0)],
)
def test_floats_as_dvc_exp_run_writes_them_are_numbers(tmp_path: Path, text: str, number: float) -> None:
    (tmp_path / "a.yaml").write_text(f"a: {{b: {text}}}\n", encoding="utf-8")
    assert params.read_yaml(tmp_path / "a.yaml") == {"a": {"b": number}}


@pytest.mark.parametrize("text", ["e5", "1e", "ml-1e5", "12a"])
def test_text_that_only_looks_like_a_float_stays_text(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(f"a: {text}\n", encoding="utf-8")
    assert params.read_yaml(tmp_path / "a.yaml") == {"a": text}


def test_a_rule_over_two_knobs_says_which_and_what_to_do() -> None:
    values = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["retrieval"]
    chosen = values | {"embedding_dim": 64, "heads": 3, "learning_rate": 0.1, "dropout": 0.1}
    with pytest.raises(ParamsError) as error:
        params.validate("retrieval", params.Retrieval, chosen)
    assert str(error.value) == (
        "params.yaml: retrieval: embedding_dim 64 is not a multiple of heads 3; change one."
    )


@pytest.mark.parametrize("cutoff", ["validation_cutoff", "test_cutoff"])
def test_a_date_without_quotes_is_told_to_take_them(edited: Callable[[Edit], Path], cutoff: str) -> None:
    path = edited(lambda values: values["preprocess_data"].update({cutoff: date(2017, 1, 1)}))
    assert f"{cutoff}: 2017-01-01" in path.read_text(encoding="utf-8")
    with pytest.raises(ParamsError, match=rf'preprocess_data\.{cutoff}: a date needs quotes: "2017-01-01"'):
        params.load("preprocess_data", PreprocessData, path)


def test_a_history_of_one_movie_is_refused_for_half_of_it_is_nothing() -> None:
    values = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["retrieval"]
    chosen = values | {"learning_rate": 0.1, "dropout": 0.1, "history_length": 1}
    with pytest.raises(ParamsError, match=r"history_length: Input should be greater than or equal to 2"):
        params.validate("retrieval", params.Retrieval, chosen)


def test_sections_cannot_be_changed_after_they_were_read() -> None:
    section = params.load("data", Data)
    with pytest.raises(ValueError, match="frozen"):
        section.source = "ml-1m"
