"""Wrong code: bugs written by hand, and bugs made by changing one operator, bound or constant of a module."""

import ast
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from tests.places import ROOT

BUGS = ROOT / "tests/mutation/bugs"
SWAPPED: dict[type[ast.AST], str] = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is",
    ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "*", ast.Pow: "*",
    ast.BitAnd: "|", ast.BitOr: "&", ast.And: "or", ast.Or: "and", ast.USub: "+", ast.Not: "", ast.Invert: "",
}  # fmt: skip
"""What stands in an operator's place: bounds move by one, directions turn, units are mistaken."""


@dataclass(frozen=True)
class Mutant:
    """One change of one file.

    Attributes:
        name: what is wrong, in words.
        file: below the root.
        old, new: the code at `start`, and what takes its place.
        tests: arguments of pytest that ought to fail.
        start: offset in characters; None: where `old` stands, once.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    start: int | None = None

    def applied(self, code: str) -> str:
        """The file's code with the change.

        Raises:
            ValueError: the code that is changed stands there never or twice.
        """
        if self.start is None and code.count(self.old) != 1:
            raise ValueError(
                f"{self.name}: {self.file} must hold {self.old!r} once, not {code.count(self.old)} times. "
                "Follow the code in tests/mutation/bugs."
            )
        at = code.index(self.old) if self.start is None else self.start
        return code[:at] + self.new + code[at + len(self.old) :]


def by_hand(names: Sequence[str] = ()) -> list[Mutant]:
    """The bugs of `tests/mutation/bugs/*.yaml`, or of the sets named."""
    files = [BUGS / f"{name}.yaml" for name in names] or sorted(BUGS.glob("*.yaml"))
    listed = [bug for file in files for bug in yaml.safe_load(file.read_text(encoding="utf-8"))]
    return [
        Mutant(bug["bug"], bug["file"], bug["old"], bug["new"], tuple(bug["tests"].split(" ")))
        for bug in listed
    ]


def made(files: Sequence[str], most: int, seed: int) -> list[Mutant]:
    """At most `most` changes of the files, drawn evenly from all that there are, in order of place."""
    found = [mutant for file in files for mutant in of_file(file)]
    drawn = random.Random(seed).sample(range(len(found)), min(most, len(found)))
    return [found[position] for position in sorted(drawn)]


def of_file(file: str) -> Iterator[Mutant]:
    """Every change of a module, in order of place."""
    code = (ROOT / file).read_text(encoding="utf-8")
    tests = likely_tests(file)
    for start, old, new in sorted(set(changes(code))):
        line = code.count("\n", 0, start) + 1
        yield Mutant(f"{file}:{line}: {old} -> {new or 'nothing'}", file, old, new, tests, start)


def changes(code: str) -> Iterator[tuple[int, str, str]]:
    """(offset, old, new) for each operator, whole number and truth value; strings and annotations stay."""
    lines = code.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def offset(line: int, column: int) -> int:
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    def between(left: ast.expr, right: ast.expr, operator: ast.AST) -> Iterator[tuple[int, str, str]]:
        low = offset(left.end_lineno or 0, left.end_col_offset or 0)
        gap = code[low : offset(right.lineno, right.col_offset)]
        old = gap.strip(" ()\n")
        if type(operator) in SWAPPED and "#" not in gap:
            yield low + gap.index(old), old, SWAPPED[type(operator)]

    for node in executed(ast.parse(code)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for left, right, operator in zip(sides, sides[1:], node.ops, strict=False):
                yield from between(left, right, operator)
        elif isinstance(node, ast.BinOp):
            yield from between(node.left, node.right, node.op)
        elif isinstance(node, ast.BoolOp):
            for left, right in zip(node.values, node.values[1:], strict=False):
                yield from between(left, right, node.op)
        elif isinstance(node, ast.UnaryOp) and type(node.op) in SWAPPED:
            start = offset(node.lineno, node.col_offset)
            yield start, "not " if isinstance(node.op, ast.Not) else code[start], SWAPPED[type(node.op)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int):
            start, value = offset(node.lineno, node.col_offset), node.value
            end = offset(node.end_lineno or 0, node.end_col_offset or 0)
            yield start, code[start:end], str(not value if isinstance(value, bool) else value + 1)


def executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes that run, in no order: no annotation, no f-string (its parts have no place of their own)."""
    for name, field in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for node in field if isinstance(field, list) else [field]:
            if isinstance(node, ast.AST) and not isinstance(node, ast.JoinedStr):
                yield node
                yield from executed(node)


def likely_tests(file: str) -> tuple[str, ...]:
    """The tests that mirror a module, and those that import it; else all of its folder's.

    A module that is run by other modules' tests alone has survivors for want of those: name them by --tests.
    """
    path = Path(file)
    room = Path("tests", *path.parts[path.parts[0] == "marquee" : -1])
    module = ".".join(path.with_suffix("").parts)
    found = {
        test.relative_to(ROOT).as_posix()
        for test in (ROOT / "tests").rglob("test_*.py")
        if module in imported(test)
    }
    mirrored = room / f"test_{path.stem}.py"
    if (ROOT / mirrored).is_file():
        found.add(mirrored.as_posix())
    return tuple(sorted(found)) or (room.as_posix(),)


@cache
def imported(test: Path) -> frozenset[str]:
    """What a test imports, modules and names of modules alike."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(test.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)
