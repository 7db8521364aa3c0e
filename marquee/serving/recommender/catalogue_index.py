"""The catalogue as inference reads it: a row per movie in every array, and what a page shows.

`index_catalogue` writes one index of the data's movies and one of those added later; joined they are the
catalogue. What training knows of each movie comes from `export_models`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.facts import Titles
from marquee.models.features.movies import Movies, MovieStatistics
from marquee.pipeline import arrays, paths
from marquee.pipeline.arrays import Array, Float32, Int32
from marquee.pipeline.files import write_text

OF_ALL = ("global_mean", "content_weights", "taste_weights")
"""Fields of MovieStatistics that have no row per movie."""


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
    """

    candidates: Float32
    ranking_id_row: Int32
    popular: Float32
    movies: Movies
    titles: Titles

    def __len__(self) -> int:
        return len(self.candidates)

    def followed_by(self, added: "CatalogueIndex") -> "CatalogueIndex":
        """The movies of both, those of `added` behind."""
        first, then = _arrays(self), _arrays(added)
        joined = {
            name: first[name] if name in OF_ALL else np.concatenate([first[name], then[name]])
            for name in first
        }
        return _index(joined, self.titles.followed_by(added.titles))


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
        f"{json.dumps(name)}: {json.dumps(values, ensure_ascii=False)}"
        for name, values in index.titles.columns().items()
    )
    write_text(to.titles, "{\n" + ",\n".join(columns) + "\n}\n")


def read(index: paths.Index) -> CatalogueIndex:
    """Read what `write` wrote.

    Raises:
        OSError, KeyError, ValueError, zipfile.BadZipFile: a file is missing or is not what was written.
    """
    stored = {
        name: array.astype(np.float32) if array.dtype == np.float16 else array
        for name, array in arrays.read(index.rows).items()
    }
    return _index(stored, Titles.of(json.loads(index.titles.read_text(encoding="utf-8"))))


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
    )


def _stored(array: Array) -> Array:
    if array.dtype != np.float32:
        return array
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), array) else array
