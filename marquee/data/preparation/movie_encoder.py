"""From genres and metadata to the numbers of a `Catalogue`: learned once, then the same for every movie."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from marquee.data.tables.catalogue import Catalogue
from marquee.pipeline import arrays
from marquee.pipeline.arrays import Bool, Float32, Float64, Int32, Uint8

Documents = Sequence[Sequence[str]]

MARKS = {"directors": "d", "cast": "c", "keywords": "k"}
"""Facts whose names the models read, the most telling first, and what marks each: "c:paris" is a person."""

MIN_NAME_COUNT = 5
"""A name on fewer movies says little of the next one."""

MAX_NAMES = 24
"""Names of one movie that are read, in the order of `MARKS`."""

DIRECTION_DECIMALS = 5
TEXT_DECIMALS = 4
"""Threads and BLAS kernels change float64's last bits, about 1e-13 here; what is rounded keeps its bytes."""

FALLBACK_RELEASE = 2000.0
"""Where no movie of the train period has a year."""


@dataclass(frozen=True)
class FittedEncoder:
    """What was learned on the movies of the train period; encodes those and any movie added later.

    Attributes:
        genres: (G,) names, in the order of the columns.
        languages: (L,) codes, likewise.
        words: (V,) what the text is made of: words of overviews, and marked names.
        names: (M,) marked names that several movies share; the first has number 1.
        idf: (V,) float64, how much a word counts: ln((1 + n) / (1 + movies with it)) + 1.
        directions: (T, V) float32, latent semantic analysis: the leading right singular vectors of the TF-IDF
            matrix (Deerwester et al. 1990).
        fallback_release: the median year, for a movie of unknown year.
    """

    genres: list[str]
    languages: list[str]
    words: list[str]
    names: list[str]
    idf: Float64
    directions: Float32
    fallback_release: float

    def encode(self, movies: pd.DataFrame) -> Catalogue:
        """The numbers of some movies; a movie's row does not depend on the other movies.

        Args:
            movies: columns as in the processed movies table (`preparation/movies.py`), nothing null.
        """
        return Catalogue(
            genres=_multi_hot(movies["genres"], self.genres),
            language=_multi_hot([[value] for value in movies["language"]], self.languages),
            text=self._text(movies),
            names=_numbers(_names(movies), self.names),
            release=_release(movies).fillna(self.fallback_release).to_numpy(dtype=np.float32),
        )

    def _text(self, movies: pd.DataFrame) -> Float32:
        if not len(movies) or not len(self.directions):
            return np.zeros((len(movies), len(self.directions)), dtype=np.float32)
        tfidf = _vectorizer(self.words)
        tfidf.idf_ = self.idf
        projected = tfidf.transform(_documents(movies)) @ self.directions.T.astype(np.float64)
        return arrays.as_float16(_rounded(normalize(projected), TEXT_DECIMALS))


def fit(
    movies: pd.DataFrame, fitted_on: Bool, text_dim: int, min_word_count: int, seed: int
) -> FittedEncoder:
    """Learn the vocabularies and the text's directions.

    Args:
        movies: the processed movies table.
        fitted_on: (num_movies,) which movies may be learned from (those of the train period).
        text_dim: SVD directions of the TF-IDF of keywords, cast, directors and overview; 0 for none.
        min_word_count: words and languages on fewer of the fitted movies are left out.
        seed: for the randomized SVD.
    """
    known = movies[fitted_on]
    documents = _documents(known) if text_dim else []
    words = _frequent((set(document) for document in documents), min_word_count)
    idf, directions = _fit_text(documents, words, text_dim, seed)
    release = _release(known).median()
    return FittedEncoder(
        genres=_frequent(known["genres"], 1),
        languages=_frequent(([value] for value in known["language"] if value), min_word_count),
        words=words,
        names=_frequent(map(set, _names(known)), MIN_NAME_COUNT),
        idf=idf,
        directions=directions,
        fallback_release=FALLBACK_RELEASE if pd.isna(release) else float(release),
    )


def write(encoder: FittedEncoder, path: Path) -> None:
    """Write as one .npz of numbers and JSON; equal encoders give equal bytes."""
    arrays.write(
        {
            "genres": _packed(encoder.genres),
            "languages": _packed(encoder.languages),
            "words": _packed(encoder.words),
            "names": _packed(encoder.names),
            "idf": encoder.idf,
            "directions": encoder.directions,
            "fallback_release": np.array(encoder.fallback_release),
        },
        path,
    )


