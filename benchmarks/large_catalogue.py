"""The service over as many movies as MovieLens-25M has: real shapes, repeated catalogue, untrained weights.

Speed and memory depend on the number of movies and the sizes of the models, not on what they learned.
"""

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import bundles
from benchmarks.workload import Workload
from marquee.data.tables import interactions
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import TRAIN, VALIDATION, Interactions
from marquee.models.neighbours import item_item
from marquee.models.neighbours.item_item import ItemItem
from marquee.models.training import weights
from marquee.pipeline import paths
from marquee.serving.recommender import bundle_files, manifest

NUM_MOVIES = 62_423
ALSO_PACKAGED = (bundle_files.RECOMMENDER, bundle_files.SERVING)
EXPORT, INDEX = "stages.export_models", "stages.index_catalogue"
KEPT = (
    paths.PARAMS,
    Path("bentofile.yaml"),
    paths.ADDITIONS,
    paths.PROCESSED.movie_encoder,
    *(model.best_params for model in (paths.RETRIEVAL, paths.RANKING, paths.NEIGHBOURS, paths.RECOMMENDER)),
)


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
    for code in ("marquee", "stages"):
        (folder / code).symlink_to(root / code)
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
        movies.write(paths.PROCESSED.movie_features)
        pq.write_table(titles, paths.PROCESSED.movies)
        save_untrained(work, table, movies)
        item_item.write(drawn_neighbours(num_movies, work), paths.NEIGHBOURS.weights)
        for stage in (EXPORT, INDEX):
            _run(stage)
        files: dict[str, Path | bytes] = dict(bundle_files.parts_of_pipeline(additions=True).named())
        packaged = root / paths.BUNDLE
        files |= {name: packaged / name for name in ALSO_PACKAGED}
        # Nobody measured these models: a card that says otherwise has the service refuse them.
        card = bundles.read(packaged, bundle_files.MODEL_CARD) | {"metrics": {}}
        files[bundle_files.MODEL_CARD] = json.dumps(card).encode()
        manifest.write(files, paths.BUNDLE)


def drawn_neighbours(num_movies: int, work: Workload) -> ItemItem:
    """As many item-item weights as a fit leaves, drawn at random: EASE itself would take a minute."""
    fitted = min(num_movies, work.neighbours.max_movies)
    kept = work.neighbours.kept_per_movie
    rng = np.random.default_rng(work.seed)
    counts = np.where(np.arange(num_movies) < fitted, kept, 0)
    neighbours = np.sort(rng.integers(0, fitted, (fitted, kept)), axis=1).astype(np.int32)
    weight = rng.normal(0, 0.1, fitted * kept).astype(np.float32)
    return ItemItem(np.append(0, np.cumsum(counts)), neighbours.ravel(), weight)


def repeated(movies: Catalogue, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Catalogue:
    """These rows of a catalogue, repeats allowed."""
    return Catalogue(*(getattr(movies, field.name)[rows] for field in fields(Catalogue)))


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
    from marquee.models.ranking import rows as data
    from marquee.models.ranking.dcn import Dcn
    from marquee.models.retrieval import fitting
    from marquee.models.training.runtime import start_tensorflow

    start_tensorflow(work.seed, work.threads)
    fitted = (TRAIN, VALIDATION)
    two_tower = fitting.build(table.in_periods(*fitted), movies, work.retrieval, work.preprocessing)
    weights.write(two_tower.model, paths.RETRIEVAL.weights)
    dcn = Dcn(movies, data.known_movies(table, fitted, work.preprocessing), work.ranking)
    weights.write(dcn, paths.RANKING.weights)


def _run(stage: str) -> None:
    """Run a stage where we stand; nothing imports one."""
    done = subprocess.run(
        [sys.executable, "-m", stage],
        env=os.environ | {"PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LargeCatalogueError(f"`python -m {stage}` failed on a large catalogue:\n{done.stderr[-2000:]}")
