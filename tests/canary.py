"""A secret that must not be found anywhere: in a log, an event, an answer, an error or an output."""

from pathlib import Path

CANARY = "canary-0d6f1b9c-must-stay-in-its-cage"
CLOUD = {"AWS_SECRET_ACCESS_KEY": CANARY, "AZURE_STORAGE_KEY": CANARY, "TMDB_API_KEY": CANARY}
"""Variables that are set where people work; this project reads the last one only, to ask TMDB."""


def found_in(folder: Path) -> list[str]:
    """The files below a folder that hold the canary, in their name or their content."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if CANARY in str(path) or CANARY.encode() in path.read_bytes()]
