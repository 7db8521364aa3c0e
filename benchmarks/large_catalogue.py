"""The service over as many movies as MovieLens-25M has: real shapes, repeated facts, untrained weights.

Speed and memory depend on the number of movies and the sizes of the models, not on what they learned.
"""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.workload import Workload
from stages import paths, weights
from stages.data import catalogue, interactions
from stages.data.catalogue import Catalogue
from stages.data.interactions import TRAIN, VALIDATION, Interactions
from stages.serving import bundle

NUM_MOVIES = 62_423
EXPORT = "stages.serving.export"
KEPT = (paths.PARAMS, Path("bentofile.yaml"), paths.RETRIEVAL.best_params, paths.RANKING.best_params)


class LargeCatalogueError(ValueError):
    """The larger models could not be exported; the message holds what the stage said."""


def lay_out(root: Path, folder: Path, work: Workload, num_movies: int) -> None:
    """A folder that `bentoml serve` takes for the repository, with the larger bundle in it.

    Args:
        root: the repository, its bundle packaged.
        folder: an empty folder.
        work: the processed tables to start from.
        num_movies: size of the catalogue.

    Raises:
        LargeCatalogueError: exporting failed.
    """
    root = root.resolve()
    (folder / "stages").symlink_to(root / "stages")
    for kept in KEPT:
        (folder / kept).parent.mkdir(parents=True, exist_ok=True)
        (folder / kept).write_bytes((root / kept).read_bytes())
    rows = np.arange(num_movies) % len(work.movies)
    titles = pq.read_table(root / paths.PROCESSED.movies).take(pa.array(rows))
    new_ids = pa.array(np.arange(num_movies), titles.schema.field("movie_id").type)
    titles = titles.set_column(titles.schema.get_field_index("movie_id"), "movie_id", new_ids)
    movies, table = repeated(work.movies, rows), spread_over(work.table, num_movies, work.seed)
    with contextlib.chdir(folder):
        interactions.write(table, paths.PROCESSED.interactions)
        catalogue.write(movies, paths.PROCESSED.movie_features)
        pq.write_table(titles, paths.PROCESSED.movies)
        save_untrained(work, table, movies)
        _export()
        files: dict[str, Path | bytes] = {path.name: path for path in paths.EXPORTED.folder.iterdir()}
        files[bundle.RECOMMENDER] = root / paths.BUNDLE / bundle.RECOMMENDER
        bundle.write(files, paths.BUNDLE)


def repeated(movies: Catalogue, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Catalogue:
    """These rows of a catalogue, repeats allowed."""
    return Catalogue(movies.genres[rows], movies.language[rows], movies.text[rows], movies.release[rows])


def spread_over(table: Interactions, num_movies: int, seed: int) -> Interactions:
    """The same people at the same times with movies drawn from a larger catalogue, each as likely."""
    movie = np.random.default_rng(seed).integers(0, num_movies, len(table)).astype(np.int32)
    order = np.lexsort((movie, table.timestamp, table.user_index))
    return Interactions(
        table.user_index,
        movie[order],
        table.half_stars,
        table.timestamp,
        table.period,
        table.num_users,
        num_movies,
    )


def save_untrained(work: Workload, table: Interactions, movies: Catalogue) -> None:
    """Both models as they are before training."""
    from stages.ranking import data
    from stages.ranking.dcn import Dcn
    from stages.retrieval import fitting
    from stages.runtime import start_tensorflow

    start_tensorflow(work.seed, work.threads)
    fitted = (TRAIN, VALIDATION)
    two_tower = fitting.build(table.in_periods(*fitted), movies, work.retrieval, work.preprocessing)
    weights.write(two_tower.model, paths.RETRIEVAL.weights)
    dcn = Dcn(movies, data.known_movies(table, fitted, work.preprocessing), work.ranking)
    weights.write(dcn, paths.RANKING.weights)


def _export() -> None:
    """Run the stage where we stand; nothing imports a stage."""
    done = subprocess.run(
        [sys.executable, "-m", EXPORT],
        env=os.environ | {"PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LargeCatalogueError(f"`python -m {EXPORT}` failed on a large catalogue:\n{done.stderr[-2000:]}")
