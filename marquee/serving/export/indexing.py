"""The catalogue's index: embeddings and statistics of the movies of the data, and of movies added later."""

from dataclasses import replace

import numpy as np

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.facts import Titles
from marquee.models.features.movies import Movies
from marquee.models.ranking.movie_statistics import of_new_movies
from marquee.serving.export import embeddings
from marquee.serving.recommender.catalogue_index import CatalogueIndex, Trained
from marquee.serving.recommender.litert import LiteRtModel


def index_known(
    tower: LiteRtModel, catalogue: Catalogue, trained: Trained, titles: Titles, half: bool
) -> CatalogueIndex:
    """The index of the movies of the data.

    Args:
        tower: the exported candidate tower.
        catalogue: facts of these movies.
        trained: what training knows of them.
        titles: what a page shows of them.
        half: whether embeddings are rounded to what float16 holds.
    """
    return CatalogueIndex(
        candidates=embeddings.embed(tower, catalogue, trained.retrieval_id_row, half),
        ranking_id_row=trained.ranking_id_row,
        popular=trained.popular,
        movies=Movies(_served(catalogue), trained.statistics),
        titles=titles,
    )


def index_new(
    tower: LiteRtModel, catalogue: Catalogue, trained: Trained, titles: Titles, half: bool
) -> CatalogueIndex:
    """The index of movies that training never saw: all that is known of them is their content.

    Args:
        tower, half: as for `index_known`.
        catalogue: facts of the new movies.
        trained: what training knows of the other movies.
        titles: what a page shows of the new movies.
    """
    no_id = np.zeros(len(catalogue), dtype=np.int32)
    return CatalogueIndex(
        candidates=embeddings.embed(tower, catalogue, no_id, half),
        ranking_id_row=no_id,
        popular=np.zeros(len(catalogue), dtype=np.float32),
        movies=Movies(_served(catalogue), of_new_movies(trained.statistics, catalogue)),
        titles=titles,
    )


def _served(catalogue: Catalogue) -> Catalogue:
    """What the ranker reads of the catalogue: only the candidate tower reads the names."""
    return replace(catalogue, names=catalogue.names[:, :0])
