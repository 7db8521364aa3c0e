"""The catalogue as inference reads it: a row per movie in every array, and what a page shows.

`index_catalogue` writes one index of the data's movies and one of those added later; joined they are the
catalogue. What training knows of each movie comes from `export_models`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property, reduce

import numpy as np

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.facts import Titles
from marquee.models.features.movies import Movies, MovieStatistics
from marquee.pipeline import arrays, paths
from marquee.pipeline.arrays import Array, Float32, Int32
from marquee.pipeline.files import write_text

OF_ALL = ("global_mean", "content_weights", "taste_weights")
"""Fields of MovieStatistics that have no row per movie."""
BY_COLUMN = "by_column"
Arrays = Mapping[str, Array]
Make = Callable[[], Arrays]


@dataclass(frozen=True)
class Trained:
    """What training knows of every movie of the data, beside the models' weights.

    Attributes:
        statistics: for the ranker's features.
        retrieval_id_row: (num_movies,) int32, row of the two-tower's id embedding; 0 for a movie without one.
        ranking_id_row: (num_movies,) int32, the same of the DCN's.
        popular: (num_movies,) float32, higher is more popular now.
    """

    statistics: MovieStatistics
    retrieval_id_row: Int32
    ranking_id_row: Int32
    popular: Float32


@dataclass(frozen=True)
class CatalogueIndex:
    """What inference knows of some movies, row by row.

    Attributes:
        candidates: (num_movies, D) float32, candidate embeddings.
        ranking_id_row: (num_movies,) int32, see `Trained`.
        popular: (num_movies,) float32, see `Trained`.
        movies: facts and statistics, for the ranker's features.
        titles: for people.
        by_column: `candidates`, column after column in memory: `dot` takes half as long.
    """

    candidates: Float32
    ranking_id_row: Int32
    popular: Float32
    movies: Movies
    titles: Titles
    by_column: Float32 | None = None

    def __len__(self) -> int:
        return len(self.candidates)

    def dot(self, query: Float32) -> Float32:
        """(num_movies,) dot product of each candidate embedding with a query, (D,)."""
        product: Float32 = self._columns @ query
        return product

    @cached_property
    def _columns(self) -> Float32:
        """`by_column`, made once where nobody has brought it."""
        return np.asfortranarray(self.candidates) if self.by_column is None else self.by_column


def write_trained(trained: Trained, exported: paths.Exported) -> None:
    """Write what `read_trained` reads; equal contents give equal bytes."""
    of_movies = {field.name: getattr(trained.statistics, field.name) for field in fields(MovieStatistics)}
    of_movies |= {name: getattr(trained, name) for name in ("retrieval_id_row", "ranking_id_row", "popular")}
    arrays.write(of_movies, exported.trained)


def read_trained(exported: paths.Exported) -> Trained:
    """Read what `write_trained` wrote."""
    stored = arrays.read(exported.trained)
    statistics = MovieStatistics(**{field.name: stored.pop(field.name) for field in fields(MovieStatistics)})
    return Trained(statistics, **stored)


def write(index: CatalogueIndex, to: paths.Index) -> None:
    """Write what `read` reads: float32 numbers that float16 holds exactly are stored in half the bytes."""
    arrays.write({name: _stored(array) for name, array in _arrays(index).items()}, to.rows)
    columns = (
        f"{json.dumps(name)}: {json.dumps(list(values), ensure_ascii=False)}"
        for name, values in index.titles.columns().items()
    )
    write_text(to.titles, "{\n" + ",\n".join(columns) + "\n}\n")


def read(
    known: paths.Index, added: paths.Index | None = None, share: Callable[[Make], Arrays] | None = None
) -> CatalogueIndex:
    """Read what `write` wrote: the movies of the data, and behind them those added later.

    Args:
        known: of the data's movies.
        added: None: they are left out.
        share: where arrays are kept that `Make` reads; None: here.

    Raises:
        OSError, KeyError, ValueError, zipfile.BadZipFile: a file is missing or is not what was written.
    """
    indices = [index for index in (known, added) if index is not None]

    def make() -> Arrays:
        joined = reduce(_joined, map(_read_rows, indices))
        return joined | {BY_COLUMN: np.asfortranarray(joined["candidates"])}

    titles = reduce(Titles.followed_by, map(_read_titles, indices))
    return _index(make() if share is None else share(make), titles)


def _read_rows(index: paths.Index) -> dict[str, Array]:
    return {
        name: array.astype(np.float32) if array.dtype == np.float16 else array
        for name, array in arrays.read(index.rows).items()
    }


def _read_titles(index: paths.Index) -> Titles:
    return Titles.of(json.loads(index.titles.read_text(encoding="utf-8")))


def _joined(first: Mapping[str, Array], then: Mapping[str, Array]) -> dict[str, Array]:
    return {
        name: array if name in OF_ALL else np.concatenate([array, then[name]])
        for name, array in first.items()
    }


def _arrays(index: CatalogueIndex) -> dict[str, Array]:
    of_movies = {name: getattr(index, name) for name in ("candidates", "ranking_id_row", "popular")}
    for part in (index.movies.catalogue, index.movies.statistics):
        of_movies |= {field.name: getattr(part, field.name) for field in fields(part)}
    return of_movies


def _index(of_movies: Mapping[str, Array], titles: Titles) -> CatalogueIndex:
    return CatalogueIndex(
        candidates=of_movies["candidates"],
        ranking_id_row=of_movies["ranking_id_row"],
        popular=of_movies["popular"],
        movies=Movies(
            Catalogue(**{field.name: of_movies[field.name] for field in fields(Catalogue)}),
            MovieStatistics(**{field.name: of_movies[field.name] for field in fields(MovieStatistics)}),
        ),
        titles=titles,
        by_column=of_movies.get(BY_COLUMN),
    )


def _stored(array: Array) -> Array:
    if array.dtype != np.float32:
        return array
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), array) else array
