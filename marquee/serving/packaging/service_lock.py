"""The service's own lock: the part of requirements.lock that its code and BentoML need, hashes included.

A Bento and its image install `service.lock` and nothing else. `make lock` writes it, by
`python -m marquee.serving.packaging.service_lock`; no registry is asked.
"""

import re
from pathlib import Path

from marquee.pipeline.files import write_text

SOURCE = Path("requirements.lock")
LOCK = Path("marquee/serving/packaging/service.lock")
PROJECT = "marquee"
"""Who asked for what pyproject.toml names, as uv writes it into a lock."""
BENTOML = "bentoml"
IMPORTED = (
    "ai-edge-litert",
    BENTOML,
    "numpy",
    "orjson",
    "prometheus-client",
    "pydantic",
    "pyyaml",
    "starlette",
)
"""What the service's code imports, by the package's name; a test compares. What these need is in the lock."""


class LockError(ValueError):
    """A lock does not have what was looked for; the message names both."""


def restricted(lock: str, wanted: tuple[str, ...] = IMPORTED) -> str:
    """The entries of a lock that some packages and all that they need have.

    Who needs whom is what uv writes below each entry (`# via`), whatever the Python or the processor: so one
    lock serves all of them, as the whole one does.

    Args:
        lock: text as `uv export` writes it.
        wanted: names of packages that the project itself asks for.

    Raises:
        LockError: the project does not ask for one of them.
    """
    entries = _entries(lock)
    asked = {name for name, entry in entries if PROJECT in _requirers(entry)}
    if missing := sorted(set(wanted) - asked):
        raise LockError(
            f"{SOURCE} has no entry that {PROJECT} asks for under {', '.join(missing)}. Add it to the "
            "dependencies in pyproject.toml and run `make lock`, or take it out of IMPORTED."
        )
    kept = set(wanted)
    while more := {name for name, entry in entries if kept & _requirers(entry)} - kept:
        kept |= more
    return "".join(_of(entry, kept, name in wanted) for name, entry in entries if name in kept)


def imported(lock: str) -> list[str]:
    """What the service's code imports beside BentoML, as `name==version`, in its lock's order."""
    return [
        entry.split(" ", 1)[0]
        for name, entry in _entries(lock)
        if PROJECT in _requirers(entry) and name != BENTOML
    ]


def _entries(lock: str) -> list[tuple[str, str]]:
    """Name and text of each entry: it begins in the first column, what belongs to it is indented."""
    found = re.split(r"\n(?=\S)", lock.strip())
    return [(entry.split("==", 1)[0], entry) for entry in found]


def _requirers(entry: str) -> set[str]:
    return set(re.findall(r"^    #(?: via|  ) (\S+)$", entry, flags=re.MULTILINE))


def _of(entry: str, kept: set[str], asked: bool) -> str:
    """An entry with those who need it here."""
    requirers = sorted(_requirers(entry) & (kept | ({PROJECT} if asked else set())))
    pinned = entry.split("\n    # via", 1)[0]
    return "\n    # ".join([pinned, *(f"via {name}" for name in requirers)]) + "\n"


def main() -> None:
    """Write the service's lock anew."""
    write_text(LOCK, restricted(SOURCE.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
