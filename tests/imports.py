"""Which modules of marquee/ a script runs, by grimp's import graph: nothing is imported to find out."""

import ast
from functools import cache
from pathlib import Path

import grimp

from tests.places import ROOT

PACKAGE = "marquee"


@cache
def graph() -> grimp.ImportGraph:
    """Imports within marquee/, those inside functions included, those for types alone left out."""
    return grimp.build_graph(PACKAGE, exclude_type_checking_imports=True, cache_dir=None)


def file_of(module: str) -> Path:
    """The file of a module or package, relative to the root."""
    base = Path(*module.split("."))
    return base.with_suffix(".py") if (ROOT / base.with_suffix(".py")).is_file() else base / "__init__.py"


@cache
def modules() -> frozenset[str]:
    """Every module of marquee/, packages left out."""
    return frozenset(module for module in graph().modules if file_of(module).name != "__init__.py")


def imported_by_file(path: Path) -> set[str]:
    """The modules of marquee/ that a file outside it imports."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names & modules()


def closure(entries: set[str]) -> set[str]:
    """The entries and every module that runs, or may run, when they do; packages left out."""
    found, waiting = set(entries), list(entries)
    while waiting:
        for module in graph().find_modules_directly_imported_by(waiting.pop()):
            if module not in found:
                found.add(module)
                waiting.append(module)
    return found & modules()
