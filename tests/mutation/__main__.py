"""Put bugs into a scratch copy, one at a time, and count those that no test notices (`make mutants`)."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutants import Mutant, by_hand, made
from tests.places import ROOT

LEAST_SECONDS, TIMES = 60.0, 10
"""The tests of a mutant may take so long, or so many times what they took without it: then they hang."""
LONGEST_SECONDS = 1800.0
"""For tests without a bug."""
OK, FAILED = 0, 1
"""pytest's exit codes; others say that it ran no test to its end."""
OPTIONS = ("-x", "-p", "no:xdist", "-p", "no:cacheprovider", "-p", "no:hydra_pytest", "--tb=no", "-rfE")
"""Of pytest: the first failure is enough."""


@dataclass(frozen=True)
class Outcome:
    """What the tests said of a mutant: `by` is the first that failed, empty where none did."""

    mutant: Mutant
    by: str

    def __str__(self) -> str:
        return (
            f"{'killed' if self.by else 'LIVED '}  {self.mutant.name}{f'  <- {self.by}' if self.by else ''}"
        )


def scratch_copy(folder: Path) -> None:
    """Copy the files that Git tracks or would track; nothing of models/, so that tests of them skip."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def run_tests(folder: Path, tests: Sequence[str], seconds: float) -> tuple[int, str]:
    """pytest's exit code and what it printed; FAILED where time is over."""
    # Without byte code: a file of the same length changed within a second would be taken for the old one.
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "CI": "true"}
    command = [sys.executable, "-m", "pytest", *OPTIONS, *tests]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return FAILED, f"FAILED no end within {seconds:.0f} s"
    return done.returncode, done.stdout + done.stderr


def killer(output: str) -> str:
    """The first test that failed, as pytest names it, and why."""
    named = [line.split(" ", 1)[1] for line in output.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return named[0][:200] if named else "nothing could be imported"


def judged(folder: Path, mutant: Mutant, seconds: float) -> Outcome:
    """Apply, run its tests, put the file back."""
    file = folder / mutant.file
    code = file.read_text(encoding="utf-8")
    file.write_text(mutant.applied(code), encoding="utf-8")
    try:
        status, output = run_tests(folder, mutant.tests, seconds)
    finally:
        file.write_text(code, encoding="utf-8")
    return Outcome(mutant, "" if status == OK else killer(output))


def seconds_allowed(folder: Path, tests: Sequence[str]) -> float:
    """Run tests without any bug, and take from how long that takes when they hang.

    Raises:
        SystemExit: they fail.
    """
    start = time.monotonic()
    status, output = run_tests(folder, tests, LONGEST_SECONDS)
    if status != OK:
        sys.exit(f"{' '.join(tests)} must pass before a bug is put in:\n{output[-3000:]}")
    return max(LEAST_SECONDS, TIMES * (time.monotonic() - start))


def judge(mutants: Sequence[Mutant]) -> list[Outcome]:
    """Judge all of them in a scratch copy, each said as soon as it is known."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scratch_copy(folder)
        allowed: dict[tuple[str, ...], float] = {}
        outcomes = []
        for mutant in mutants:
            if mutant.tests not in allowed:
                allowed[mutant.tests] = seconds_allowed(folder, mutant.tests)
            outcomes.append(judged(folder, mutant, allowed[mutant.tests]))
            print(outcomes[-1], flush=True)
    return outcomes


def changed_modules(since: str) -> list[str]:
    """Modules of the library and the stages that differ from a commit."""
    command = ["git", "diff", "--name-only", "--diff-filter=d", since, "--", "marquee", "stages"]
    named = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split()
    return [name for name in named if name.endswith(".py") and not name.endswith("__init__.py")]


def main() -> int:
    """Judge what the command line asks for; 1 where fewer are noticed than it asks."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument(
        "--sets", nargs="*", help="bugs written by hand: these of tests/mutation/bugs, or all"
    )
    parser.add_argument("--modules", nargs="*", help="make bugs in these files, or in those changed")
    parser.add_argument("--since", default="origin/main", help="the commit they are changed from")
    parser.add_argument("--most", type=int, default=60, help="of the bugs that are made, drawn by --seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tests", nargs="*", help="instead of those that mirror or import a module")
    parser.add_argument("--least", type=float, default=0.95, help="share to be noticed")
    given = parser.parse_args()
    mutants = [] if given.sets is None else by_hand(given.sets)
    if given.modules is not None:
        mutants += made(given.modules or changed_modules(given.since), given.most, given.seed)
    if given.tests:
        mutants = [Mutant(m.name, m.file, m.old, m.new, tuple(given.tests), m.start) for m in mutants]
    start = time.monotonic()
    outcomes = judge(mutants)
    killed = sum(bool(outcome.by) for outcome in outcomes)
    share = killed / len(outcomes) if outcomes else 1.0
    for outcome in outcomes:
        if not outcome.by:
            print(outcome)
    print(f"{killed} of {len(outcomes)} noticed ({share:.1%}) in {time.monotonic() - start:.0f} s")
    return int(share < given.least)


if __name__ == "__main__":
    sys.exit(main())
