"""What every job of the worlds needs, opened once in each process: the bundle and the simulator behind it."""

import functools
from dataclasses import dataclass

from benchmarks.simulation import crowd
from benchmarks.simulation.crowd import Nature
from marquee.data.tables import interactions
from marquee.data.tables.interactions import TEST, Interactions
from marquee.pipeline import params, paths
from marquee.pipeline.arrays import Float32
from marquee.pipeline.params import Params
from marquee.serving.recommender import bundle
from marquee.serving.recommender.bundle import Packaged
from marquee.serving.recommender.recommender import Recommender


class WorldsError(ValueError):
    """The worlds cannot be run; the message says what to do."""


@dataclass(frozen=True)
class Lab:
    """The committed bundle and the simulator of its data.

    Attributes:
        params: of params.yaml.
        packaged: the bundle.
        recommender: that answers from it.
        nature: the simulator.
        table: all interactions.
        ratings: (n,) of each film that training saw.
        rows_of: movie_id -> row of the catalogue.
    """

    params: Params
    packaged: Packaged
    recommender: Recommender
    nature: Nature
    table: Interactions
    ratings: Float32
    rows_of: dict[int, int]


@functools.cache
def opened() -> Lab:
    """Open the bundle and the simulator.

    Raises:
        WorldsError: the data is not the sample, whose simulator alone is known.
    """
    given = params.read()
    if given.data.source != "sample":
        raise WorldsError(
            f'data.source is "{given.data.source}"; the truth is known of "sample" alone: set that.'
        )
    packaged = bundle.open_packaged(paths.BUNDLE)
    recommender = Recommender(packaged.bundle, packaged.recommender)
    rows_of = {movie_id: row for row, movie_id in enumerate(recommender.index.titles.movie_id)}
    table = interactions.read(paths.PROCESSED.interactions)
    since = int(table.timestamp[table.period == TEST].min())
    nature = crowd.nature_of(paths.SAMPLE_FILMS, given.sample, since, given.seed)
    films = range(len(nature.films.fame))
    if any(rows_of.get(film + 1) != film for film in films):
        raise WorldsError("The bundle's catalogue is not the sample's. Run `dvc repro`.")
    return Lab(
        given, packaged, recommender, nature, table, recommender.index.movies.statistics.count, rows_of
    )
