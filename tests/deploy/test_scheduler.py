"""The example of a scheduler: which verdict retrains, and what the scheduler is told."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.expressions import DEPLOY

SCRIPT = DEPLOY / "scheduler" / "monitor-and-retrain.sh"
PYTHON = """#!/usr/bin/env bash
echo "$2" >> ran
case "$2" in
  monitoring.{failing}) exit 1 ;;
  monitoring.monitor_service) exit {verdict} ;;
  monitoring.retrain_bundle) exit {retrained} ;;
esac
"""
JUDGED = ["monitoring.collect_events", "monitoring.build_reference", "monitoring.monitor_service"]


def run(root: Path, verdict: int = 0, retrained: int = 0, failing: str = "nothing") -> tuple[int, list[str]]:
    """Run the script in a clone whose python only says how it ends; its exit code, and what it ran."""
    script, python = root / SCRIPT.relative_to(DEPLOY.parent), root / ".venv/bin/python"
    for file, text in (
        (script, SCRIPT.read_text()),
        (python, PYTHON.format(failing=failing, verdict=verdict, retrained=retrained)),
    ):
        file.parent.mkdir(parents=True)
        file.write_text(text)
        file.chmod(0o755)
    ended = subprocess.run([script], cwd=root, env=os.environ, capture_output=True, check=False)
    return ended.returncode, (root / "ran").read_text().split()


@pytest.mark.parametrize("verdict", [0, 11])
def test_a_good_champion_and_an_open_verdict_retrain_nothing(tmp_path: Path, verdict: int):
    assert run(tmp_path, verdict) == (0, JUDGED)


@pytest.mark.parametrize("retrained", [0, 20, 1])
def test_where_the_verdict_is_yes_the_end_of_retraining_is_told(tmp_path: Path, retrained: int):
    assert run(tmp_path, 10, retrained) == (retrained, [*JUDGED, "monitoring.retrain_bundle"])


def test_an_error_of_judging_is_told_and_retrains_nothing(tmp_path: Path):
    assert run(tmp_path, verdict=1) == (1, JUDGED)


def test_an_error_of_collecting_ends_it(tmp_path: Path):
    assert run(tmp_path, failing="collect_events") == (1, JUDGED[:1])


def test_workflow_and_cron_line_run_the_script():
    workflow = yaml.safe_load((DEPLOY / "scheduler" / "github-actions.yml").read_text())
    steps = workflow["jobs"]["retrain"]["steps"]
    name = SCRIPT.relative_to(DEPLOY.parent).as_posix()
    assert sum(name in step.get("run", "") for step in steps) == 1
    (line,) = [
        line
        for line in (DEPLOY / "scheduler" / "crontab").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert line.split()[5].endswith(name)
