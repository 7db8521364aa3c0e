"""From titles, genres and metadata to the numbers of a `Catalogue`."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from stages.data.catalogue import Catalogue
from stages.data.interactions import Bool, Float32

TEXT_COLUMNS = {"keywords": "k", "cast": "c", "directors": "d"}


def encode(movies: pd.DataFrame, fitted_on: Bool, text_dim: int, min_word_count: int, seed: int) -> Catalogue:
    """Learn the vocabularies on some movies and encode all of them.

    Args:
        movies: the processed movies table.
        fitted_on: (num_movies,) which movies may be learned from (those of the train period).
        text_dim: SVD directions of the TF-IDF of keywords, cast, directors and overview; 0 for none.
        min_word_count: words on fewer of the fitted movies are left out.
        seed: for the randomized SVD.
    """
    return Catalogue(
        genres=_multi_hot(movies["genres"], fitted_on),
        language=_one_hot(movies["language"], fitted_on, min_word_count),
        text=_text(movies, fitted_on, text_dim, min_word_count, seed),
        release=_release(movies, fitted_on),
    )


def _multi_hot(lists: Iterable[Sequence[str]], fitted_on: Bool) -> Float32:
    rows = [list(values) for values in lists]
    known = sorted(
        {value for values, fitted in zip(rows, fitted_on, strict=True) if fitted for value in values}
    )
    column = {value: position for position, value in enumerate(known)}
    result = np.zeros((len(rows), len(known)), dtype=np.float32)
    for row, values in enumerate(rows):
        hot = [column[value] for value in values if value in column]
        result[row, hot] = 1 / max(1, len(hot))
    return result


def _one_hot(values: Iterable[str], fitted_on: Bool, min_count: int) -> Float32:
    rows = list(values)
    counts = Counter(value for value, fitted in zip(rows, fitted_on, strict=True) if fitted and value)
    known = sorted(value for value, count in counts.items() if count >= min_count)
    return np.array([[value == name for name in known] for value in rows], dtype=np.float32).reshape(
        len(rows), -1
    )


def _text(movies: pd.DataFrame, fitted_on: Bool, text_dim: int, min_word_count: int, seed: int) -> Float32:
    nothing = np.zeros((len(movies), 0), dtype=np.float32)
    if text_dim == 0:
        return nothing
    # A keyword or a name is one word, marked with its column: "Paris" the place is not a person.
    names = [
        [f"{mark}:{name.lower()}" for column, mark in TEXT_COLUMNS.items() for name in getattr(row, column)]
        for row in movies[[*TEXT_COLUMNS]].itertuples(index=False)
    ]
    words = TfidfVectorizer(stop_words="english").build_analyzer()
    documents = [[*tags, *words(overview)] for tags, overview in zip(names, movies["overview"], strict=True)]
    fitted = [document for document, keep in zip(documents, fitted_on, strict=True) if keep]
    frequent = Counter(word for document in fitted for word in set(document))
    vocabulary = sorted(word for word, count in frequent.items() if count >= min_word_count)
    dimensions = min(text_dim, len(vocabulary) - 1, len(fitted) - 1)
    if dimensions < 1:
        return nothing
    tfidf = TfidfVectorizer(analyzer=_as_it_is, vocabulary=vocabulary, sublinear_tf=True, dtype=np.float32)
    tfidf.fit(fitted)
    svd = TruncatedSVD(dimensions, random_state=seed).fit(tfidf.transform(fitted))
    return np.asarray(normalize(svd.transform(tfidf.transform(documents))), dtype=np.float32)


def _as_it_is(document: list[str]) -> list[str]:
    return document


def _release(movies: pd.DataFrame, fitted_on: Bool) -> Float32:
    date = pd.to_datetime(movies["release_date"], errors="coerce")
    year = movies["year"].astype("float64").where(movies["year"] > 0)
    release = (date.dt.year + (date.dt.day_of_year - 1) / 365.25).fillna(year + 0.5)
    known = release[fitted_on].dropna()
    fallback = float(known.median()) if len(known) else 2000.0
    return release.fillna(fallback).to_numpy(dtype=np.float32)
