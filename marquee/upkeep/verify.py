"""`make verify`: run the committed pipeline anew, in a clone of its own, and compare with what is committed.

Says that every byte is the same, or which stage first differed, by how much the headline numbers did, and
what of this machine may be the reason.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from marquee.pipeline import logs
from marquee.pipeline.guard import PIPELINE
from marquee.pipeline.lock_file import LOCK
from marquee.upkeep import machine

METRICS = Path("metrics")
TOLERANCE = 3e-3
"""Promised between processors for the `value` of each metrics file, a share or stars. With kernels of AVX-512
instead of AVX2's the largest difference on the sample was 0.0015; another seed moves it by 0.007."""
BYTES = ("export_models", "package_service")
"""Stages whose `value` is a number of bytes: a share of it counts."""
log = logs.get("verify")


class VerifyError(ValueError):
    """The run did not come to its end; the message says why."""


@dataclass(frozen=True)
class Difference:
    """An output that is not what was committed."""

    stage: str
    path: str


def differences(committed: Mapping[str, Any], again: Mapping[str, Any], order: list[str]) -> list[Difference]:
    """Outputs of two lock files that differ, in the order the data flows.

    Args:
        committed: `stages` of dvc.lock.
        again: the same of another run.
        order: names of the stages.
    """
    return [
        Difference(stage, path)
        for stage in order
        for path, content in _outs(committed.get(stage, {})).items()
        if _outs(again.get(stage, {})).get(path) != content
    ]


def moved(committed: Mapping[str, float], again: Mapping[str, float]) -> dict[str, float]:
    """By how much each headline number moved, of those that did; NaN where it is missing."""
    by = {
        name: abs(again.get(name, math.nan) - value) / (value if name in BYTES else 1.0)
        for name, value in committed.items()
    }
    return {name: difference for name, difference in by.items() if difference != 0}


def headlines(folder: Path) -> dict[str, float]:
    """Stage -> the `value` of its metrics file."""
    read = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    return {name: float(numbers["value"]) for name, numbers in read.items() if "value" in numbers}


def stages_of(path: Path) -> dict[str, Any]:
    """`stages` of a file of DVC's, in its order."""
    return dict(yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)["stages"])


def told(found: list[Difference], by: Mapping[str, float]) -> tuple[list[str], int]:
    """What was found, line by line, and the exit code: 1 where numbers moved further than is promised."""
    if not found and not by:
        return ["the same bytes: every output is what was committed"], 0
    first = found[0].stage if found else next(iter(by))
    too_far = {name for name, difference in by.items() if not difference <= TOLERANCE}
    lines = [f"{first} differs first; outputs that differ: {', '.join(one.path for one in found) or 'none'}"]
    lines += [
        f"{name}: its value moved by {difference:.2g}{', more than promised' if name in too_far else ''}"
        for name, difference in by.items()
    ]
    if not too_far:
        lines.append(f"headline numbers are within {TOLERANCE:g}, as is promised between kinds of processors")
    return lines, int(bool(too_far))


def verify(source: Path, clone: Path) -> tuple[list[str], int]:
    """Clone what is committed, run all of its pipeline and compare: lines to tell, and the exit code.

    Raises:
        VerifyError: Git or DVC failed.
    """
    _run(source, "git", "clone", "--quiet", "--no-hardlinks", str(source), str(clone))
    committed, values = stages_of(clone / LOCK), headlines(clone / METRICS)
    _run(clone, "dvc", "repro", "--force", BENTOML_HOME=str(clone / "bentoml"))
    found = differences(committed, stages_of(clone / LOCK), list(stages_of(clone / PIPELINE)))
    return told(found, moved(values, headlines(clone / METRICS)))


def _run(folder: Path, *command: str, **variables: str) -> None:
    done = subprocess.run(command, cwd=folder, env=os.environ | variables, check=False)
    if done.returncode:
        raise VerifyError(
            f"`{' '.join(command)}` ended with {done.returncode}: its last lines above say why."
        )


def _outs(stage: Mapping[str, Any]) -> dict[str, str]:
    return {out["path"]: out["md5"] for out in stage.get("outs", [])}


def main() -> int:
    """Verify the commit that is checked out."""
    if subprocess.run(["git", "diff", "--quiet", "HEAD"], check=False).returncode:
        log.warning("files were changed since the last commit: what is committed is verified, not they")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            lines, code = verify(Path().resolve(), Path(scratch) / "clone")
        except VerifyError as error:
            log.error("failed.\n%s", error)
            return 2
    for line in [*lines, *machine.described()]:
        log.info("%s", line)
    return code


if __name__ == "__main__":
    sys.exit(main())
