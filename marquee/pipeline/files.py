"""Whole files or none: everything is written under a temporary name, then renamed."""

import contextlib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

DECIMALS = 6
"""Decimals of floats in JSON and tables: further ones differ between machines."""


class WriteError(OSError):
    """A file could not be written; the message names it, the reason and what to do."""


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary path beside `path`, then rename.

    A failure (a full disk, an interrupt) leaves what was there before, and no half-written file.

    Raises:
        WriteError: the disk is full or refuses.
    """
    # The whole name stays at the end: writers choose the format by it.
    temporary = path.with_name(f".part.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        temporary.replace(path)
    except OSError as error:
        raise WriteError(
            f"{path} could not be written: {error}.\n"
            "Free some space on the disk, or make the folder writable, and run again."
        ) from error
    finally:
        with contextlib.suppress(OSError):  # the folder itself may be what could not be made
            temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text as a whole file."""
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON with sorted keys, floats rounded to six decimals and NaN as null."""
    text = json.dumps(_rounded(value), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object."""
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    if hasattr(value, "item"):  # a numpy scalar
        value = value.item()
    if isinstance(value, float):
        return round(value, DECIMALS) if math.isfinite(value) else None
    return value
