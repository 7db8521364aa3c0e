"""GroupLens archives of every generation, and folders and zips of one's own, in one schema."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from marquee.data.sources import layouts, licences, ratings
from marquee.data.sources.files import archives, downloads
from marquee.data.sources.files.archives import Files
from marquee.data.sources.files.csv_rows import CsvText, wrong_width
from marquee.data.sources.files.network import Network
from marquee.data.sources.files.rules import LARGEST_ID, SCALES, STARS, WHOLE_NUMBER, BadRows, Scale, quoted
from marquee.data.sources.files.texts import SEPARATORS, require_text, whole_number
from marquee.data.sources.layouts import Layout
from marquee.data.sources.loading import Fetched, Loader, Request
from marquee.data.sources.titles import split_genres, split_title
from marquee.data.tables import facts, schema

FLAGS_100K = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary"),
    *("Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller"),
    *("War", "Western"),
)
"""The flags of u.item, in order; the first means that no genre is known."""

YEARS = next(fact.between for fact in facts.FACTS if fact.name == "year") or (0, 9999)
"""A year outside is a slip: no film is so old or so new."""

_NOT_A_LIST = re.compile(r"[\[\]{},;]")
"""Characters of lists as other programs write them, which would become one long genre."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

FIELDS_100K = 5
"""Columns of u.item before its flags: id, title, release date, video date, address."""


@dataclass(frozen=True)
class Tables:
    """What a source holds, in the raw schema.

    Attributes:
        interactions, movies: see `marquee/data/tables/schema.py`.
        about: for the manifest: checksums, links that led nowhere, how it is written where that is unusual.
    """

    interactions: pa.Table
    movies: pa.Table
    about: dict[str, Any]


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
    layout = layouts.of(files)
    movies = _read_movies(files, layout, bad)
    tmdb_ids = _read_links(files, layout, bad)
    movies["tmdb_id"] = [tmdb_ids.pop(movie_id, 0) for movie_id in movies["movie_id"]]
    table = schema.table(movies, schema.MOVIES).sort_by("movie_id")
    movie_ids = table.column("movie_id").to_numpy().astype(np.int32)
    found = ratings.read(files, layout, movie_ids, bad, scale)
    about = {"md5": files.md5(layout.files), "links_without_movie": len(tmdb_ids)}
    return Tables(found.table, table, about | _unusual(found, layout))


def _unusual(found: ratings.Read, layout: Layout) -> dict[str, str]:
    """What the manifest says of ratings that are written as MovieLens does not write them."""
    said = {}
    if found.separator != layout.separator:
        said["ratings_separated_by"] = SEPARATORS[found.separator]
    if found.text_users:
        said["user_ids"] = "texts, numbered from 1 in their order"
    return said


def load_archive(request: Request, network: Network | None = None) -> Fetched:
    """Take one of GroupLens' archives, downloaded where it is not at hand (see `downloads.find`).

    Raises:
        DataError: see `downloads.find` and `read`.
    """
    path = downloads.find(request.source, network)
    files = archives.open_archive(path, downloads.cure_of(path))
    return _fetched(files, request, request.source, licences.MOVIELENS)


def load_own(request: Request) -> Fetched:
    """Take a folder of one's own ratings, or a zip of them.

    Raises:
        DataError: see `read`.
    """
    path = Path(request.source)
    # The manifest says that it was a folder or a zip, not which: no path belongs into an output.
    if path.is_dir():
        return _fetched(archives.open_folder(path), request, "folder", licences.OWN)
    return _fetched(archives.open_archive(path), request, "zip", licences.OWN)


def _fetched(files: Files, request: Request, name: str, licence: dict[str, str]) -> Fetched:
    tables = read(files, request.bad, SCALES[request.rating_scale])
    about = {"source": name} | tables.about
    return Fetched(tables.interactions, tables.movies, schema.METADATA.empty_table(), about, [licence])


ARCHIVES = Loader(load_archive, names=tuple(downloads.CHECKSUMS))
OWN = Loader(load_own, folder="ratings.csv and movies.csv")


