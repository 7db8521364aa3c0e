"""Who imports whom in stages/, read from the source with `ast`: nothing is imported to find out.

`python -m tests.architecture stages.fetch_data` prints the files that a stage runs, ready for its `deps` in
dvc.yaml.
"""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "stages"


def modules() -> list[str]:
    """Every module of stages/ by its dotted name, packages included."""
    return sorted(_name(path) for path in (ROOT / PACKAGE).rglob("*.py"))


def path_of(module: str) -> Path:
    """The file of a module or package of stages/, relative to the root (FileNotFoundError if none)."""
    base = Path(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if (ROOT / path).is_file():
            return path
    raise FileNotFoundError(f"{module}: neither {base}.py nor {base}/__init__.py exists.")


@cache
def tree_of(module: str) -> ast.Module:
    """A module's syntax tree."""
    return ast.parse((ROOT / path_of(module)).read_text(encoding="utf-8"))


@cache
def imports(module: str) -> frozenset[str]:
    """What a module imports, anywhere in it: full names for stages/, the top-level name for all else.

    An import inside a function counts, one under `if TYPE_CHECKING:` does not: it never runs.
    """
    return frozenset(name for node in _running(tree_of(module)) for name in _imported(module, node))


def closure(module: str) -> frozenset[str]:
    """The modules of stages/ that run, or may run, when `module` does; packages run before what they hold."""
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += [other for other in imports(name) if _is_ours(other)]
            waiting += _packages(name)
    return frozenset(reached)


def files(module: str) -> list[str]:
    """The closure's files, sorted: what `deps` of the stage that runs `module` must list under stages/."""
    return sorted(path_of(name).as_posix() for name in closure(module))


def is_verb(module: str) -> bool:
    """Whether a module is a stage's entry point: it has an `if __name__ == "__main__":` block."""
    return any(
        isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
        for node in tree_of(module).body
    )


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _is_ours(module: str) -> bool:
    return module.split(".")[0] == PACKAGE


def _packages(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def _running(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            for otherwise in child.orelse:
                yield otherwise
                yield from _running(otherwise)
        else:
            yield child
            yield from _running(child)


def _imported(module: str, node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name if _is_ours(alias.name) else alias.name.split(".")[0]
    elif isinstance(node, ast.ImportFrom):
        source = _source(module, node)
        if not _is_ours(source):
            yield source.split(".")[0]
            return
        yield source
        for alias in node.names:  # `from stages.data import splits` names a module, or something in one
            if _exists(f"{source}.{alias.name}"):
                yield f"{source}.{alias.name}"


def _source(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module if path_of(module).name == "__init__.py" else module.rpartition(".")[0]
    parts = package.split(".")
    kept = parts[: len(parts) - node.level + 1]
    return ".".join([*kept, node.module] if node.module else kept)


def _exists(module: str) -> bool:
    try:
        path_of(module)
    except FileNotFoundError:
        return False
    return True


if __name__ == "__main__":
    for entry in sys.argv[1:] or [name for name in modules() if is_verb(name)]:
        sys.stdout.write("\n".join([f"# {entry}", *(f"- {file}" for file in files(entry))]) + "\n")
