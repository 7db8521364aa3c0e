"""Copies of TMDB that people pass around by Kaggle, read as they were downloaded.

"The Movies Dataset" (45,000 films of MovieLens; lists as Python writes them) and "TMDB 5000" (JSON).
"""

import ast
import json
import logging
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pooch
from tqdm import tqdm

from marquee.data.sources import metadata, tmdb
from marquee.data.sources.files import rules
from marquee.data.sources.files.looking import is_file
from marquee.data.sources.files.rules import DataError, quoted

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Copy:
    """The files of one copy.

    Attributes:
        movies: with TMDB's id, overview, language and release date.
        credits: with lists of the cast and the crew.
        credits_id: its column of TMDB's id.
        keywords: with lists of keywords; the movies' file itself, or one of its own.
    """

    movies: str
    credits: str
    credits_id: str
    keywords: str

    @property
    def files(self) -> list[str]:
        """Its files, each once."""
        return list(dict.fromkeys((self.movies, self.credits, self.keywords)))


COPIES = (
    Copy("movies_metadata.csv", "credits.csv", "id", "keywords.csv"),
    Copy("tmdb_5000_movies.csv", "tmdb_5000_credits.csv", "movie_id", "tmdb_5000_movies.csv"),
)

TEXTS = {"overview": "overview", "language": "original_language", "release_date": "release_date"}
"""Facts that are texts -> their columns."""


@dataclass(frozen=True)
class Read:
    """What a folder holds of the films asked for.

    Attributes:
        facts: `metadata.COLUMNS`.
        about: for the manifest: checksums, and rows that could not be read, by file and rule.
    """

    facts: pd.DataFrame
    about: dict[str, Any]


def copy_in(folder: Path) -> Copy | None:
    """The copy whose movies' file lies in a folder."""
    return next((copy for copy in COPIES if is_file(folder / copy.movies)), None)


def is_file_of_one(path: Path) -> bool:
    """Whether a path is one file of a copy, whose folder is to be named."""
    return any(path.name in copy.files for copy in COPIES)


def read(folder: Path, wanted: Collection[int]) -> Read:
    """Read the facts of these films by TMDB's id; of several rows with one id the first counts.

    Raises:
        DataError: no such copy, a file without its columns or no CSV, more rows unreadable than are known of.
    """
    copy = copy_in(folder)
    if copy is None:
        raise DataError(f"{folder} has none of {', '.join(copy.movies for copy in COPIES)}. Add one.")
    bad: dict[str, Counter[str]] = {file: Counter() for file in copy.files}
    texts = [*TEXTS.values()]
    own_keywords = ["keywords"] if copy.keywords == copy.movies else []
    movies = _rows(folder / copy.movies, "id", texts + own_keywords, wanted, bad[copy.movies])
    credits_ = _rows(folder / copy.credits, copy.credits_id, ["cast", "crew"], wanted, bad[copy.credits])
    keywords = movies
    if not own_keywords:
        keywords = _rows(folder / copy.keywords, "id", ["keywords"], wanted, bad[copy.keywords])
    found = pd.DataFrame({"tmdb_id": movies.index.astype("int64")})
    for fact, column in TEXTS.items():
        found[fact] = movies[column].fillna("").str.strip().to_list()
    found["keywords"] = _lists(keywords["keywords"], movies.index, tmdb.names, bad[copy.keywords])
    found["cast"] = _lists(credits_["cast"], movies.index, tmdb.leading, bad[copy.credits])
    found["directors"] = _lists(credits_["crew"], movies.index, tmdb.directors, bad[copy.credits])
    present = [file for file in copy.files if (folder / file).is_file()]
    md5 = {file: str(pooch.file_hash(str(folder / file), alg="md5")) for file in present}
    counted = {file: dict(counts) for file, counts in bad.items() if counts}
    return Read(metadata.tidy(found), {"source": copy.movies, "md5": md5, "bad_rows": counted})


def _rows(
    path: Path, key: str, columns: list[str], wanted: Collection[int], bad: Counter[str]
) -> pd.DataFrame:
    """Rows of the films wanted, by TMDB's id, all columns texts; none where there is no such file.

    Raises:
        DataError: it is no CSV, lacks a column, or has more rows without an id than are known of.
    """
    if not path.is_file():
        log.warning("%s is missing: no film has %s of it", path, " and ".join(columns))
        return pd.DataFrame(columns=columns, dtype="str")
    try:
        read_ = pd.read_csv(path, usecols=[key, *columns], dtype="str", keep_default_na=False)
    except (ValueError, OSError) as error:  # of pandas: columns missing, no CSV, no UTF-8, no text at all
        raise DataError(f"{path} cannot be read: {quoted(str(error))}.\nDownload it anew.") from error
    # Kaggle's file has three films broken over two lines: the second has a day for its id.
    numbers = pd.to_numeric(read_[key], errors="coerce")
    good = numbers.notna() & (numbers % 1 == 0)
    bad["not_a_number"] += int((~good).sum())
    if rules.is_much(bad["not_a_number"], len(read_)):
        first = quoted(str(read_.loc[~good, key].iloc[0]))
        raise DataError(
            f"{path}: {bad['not_a_number']:,} of {len(read_):,} rows have no number for {key}, the first "
            f"{first}: that is one fault, not many.\nDownload it anew."
        )
    indexed = read_[good].set_axis(numbers[good].astype("int64"), axis=0)
    repeated = indexed.index.duplicated()
    bad["duplicate"] += int(repeated.sum())
    for rule in [rule for rule, count in bad.items() if not count]:
        del bad[rule]
    return indexed[~repeated & indexed.index.isin(list(wanted))][columns]


def _lists(
    column: "pd.Series[str]", ids: "pd.Index[int]", names: Callable[[list[Any]], list[str]], bad: Counter[str]
) -> list[list[str]]:
    """Names out of a column of lists of objects, by film."""
    texts = column.to_dict()
    lists = []
    for number in tqdm(ids, desc=str(column.name), disable=None):
        parsed = objects_of(texts.get(number))
        bad.update(["unreadable_list"] if parsed is None else [])
        lists.append(names(parsed or []))
    if rules.is_much(bad["unreadable_list"], len(lists)):
        raise DataError(
            f"{bad['unreadable_list']:,} of {len(lists):,} lists of {column.name} cannot be read: a program "
            "may have cut or rewritten them.\nDownload the files anew."
        )
    return lists


def objects_of(text: Any) -> list[Any] | None:
    """A list of objects as JSON or Python writes it; None: it is none. What is missing is empty."""
    if not isinstance(text, str) or not text.strip():
        return []
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(text)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return None
    return value if isinstance(value, list) and all(isinstance(one, dict) for one in value) else None