def read(path: Path) -> FittedEncoder:
    """Read what `write` wrote."""
    stored = arrays.read(path)
    return FittedEncoder(
        genres=_unpacked(stored["genres"]),
        languages=_unpacked(stored["languages"]),
        words=_unpacked(stored["words"]),
        names=_unpacked(stored["names"]),
        idf=stored["idf"],
        directions=stored["directions"],
        fallback_release=float(stored["fallback_release"]),
    )


def _packed(names: list[str]) -> Uint8:
    # numpy's own strings are as wide as the longest: a hundred times the size for a large vocabulary.
    return np.frombuffer(json.dumps(names, ensure_ascii=False).encode(), dtype=np.uint8)


def _unpacked(packed: Uint8) -> list[str]:
    return list(json.loads(packed.tobytes()))


def _frequent(rows: Iterable[Iterable[str]], min_count: int) -> list[str]:
    counts = Counter(value for row in rows for value in row)
    return sorted(value for value, count in counts.items() if count >= min_count)


def _multi_hot(rows: Iterable[Sequence[str]], known: list[str]) -> Float32:
    column = {value: position for position, value in enumerate(known)}
    hot = [[column[value] for value in values if value in column] for values in rows]
    result = np.zeros((len(hot), len(known)), dtype=np.float32)
    for row, columns in enumerate(hot):
        result[row, columns] = 1 / max(1, len(columns))
    return arrays.as_float16(result)


def _marked(movies: pd.DataFrame) -> Documents:
    """The names of each movie, marked by their fact, in the order of `MARKS`."""
    return [
        [f"{mark}:{name.lower()}" for mark, names in zip(MARKS.values(), row, strict=True) for name in names]
        for row in movies[[*MARKS]].itertuples(index=False)
    ]


def _names(movies: pd.DataFrame) -> Documents:
    """The marked names of each movie, each once."""
    return [list(dict.fromkeys(names)) for names in _marked(movies)]


def _numbers(rows: Documents, known: list[str]) -> Int32:
    """(n, MAX_NAMES) int32: the place in `known`, from 1, of the first known names of each row."""
    number = {name: place for place, name in enumerate(known, start=1)}
    result = np.zeros((len(rows), MAX_NAMES), dtype=np.int32)
    for row, names in enumerate(rows):
        found = [number[name] for name in names if name in number][:MAX_NAMES]
        result[row, : len(found)] = found
    return result


def _documents(movies: pd.DataFrame) -> Documents:
    """The words of each movie's text: its marked names, each a word, and the words of its overview."""
    words = TfidfVectorizer(stop_words="english").build_analyzer()
    return [
        [*names, *words(overview)]
        for names, overview in zip(_marked(movies), movies["overview"], strict=True)
    ]


def _vectorizer(words: list[str]) -> TfidfVectorizer:
    return TfidfVectorizer(analyzer=_unchanged, vocabulary=words, sublinear_tf=True)


def _unchanged(document: list[str]) -> list[str]:
    return document


def _fit_text(documents: Documents, words: list[str], text_dim: int, seed: int) -> tuple[Float64, Float32]:
    """The words' weights (V,) and the text's directions (T, V); T is 0 where there is too little text."""
    dimensions = min(text_dim, len(words) - 1, len(documents) - 1)
    if dimensions < 1:
        return np.zeros(len(words)), np.zeros((0, len(words)), dtype=np.float32)
    tfidf = _vectorizer(words).fit(documents)
    tfidf.idf_ = np.round(tfidf.idf_, 2 * DIRECTION_DECIMALS)  # a logarithm's last bit depends on the CPU too
    svd = TruncatedSVD(dimensions, random_state=seed).fit(tfidf.transform(documents))
    directions = _rounded(svd.components_, DIRECTION_DECIMALS)
    # A singular vector's sign is arbitrary: let its largest entry be positive, the first where several tie.
    largest = np.abs(directions).argmax(axis=1)
    signs = np.sign(directions[np.arange(dimensions), largest])
    return tfidf.idf_, directions * signs[:, None] + np.float32(0)


def _rounded(values: Float64, decimals: int) -> Float32:
    return (np.round(values, decimals) + 0.0).astype(np.float32)  # + 0.0: -0.0 has other bytes


def _release(movies: pd.DataFrame) -> "pd.Series[float]":
    # The format is given: guessed from the first row, it would make a movie's release depend on another's.
    date = pd.to_datetime(movies["release_date"], format="ISO8601", errors="coerce")
    year = movies["year"].astype("float64").where(movies["year"] > 0)
    return (date.dt.year + (date.dt.day_of_year - 1) / 365.25).fillna(year + 0.5)
