"""What deploy/ asks Prometheus: expressions of panels, recording rules and alerts, and the series in them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from tests.places import ROOT

DEPLOY = ROOT / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana/dashboards").glob("*.json"))
RULES = [DEPLOY / "prometheus/rules" / name for name in ("recording.yml", "alerts.yml")]
RULE_TESTS = sorted((DEPLOY / "prometheus/rules/tests").glob("*.yml"))
LABEL_LISTS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
NOT_NAMES = re.compile(r"\"[^\"]*\"|'[^']*'|\{[^}]*\}|\[[^\]]*\]|\b\d[\w.]*")
NAME = re.compile(r"[a-zA-Z_:][\w:]*(?![\w:]*\s*\()")
WORDS = {"and", "or", "unless", "bool", "offset", "by", "on", "ignoring", "without"}


@dataclass(frozen=True)
class Expression:
    """What is asked, and where it stands."""

    where: str
    promql: str


def series_of(promql: str) -> set[str]:
    """The names of series that an expression reads."""
    bare = LABEL_LISTS.sub(" ", NOT_NAMES.sub(" ", promql))
    return set(NAME.findall(bare)) - WORDS


def panels() -> list[Expression]:
    """Every query of every dashboard."""
    return [
        Expression(f"{path.name}: {panel['title']} ({target['refId']})", target["expr"])
        for path in DASHBOARDS
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
        for target in panel["targets"]
    ]


def recordings() -> dict[str, str]:
    """Recorded series and their expressions."""
    return {rule["record"]: rule["expr"] for rule in _rules() if "record" in rule}


def alerts() -> dict[str, dict[str, Any]]:
    """Alerts by name."""
    return {rule["alert"]: rule for rule in _rules() if "alert" in rule}


def _rules() -> Iterator[dict[str, Any]]:
    for path in RULES:
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            yield from group["rules"]
