"""Workflows of GitHub Actions: code that nobody can exchange, and rights for no more than they do."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.expressions import DEPLOY
from tests.places import ROOT

WORKFLOWS = [*sorted((ROOT / ".github/workflows").glob("*.y*ml")), DEPLOY / "scheduler/github-actions.yml"]
MAY_WRITE = {"github-actions.yml": {"pull-requests"}}
"""What the token of a workflow may change; the others only read."""
OUTSIDERS = r"\$\{\{[^}]*github\.(event|head_ref|base_ref)"
"""Text that whoever opens a pull request chooses: in a script it would be run."""


def read(workflow: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(workflow.read_text(encoding="utf-8")))


def steps(workflow: Path) -> list[dict[str, Any]]:
    return [step for job in read(workflow)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_every_action_is_named_by_its_commit_and_its_version_beside_it(workflow: Path):
    text = workflow.read_text(encoding="utf-8")
    used = re.findall(r"^[ -]*uses: *(.+)$", text, flags=re.MULTILINE)
    assert len(used) == sum("uses" in step for step in steps(workflow))
    assert [one for one in used if not re.fullmatch(r"[\w.-]+(/[\w.-]+)+@[0-9a-f]{40} # v[0-9.]+", one)] == []


def test_one_action_has_one_commit_everywhere():
    used = {
        tuple(step["uses"].split("@")) for workflow in WORKFLOWS for step in steps(workflow) if "uses" in step
    }
    assert len(used) == len({name for name, _ in used}) > 0


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_rights_are_said_and_as_few_as_the_work_needs(workflow: Path):
    said = [read(workflow)["permissions"]]
    said += [job["permissions"] for job in read(workflow)["jobs"].values() if "permissions" in job]
    assert all(isinstance(rights, dict) and set(rights.values()) <= {"read", "write"} for rights in said)
    written = {what for rights in said for what, how in rights.items() if how == "write"}
    assert written == MAY_WRITE.get(workflow.name, set())


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_code_of_a_pull_request_meets_no_token_and_its_words_are_not_run(workflow: Path):
    # YAML 1.1 reads the key `on` as true.
    assert "pull_request_target" not in read(workflow)[True]
    assert [step for step in steps(workflow) if re.search(OUTSIDERS, str(step.get("run", "")))] == []
    checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_github_asks_for_known_vulnerabilities_at_every_change_and_every_week():
    workflow = read(ROOT / ".github/workflows/audit.yml")
    assert {"push", "pull_request", "schedule"} == set(workflow[True])
    assert [step["run"] for step in steps(ROOT / ".github/workflows/audit.yml") if "run" in step] == [
        "make audit"
    ]
