"""What lies at a path: a file or a folder, or nothing that may be looked at."""

from pathlib import Path


def is_file(path: Path | str) -> bool:
    """Whether there is a file; no where a folder above may not be entered, or no path can be so long."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path | str) -> bool:
    """Whether there is a folder; no as in `is_file`."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False