def _read_movies(files: Files, layout: Layout, bad: BadRows) -> dict[str, list[Any]]:
    """The columns of `schema.MOVIES` but `tmdb_id`, in the file's order."""
    readers = {",": _movies_csv, "::": _movies_dat, "\t": _movies_100k}
    columns: dict[str, list[Any]] = {name: [] for name in ("movie_id", "title", "year", "genres")}
    seen: set[int] = set()
    listed = list(readers[layout.separator](files, layout.movies, bad))
    for movie in listed:
        movie_id = _identifier(movie.movie_id)
        title, year = split_title(movie.title)
        if movie_id is None:
            problem = f"movieId {quoted(movie.movie_id)} {WHOLE_NUMBER}"
            bad.refuse(layout.movies, movie.line, "not_a_number", problem)
        elif broken := _broken(movie, movie_id, title, year):
            bad.refuse(layout.movies, movie.line, *broken)
        elif movie_id in seen:
            bad.refuse(layout.movies, movie.line, "duplicate", f"movie {movie_id} is listed a second time")
        else:
            seen.add(movie_id)
            for name, value in zip(columns, (movie_id, title, year, split_genres(movie.genres)), strict=True):
                columns[name].append(value)
    bad.require_no_fault_in_many(layout.movies, len(listed))
    return columns


def _broken(movie: _Movie, movie_id: int, title: str, year: int) -> tuple[str, str] | None:
    """The first rule that a movie with a number breaks, and how."""
    if not title:
        return "empty_title", f"the title of movie {movie_id} is empty"
    if _NOT_A_LIST.search(movie.genres):
        genres = quoted(movie.genres)
        return "genres_not_separated", f'the genres of movie {movie_id} are {genres}; write "Action|Drama"'
    if _CONTROL.search(title + movie.genres):
        return "control_character", f"movie {movie_id} holds a control character: {quoted(ascii(title))}"
    earliest, latest = YEARS
    if year and not earliest <= year <= latest:
        return "year_out_of_range", f"the year {year} of movie {movie_id} is not from {earliest} to {latest}"
    return None


def _movies_csv(files: Files, file: str, bad: BadRows) -> Iterator[_Movie]:
    columns = ("movieId", "title", "genres")
    for line, (movie_id, title, genres) in CsvText.read(files, file, columns).rows(columns, bad):
        yield _Movie(line, movie_id, title, genres)


def _movies_dat(files: Files, file: str, bad: BadRows) -> Iterator[_Movie]:
    for line, row in _lines(files, file):
        movie_id, first, rest = row.partition("::")
        title, second, genres = rest.rpartition("::")
        if first and second:
            yield _Movie(line, movie_id, title, genres)
        else:
            bad.refuse(file, line, "wrong_number_of_columns", wrong_width(row.count("::") + 1, 3))


def _movies_100k(files: Files, file: str, bad: BadRows) -> Iterator[_Movie]:
    expected = FIELDS_100K + len(FLAGS_100K)
    for line, row in _lines(files, file):
        values = row.split("|")
        if len(values) == expected:
            genres = (
                name for name, flag in zip(FLAGS_100K, values[FIELDS_100K:], strict=True) if flag == "1"
            )
            yield _Movie(line, values[0], values[1], "|".join(genres))
        else:
            bad.refuse(file, line, "wrong_number_of_columns", wrong_width(len(values), expected))


def _read_links(files: Files, layout: Layout, bad: BadRows) -> dict[int, int]:
    """movieId to TMDB's id, where there is one; nothing for generations without links."""
    links: dict[int, int] = {}
    if not files.has(layout.links):
        return links
    columns = ("movieId", "tmdbId")
    listed = list(CsvText.read(files, layout.links, columns).rows(columns, bad))
    for line, (movie, tmdb) in listed:
        if not tmdb.strip():
            continue
        movie_id, tmdb_id = _identifier(movie), _identifier(tmdb)
        if movie_id is None or tmdb_id is None:
            column, value = ("movieId", movie) if movie_id is None else ("tmdbId", tmdb)
            bad.refuse(layout.links, line, "not_a_number", f"{column} {quoted(value)} {WHOLE_NUMBER}")
        elif movie_id in links:
            bad.refuse(layout.links, line, "duplicate", f"movie {movie_id} is linked a second time")
        else:
            links[movie_id] = tmdb_id
    bad.require_no_fault_in_many(layout.links, len(listed))
    return links


def _lines(files: Files, name: str) -> Iterator[tuple[int, str]]:
    """Number and text of each line that has one, each decoded by itself: UTF-8, or what was usual before."""
    data = files.read(name)
    require_text(name, data)
    for line, row in enumerate(data.split(b"\n"), start=1):
        if row.strip():
            yield line, _decoded(row.rstrip(b"\r")).removeprefix("\ufeff")


def _decoded(row: bytes) -> str:
    for encoding in ("utf-8", "cp1252"):
        with contextlib.suppress(UnicodeDecodeError):
            return row.decode(encoding)
    return row.decode("latin-1")


def _identifier(text: str) -> int | None:
    number = whole_number(text)
    return number if number is not None and 0 <= number <= LARGEST_ID else None
