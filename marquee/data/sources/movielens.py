"""GroupLens archives of every generation, and folders in the newest layout, in one schema."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from marquee.data.sources import archives, licences, ratings
from marquee.data.sources.archives import Files
from marquee.data.sources.loading import Fetched, Loader, Request
from marquee.data.sources.network import Network
from marquee.data.sources.ratings import LARGEST_ID, Layout
from marquee.data.sources.rules import SCALES, STARS, BadRows, DataError, Scale, explain
from marquee.data.sources.texts import check_header
from marquee.data.sources.titles import split_genres, split_title
from marquee.data.tables import schema

if TYPE_CHECKING:
    import _csv

LAYOUTS = (
    Layout("ratings.csv", "movies.csv", ",", header=True),
    Layout("ratings.dat", "movies.dat", "::", header=False),
    Layout("u.data", "u.item", "\t", header=False),
)
"""The layouts of ml-20m and later and of one's own ratings; of ml-1m and ml-10m; of ml-100k."""

LINKS = "links.csv"

FLAGS_100K = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary"),
    *("Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller"),
    *("War", "Western"),
)
"""The flags of u.item, in order; the first means that no genre is known."""

FIELDS_100K = 5
"""Columns of u.item before its flags: id, title, release date, video date, address."""


@dataclass(frozen=True)
class Tables:
    """What a source holds, in the raw schema; `links_without_movie` counts links that led nowhere."""

    interactions: pa.Table
    movies: pa.Table
    links_without_movie: int


@dataclass(frozen=True)
class _Movie:
    """A line of a movies file, not yet taken apart."""

    line: int
    movie_id: str
    title: str
    genres: str


def read(files: Files, bad: BadRows, scale: Scale = STARS) -> Tables:
    """Read an archive or a folder, whatever its generation; `scale` is that of its ratings.

    Raises:
        DataError: an unknown layout, a missing file or column, a bad row where those are errors.
    """
    layout = next((layout for layout in LAYOUTS if files.has(layout.file)), None)
    if layout is None:
        raise DataError(
            f"{files.path} holds no ratings: it has {files.listing()}; one of "
            f"{', '.join(layout.file for layout in LAYOUTS)} is expected.\n"
            "Name the folder that holds it, or rename the file; a .gz is to be unpacked (docs/data.md)."
        )
    movies = _read_movies(files, layout, bad)
    tmdb_ids = _read_links(files, bad)
    movies["tmdb_id"] = [tmdb_ids.pop(movie_id, 0) for movie_id in movies["movie_id"]]
    table = schema.table(movies, schema.MOVIES).sort_by("movie_id")
    movie_ids = table.column("movie_id").to_numpy().astype(np.int32)
    interactions = ratings.read(files, layout, movie_ids, bad, scale)
    return Tables(interactions, table, len(tmdb_ids))


def load_archive(request: Request, network: Network | None = None) -> Fetched:
    """Take one of GroupLens' archives, downloaded where it is not at hand (see `archives.find`).

    Raises:
        DataError: see `archives.find` and `read`.
    """
    files = archives.open_archive(archives.find(request.source, network))
    return _fetched(files, request, request.source, licences.MOVIELENS)


def load_folder(request: Request) -> Fetched:
    """Take a folder of one's own ratings.

    Raises:
        DataError: see `read`.
    """
    # The manifest says that it was a folder, not which: no path belongs into an output.
    return _fetched(archives.open_folder(Path(request.source)), request, "folder", licences.OWN)


def _fetched(files: Files, request: Request, name: str, licence: dict[str, str]) -> Fetched:
    md5 = files.md5()
    tables = read(files, request.bad, SCALES[request.rating_scale])
    about = {"source": name, "md5": md5, "links_without_movie": tables.links_without_movie}
    return Fetched(tables.interactions, tables.movies, schema.METADATA.empty_table(), about, [licence])


ARCHIVES = Loader(load_archive, names=tuple(archives.CHECKSUMS))
FOLDER = Loader(load_folder, folder="ratings.csv and movies.csv")


def _read_movies(files: Files, layout: Layout, bad: BadRows) -> dict[str, list[Any]]:
    """The columns of `schema.MOVIES` but `tmdb_id`, in the file's order."""
    text = _text(files, layout.movies)
    readers = {",": _movies_csv, "::": _movies_dat, "\t": _movies_100k}
    columns: dict[str, list[Any]] = {name: [] for name in ("movie_id", "title", "year", "genres")}
    seen: set[int] = set()
    for movie in readers[layout.separator](layout.movies, text, bad):
        movie_id = _identifier(movie.movie_id)
        if movie_id is None:
            problem = f"movieId {movie.movie_id or '(empty)'} is not a whole number from 0 to {LARGEST_ID}"
            bad.refuse(layout.movies, movie.line, "not_a_number", problem)
        elif movie_id in seen:
            bad.refuse(layout.movies, movie.line, "duplicate", f"movie {movie_id} is listed a second time")
        else:
            seen.add(movie_id)
            title, year = split_title(movie.title)
            for name, value in zip(columns, (movie_id, title, year, split_genres(movie.genres)), strict=True):
                columns[name].append(value)
    return columns


