"""The README stays short and true: its scores are those of metrics/, its links lead somewhere."""

import re
from typing import Any

import pytest

from marquee.pipeline import paths
from marquee.pipeline.files import read_json
from tests.architecture import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
RETRIEVAL = ("popularity", "recent_popularity", "ease", "two_tower", "oracle")
RANKING = ("movie_mean", "movie_user_bias", "gradient_boosting", "dcn", "oracle")


def _metrics(stage: str) -> dict[str, Any]:
    numbers = read_json(ROOT / paths.metrics(stage))
    assert isinstance(numbers, dict)
    return numbers


def _shown(numbers: dict[str, Any], metric: str) -> str:
    value, low, high = (numbers[f"{metric}{end}"] for end in ("", "_low", "_high"))
    return f"{value:.3f} ({low:.3f}–{high:.3f})"


def _paired(numbers: dict[str, Any]) -> str:
    value, low, high = (numbers[f"minus_best_baseline{end}"] for end in ("", "_low", "_high"))
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


@pytest.mark.parametrize(("retrieved", "ranked"), list(zip(RETRIEVAL, RANKING, strict=True)))
def test_the_scores_are_those_of_the_committed_metrics(retrieved: str, ranked: str):
    left = _shown(_metrics("evaluate_retrieval")[retrieved], "top_100_accuracy")
    right = _shown(_metrics("evaluate_ranking")[ranked], "rmse")
    rows = [line.replace("*", "") for line in README.splitlines() if line.startswith("|")]
    expected = re.compile(rf"\| [^|]+ \| {re.escape(left)} \| [^|]+ \| {re.escape(right)} \|")
    assert any(expected.fullmatch(row) for row in rows), f"no row of README.md has: {left} and {right}"


@pytest.mark.parametrize(
    ("stage", "model"), [("evaluate_retrieval", "two_tower"), ("evaluate_ranking", "dcn")]
)
def test_the_paired_differences_are_those_of_the_committed_metrics(stage: str, model: str):
    numbers = _metrics(stage)[model]
    shown = _paired(numbers)
    assert shown in " ".join(README.split()), f"README.md lacks {shown}, against {numbers['best_baseline']}"


def test_links_and_pictures_lead_to_files():
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert [target for target in targets if not (ROOT / target).is_file()] == []
    assert len(targets) > 8


def test_it_is_short():
    assert len(README.splitlines()) < 150
