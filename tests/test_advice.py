"""Commands that a message names are there: targets, stages, modules and options of DVC, as they are today."""

import ast
import importlib.util
import re

import pytest
import yaml
from dvc.cli import DvcParserError, parser

from tests.places import ROOT

ROOMS = ("marquee", "stages", "monitoring", "benchmarks", "docs")
COMMAND = re.compile(
    r"`((?:dvc|make|python -m|git|bentoml) [^`\n]+)`|\b((?:make) [a-z]+(?:-[a-z]+)*)(?= (?:first|again))"
)
OPEN = re.compile(r"[A-Z_]{3,}=|[{<]")
"""From here on a command is for the reader to fill in."""


def texts(path):
    """Every text of a module that is no docstring, those with values in them up to the first of these."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in statements | inside
        ):
            yield node.value


def advice():
    found = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for text in texts(path):
                for quoted, plain in COMMAND.findall(text):
                    command = OPEN.split(quoted or plain)[0].split("&&")[0].strip()
                    found |= {command} if len(command.split()) > 1 and not command.endswith("-m") else set()
    return sorted(found)


TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
STAGES = set(yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"])


def parses(words):
    try:
        parser.get_main_parser().parse_args(words)
    except DvcParserError:
        return False
    return True


def problem(command):
    """What is wrong with a command; empty: nothing."""
    program, *words = command.split()
    if program == "make":
        return "" if words and words[0] in TARGETS else f"no target {words[:1]}"
    if program == "python":
        return "" if len(words) < 2 or importlib.util.find_spec(words[1]) else f"no module {words[1]}"
    if program == "dvc":
        if words[0] == "repro":
            return " ".join(sorted({word for word in words[1:] if not word.startswith("-")} - STAGES))
        # Where a command is cut because the reader fills it in, what is filled in is missing.
        return "" if parses(words) or parses([*words, "NAME", "ADDRESS"]) else "DVC has no such command"
    return ""


def test_the_search_finds_advice():
    found = advice()
    assert {"dvc repro", "make repro", "python -m monitoring.build_reference"} <= set(found)


@pytest.mark.parametrize("command", advice())
def test_a_command_that_a_message_names_is_there(command):
    assert problem(command) == ""


@pytest.mark.parametrize(
    "wrong",
    [
        "make everything",
        "dvc repro models/neighbours/best_params.yaml",
        "python -m marquee.nothing",
        "dvc run",
    ],
)
def test_a_command_that_is_not_there_is_noticed(wrong):
    assert problem(wrong) != ""
