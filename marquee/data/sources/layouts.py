"""How each generation of archives, and whoever copies them, names and writes its files."""

from dataclasses import dataclass
from pathlib import Path

from marquee.data.sources.files.archives import GZIP, Files
from marquee.data.sources.files.downloads import CHECKSUMS, MIRROR_VARIABLE
from marquee.data.sources.files.looking import is_file
from marquee.data.sources.files.rules import DataError

RATING = "rating"


@dataclass(frozen=True)
class Layout:
    """How one generation of archives writes its ratings.

    Attributes:
        file: the ratings' file.
        movies: the file that its movies are listed in.
        links: the file that leads to TMDB, where there is one.
        separator: one or two characters; a file with a header may have another.
        header: whether the first line names the columns; else they come in this order.
        columns: the names of user, movie, rating and timestamp.
    """

    file: str
    movies: str
    links: str
    separator: str
    header: bool
    columns: tuple[str, str, str, str] = ("userId", "movieId", RATING, "timestamp")

    @property
    def files(self) -> tuple[str, str, str]:
        """The files it may have."""
        return self.file, self.movies, self.links


LAYOUTS = (
    Layout("ratings.csv", "movies.csv", "links.csv", ",", header=True),
    Layout("rating.csv", "movie.csv", "link.csv", ",", header=True),
    Layout("ratings.dat", "movies.dat", "links.dat", "::", header=False),
    Layout("u.data", "u.item", "u.links", "\t", header=False),
)
"""Those of ml-20m and later and of one's own; of Kaggle's ml-20m; of ml-1m and ml-10m; of ml-100k."""


def of(files: Files) -> Layout:
    """The layout of an archive or a folder, by the name of its ratings' file.

    Raises:
        DataError: it has none of them.
    """
    layout = next((layout for layout in LAYOUTS if files.has(layout.file)), None)
    if layout is None:
        known = ", ".join(layout.file for layout in LAYOUTS)
        raise DataError(
            f"{files.path} holds no ratings: it has {files.listing()}; one of {known} is expected, or "
            f"one packed as {GZIP}.\n{_nearby(files.path)}"
        )
    return layout


def _nearby(path: Path) -> str:
    """What to do where the ratings may lie a folder deeper, or in an archive in the folder."""
    known = {layout.file.casefold() for layout in LAYOUTS}
    if path.is_dir():
        for inner in sorted(path.iterdir()):
            if any(is_file(inner / layout.file) for layout in LAYOUTS):
                return f"Its folder {inner.name} has them: set data.source to {inner}."
            if inner.name.casefold() in known:
                return f"Write the name of {inner.name} in small letters."
            if inner.suffix == ".zip" and inner.stem in CHECKSUMS:
                return f"Set {MIRROR_VARIABLE} to {path} and data.source to {inner.stem}."
            if inner.suffix == ".zip":
                return f"If they are in {inner.name}, set data.source to {inner}."
    return "Name the folder or the zip that holds it, or rename the file (docs/data.md)."