def _movies_csv(file: str, text: str, bad: BadRows) -> Iterator[_Movie]:
    for line, (movie_id, title, genres) in _csv_rows(file, text, ("movieId", "title", "genres"), bad):
        yield _Movie(line, movie_id, title, genres)


def _movies_dat(file: str, text: str, bad: BadRows) -> Iterator[_Movie]:
    for line, row in _lines(text):
        movie_id, first, rest = row.partition("::")
        title, second, genres = rest.rpartition("::")
        if first and second:
            yield _Movie(line, movie_id, title, genres)
        else:
            bad.refuse(file, line, "wrong_number_of_columns", _wrong_width(row.count("::") + 1, 3))


def _movies_100k(file: str, text: str, bad: BadRows) -> Iterator[_Movie]:
    expected = FIELDS_100K + len(FLAGS_100K)
    for line, row in _lines(text):
        values = row.split("|")
        if len(values) == expected:
            genres = (
                name for name, flag in zip(FLAGS_100K, values[FIELDS_100K:], strict=True) if flag == "1"
            )
            yield _Movie(line, values[0], values[1], "|".join(genres))
        else:
            bad.refuse(file, line, "wrong_number_of_columns", _wrong_width(len(values), expected))


def _read_links(files: Files, bad: BadRows) -> dict[int, int]:
    """movieId to TMDB's id, where there is one; nothing for generations without links."""
    links: dict[int, int] = {}
    if not files.has(LINKS):
        return links
    for line, (movie, tmdb) in _csv_rows(LINKS, _text(files, LINKS), ("movieId", "tmdbId"), bad):
        if not tmdb.strip():
            continue
        # A table program that met an empty cell writes whole numbers as 862.0.
        movie_id, tmdb_id = _identifier(movie), _identifier(tmdb.strip().removesuffix(".0"))
        if movie_id is None or tmdb_id is None:
            column, value = ("movieId", movie) if movie_id is None else ("tmdbId", tmdb)
            problem = f"{column} {value or '(empty)'} is not a whole number from 0 to {LARGEST_ID}"
            bad.refuse(LINKS, line, "not_a_number", problem)
        elif movie_id in links:
            bad.refuse(LINKS, line, "duplicate", f"movie {movie_id} is linked a second time")
        else:
            links[movie_id] = tmdb_id
    return links


def _csv_rows(
    file: str, text: str, columns: tuple[str, ...], bad: BadRows
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Line number and the values of `columns` of each row."""
    header = check_header(file, text.split("\n", 1)[0].encode(), columns)
    places = [header.index(name) for name in columns]
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    next(reader)
    for values in _csv_values(file, reader):
        if len(values) == len(header):
            yield reader.line_num, tuple(values[place] for place in places)
        elif values:
            problem = _wrong_width(len(values), len(header))
            bad.refuse(file, reader.line_num, "wrong_number_of_columns", problem)


def _csv_values(file: str, reader: "_csv.Reader") -> Iterator[list[str]]:
    """The rows of a file, one line each: a lost quote would make one row of two movies.

    Raises:
        DataError: a quote is not closed on its line, or something follows a closing quote.
    """
    first = reader.line_num + 1
    try:
        for values in reader:
            if reader.line_num > first:
                raise DataError(_lost_quote(file, first, f"is closed on line {reader.line_num} only"))
            yield values
            first = reader.line_num + 1
    except csv.Error as error:
        raise DataError(_lost_quote(file, first, f"is not closed as CSV asks for ({error})")) from error


def _lost_quote(file: str, line: int, problem: str) -> str:
    advice = 'Close the quote on its line, and write a quote inside a quoted value twice ("").'
    return explain(file, line, f"a quote that opens here {problem}", advice)


def _text(files: Files, name: str) -> str:
    """A small file whole. CSV must be UTF-8; what is older may be Latin-1, as ml-100k and ml-1m are."""
    with files.open(name) as source:
        data = source.read()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if not name.endswith(".csv"):
            return data.decode("latin-1")
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8.\nSave the file as UTF-8."
        ) from error


def _lines(text: str) -> Iterator[tuple[int, str]]:
    # str.splitlines would also split at characters that Latin-1 text may hold.
    for line, row in enumerate(text.split("\n"), start=1):
        if row.strip():
            yield line, row.rstrip("\r")


def _identifier(text: str) -> int | None:
    text = text.strip()
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(LARGEST_ID)):
        return None
    return int(text) if int(text) <= LARGEST_ID else None


def _wrong_width(received: int, expected: int) -> str:
    return f"{received} values, {expected} are expected"
