"""The README stays short and true: its scores are those of metrics/, its links lead somewhere."""

import re
from itertools import pairwise

import pytest
import yaml

from marquee.pipeline import paths, scores
from marquee.pipeline.files import read_json
from tests.places import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
RETRIEVAL = ("popularity", "recent_popularity", "ease", "two_tower", "oracle")
RANKING = ("movie_mean", "movie_user_bias", "gradient_boosting", "dcn", "oracle")


def _shown(stage: str, metric: str, model: str, group: str = "all", to: str = "–") -> str:
    row = scores.find(read_json(ROOT / paths.metrics(stage)), metric, model, group)
    assert row is not None
    return f"{row['value']:.3f} ({row['low']:.3f}{to}{row['high']:.3f})"


@pytest.mark.parametrize(("retrieved", "ranked"), list(zip(RETRIEVAL, RANKING, strict=True)))
def test_the_scores_are_those_of_the_committed_metrics(retrieved: str, ranked: str):
    left = _shown("evaluate_retrieval", "top_100_accuracy", retrieved)
    right = _shown("evaluate_ranking", "rmse", ranked)
    rows = [line.replace("*", "") for line in README.splitlines() if line.startswith("|")]
    expected = re.compile(rf"\| [^|]+ \| {re.escape(left)} \| [^|]+ \| {re.escape(right)} \|")
    assert any(expected.fullmatch(row) for row in rows), f"no row of README.md has: {left} and {right}"


@pytest.mark.parametrize(
    ("stage", "metric", "model", "best_baseline"),
    [
        ("evaluate_retrieval", "top_100_accuracy", "two_tower", "ease"),
        ("evaluate_ranking", "rmse", "dcn", "gradient_boosting"),
    ],
)
def test_the_paired_differences_are_those_of_the_committed_metrics(
    stage: str, metric: str, model: str, best_baseline: str
):
    shown = _shown(stage, metric, model, f"minus_{best_baseline}", to=" to ")
    assert shown in " ".join(README.split()), f"README.md lacks {shown}, against {best_baseline}"


def test_links_and_pictures_lead_to_files():
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert [target for target in targets if not (ROOT / target).is_file()] == []
    assert len(targets) > 8


def test_it_is_short():
    assert len(README.splitlines()) < 150


def test_the_dag_is_that_of_dvc_yaml():
    drawn = re.search(r"```mermaid\nflowchart LR\n(.*?)```", README, flags=re.DOTALL)
    assert drawn is not None
    before: dict[str, set[str]] = {}
    for line in drawn[1].splitlines():
        for left, right in pairwise(part.split(" & ") for part in line.strip().split(" --> ")):
            for stage in right:
                before.setdefault(stage, set()).update(left)
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert _all_before(before, stages) == _all_before(_before(stages), stages)


def _before(stages: dict[str, dict[str, list]]) -> dict[str, set[str]]:
    """Stage -> those whose outputs it reads."""
    made_by = {file: name for name, stage in stages.items() for file in _listed(stage, "outs", "metrics")}
    return {
        name: {
            made_by[file]
            for file in made_by
            for read in _listed(stage, "deps")
            if f"{read}/".startswith(f"{file}/")
        }
        for name, stage in stages.items()
    }


def _listed(stage: dict[str, list], *keys: str) -> list[str]:
    entries = [entry for key in keys for entry in stage.get(key, [])]
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]


def _all_before(before: dict[str, set[str]], stages: dict[str, dict]) -> dict[str, set[str]]:
    """Stage -> all that run before it, however far: which arrows are drawn is a matter of taste."""
    found = {stage: set(before.get(stage, ())) for stage in stages}
    for _ in stages:
        for stage, earlier in found.items():
            found[stage] = earlier.union(*(found[one] for one in earlier))
    return found
