"""params.yaml: what stands in the repository is valid, and every mistake is named."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from marquee.pipeline import params, paths, sections
from marquee.pipeline.params import Params, Retrieval
from marquee.pipeline.sections import ParamsError
from tests.places import ROOT

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def edited(tmp_path: Path) -> Callable[[Edit], Path]:
    """The repository's params.yaml after an edit."""

    def write(edit: Edit) -> Path:
        values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        edit(values)
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(values), encoding="utf-8")
        return path

    return write


def refusal(path: Path) -> str:
    with pytest.raises(ParamsError) as error:
        params.read(path)
    return str(error.value)


def retrieval_with(**changes: Any) -> dict[str, Any]:
    """The two-tower's knobs of the repository, resolved, with changes."""
    fixed = params.read(ROOT / "params.yaml").retrieval
    return fixed | {"learning_rate": 0.1, "dropout": 0.1} | changes


def test_the_repository_s_own_are_valid_and_every_section_is_there() -> None:
    written = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    read = params.read(ROOT / "params.yaml")
    assert list(written) == [name for name in written if name in Params.model_fields]
    assert set(written) == set(Params.model_fields)
    assert read.evaluation.max_users == written["evaluation"]["max_users"]
    assert read.ranking == written["ranking"]


@pytest.mark.parametrize(
    ("section", "change", "message"),
    [
        ("data", {"sorce": "sample"},
         "unknown key data.sorce. Known: source, metadata, feedback, on_bad_rows, "),
        ("data", {"source": 3}, "data.source: Input should be a valid string; received 3."),
        ("data", {"on_bad_rows": "skip"}, "data.on_bad_rows: Input should be 'error' or 'drop'"),
        ("sample", {"num_users": "many"}, "sample.num_users: Input should be a valid integer"),
        ("sample", {"num_users": "30"}, "sample.num_users: Input should be a valid integer"),
        ("sample", {"num_users": 30.5}, "sample.num_users: Input should be a valid integer"),
        ("sample", {"num_users": True}, "sample.num_users: Input should be a valid integer"),
        ("sample", {"num_users": 0}, "sample.num_users: Input should be greater than or equal to 1"),
        ("requirements", {"latency_ms": True}, "requirements.latency_ms: Input should be a valid number"),
        ("requirements", {"retrieval_above_popularity": float("nan")}, "above_popularity: Input should be a"),
        ("tune_ranking", {"pruner": {"type": "median"}}, "tune_ranking.pruner.n_startup_trials is missing"),
        ("tune_ranking", {"pruner": {"kind": 1}}, "unknown key tune_ranking.pruner.kind. Known: type, "),
        ("tune_ranking", {"search": {"dropout": 0.1}},
         "tune_ranking.search.dropout must be a section of keys; it is 0.1."),
        ("preprocess_data", {"test_cutoff": 1.5},
         'test_cutoff: it is a share between 0 and 1 or a date such as "2017-01-01", not 1.5.'),
        ("preprocess_data", {"test_cutoff": True}, "or a date such as"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_section_is_named(
    edited: Callable[[Edit], Path], section: str, change: dict[str, Any], message: str
) -> None:
    assert message in refusal(edited(lambda values: values[section].update(change)))


def test_every_message_begins_with_the_file_and_says_what_to_do_about_a_missing_key(
    edited: Callable[[Edit], Path],
) -> None:
    path = edited(lambda values: values["evaluation"].pop("recent_days"))
    assert refusal(path) == f"{path}: evaluation.recent_days is missing. Add it, or restore it from Git."


def test_all_mistakes_are_named_at_once_whatever_section_they_are_in(edited: Callable[[Edit], Path]) -> None:
    path = edited(lambda values: [values["data"].update(source=1, metadata=2), values.update(threads=0)])
    named = [line.split(": ")[1] for line in refusal(path).splitlines()]
    assert named == ["threads", "data.source", "data.metadata"]


def test_an_unknown_section_is_named_with_the_known_ones(edited: Callable[[Edit], Path]) -> None:
    message = refusal(edited(lambda values: values.update(retreival={})))
    assert "unknown key retreival. Known: seed, threads, data, sample, preprocess_data, " in message


def test_a_missing_section_is_named(edited: Callable[[Edit], Path]) -> None:
    assert "ranking is missing" in refusal(edited(lambda values: values.pop("ranking")))


@pytest.mark.parametrize("section", ["data", "retrieval"])
def test_a_section_that_is_none_is_named(edited: Callable[[Edit], Path], section: str) -> None:
    message = refusal(edited(lambda values: values.update({section: "sample"})))
    assert f"{section} must be a section of keys; it is 'sample'." in message


@pytest.mark.parametrize("text", ["- a\n- b\n", "", "seed"])
def test_a_file_without_sections_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    assert "must hold sections" in refusal(tmp_path / "params.yaml")


def test_broken_yaml_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("a: [1,\n", encoding="utf-8")
    assert "params.yaml is not valid YAML" in refusal(tmp_path / "params.yaml")


@pytest.mark.parametrize("value", [-1, True, "7", 7.5, None])
def test_the_seed_is_a_whole_number(edited: Callable[[Edit], Path], value: Any) -> None:
    assert ": seed: Input should be" in refusal(edited(lambda values: values.update(seed=value)))


@pytest.mark.parametrize(
    ("text", "number"),
    [("1e-05", 1e-5), ("1.0e-5", 1e-5), ("2E3", 2000.0), ("-1.5e+2", -150.0), ("1.e3", 1000.0)],
)
def test_floats_as_dvc_exp_run_writes_them_are_numbers(tmp_path: Path, text: str, number: float) -> None:
    (tmp_path / "a.yaml").write_text(f"a: {{b: {text}}}\n", encoding="utf-8")
    assert sections.read_yaml(tmp_path / "a.yaml") == {"a": {"b": number}}


@pytest.mark.parametrize("text", ["e5", "1e", "ml-1e5", "12a"])
def test_text_that_only_looks_like_a_float_stays_text(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(f"a: {text}\n", encoding="utf-8")
    assert sections.read_yaml(tmp_path / "a.yaml") == {"a": text}


def test_a_rule_over_two_knobs_says_which_and_what_to_do() -> None:
    with pytest.raises(ParamsError) as error:
        sections.validate("retrieval", Retrieval, retrieval_with(embedding_dim=64, heads=3), paths.PARAMS)
    assert str(error.value) == (
        "params.yaml: retrieval: embedding_dim 64 is not a multiple of heads 3; change one."
    )


def test_a_history_of_one_movie_is_refused_for_half_of_it_is_nothing() -> None:
    with pytest.raises(ParamsError, match=r"history_length: Input should be greater than or equal to 2"):
        sections.validate("retrieval", Retrieval, retrieval_with(history_length=1), paths.PARAMS)


@pytest.mark.parametrize("cutoff", ["validation_cutoff", "test_cutoff"])
def test_a_date_without_quotes_is_told_to_take_them(edited: Callable[[Edit], Path], cutoff: str) -> None:
    path = edited(lambda values: values["preprocess_data"].update({cutoff: date(2017, 1, 1)}))
    assert f"{cutoff}: 2017-01-01" in path.read_text(encoding="utf-8")
    assert f'preprocess_data.{cutoff}: a date needs quotes: "2017-01-01".' in refusal(path)


def test_a_date_in_quotes_is_a_cutoff(edited: Callable[[Edit], Path]) -> None:
    path = edited(lambda values: values["preprocess_data"].update(test_cutoff="2017-01-01"))
    assert params.read(path).preprocess_data.test_cutoff == "2017-01-01"


def test_nothing_can_be_changed_after_it_was_read() -> None:
    read = params.read(ROOT / "params.yaml")
    with pytest.raises(ValueError, match="frozen"):
        read.seed = 8
    with pytest.raises(ValueError, match="frozen"):
        read.data.source = "ml-1m"


def test_a_winner_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "best_params.yaml").write_text(yaml.safe_dump(retrieval_with()), encoding="utf-8")
    assert params.read_best(Retrieval, tmp_path / "best_params.yaml").learning_rate == 0.1


def test_a_winner_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"best_params\.yaml is missing: a sweep writes it. Run `dvc"):
        params.read_best(Retrieval, tmp_path / "best_params.yaml")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depth": 3}, "unknown key depth. Known: tower, "),
        ({"heads": 3}, "embedding_dim 64 is not a multiple"),
    ],
)
def test_a_winner_of_other_knobs_is_not_to_be_mended_by_hand(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = tmp_path / "best_params.yaml"
    path.write_text(yaml.safe_dump(retrieval_with(**changes)), encoding="utf-8")
    with pytest.raises(ParamsError) as error:
        params.read_best(Retrieval, path)
    first, last = str(error.value).splitlines()
    assert first.startswith(f"{path}: {message}")
    assert last == "A sweep writes this file: do not edit it, run `dvc repro`."
