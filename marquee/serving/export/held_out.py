"""The recommender as it would have been before the validation period: every part fitted on train alone."""

from dataclasses import dataclass

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.facts import Titles
from marquee.data.tables.interactions import CONTEXT, TRAIN, Interactions
from marquee.models.features.movies import Movies
from marquee.models.neighbours import fitting as neighbours_fitting
from marquee.models.ranking import fitting as ranking_fitting
from marquee.models.ranking import rows
from marquee.models.ranking.dcn import Dcn, ExportedDcn
from marquee.models.retrieval import fitting as retrieval_fitting
from marquee.pipeline import paths
from marquee.pipeline.params import Neighbours, PreprocessData, Ranking, Retrieval, read_best
from marquee.serving.export import conversion
from marquee.serving.export.trained import of_every_movie
from marquee.serving.recommender.bundle import Bundle, Settings
from marquee.serving.recommender.catalogue_index import CatalogueIndex
from marquee.serving.recommender.sources import similar

FITTED = (TRAIN,)
"""The validation period is what these models are asked about."""


@dataclass(frozen=True)
class Winners:
    """What the three sweeps chose."""

    retrieval: Retrieval
    ranking: Ranking
    neighbours: Neighbours

    @classmethod
    def read(cls) -> "Winners":
        """What `models/*/best_params.yaml` hold."""
        return cls(
            read_best(Retrieval, paths.RETRIEVAL.best_params),
            read_best(Ranking, paths.RANKING.best_params),
            read_best(Neighbours, paths.NEIGHBOURS.best_params),
        )


def build(
    table: Interactions,
    catalogue: Catalogue,
    titles: Titles,
    winners: Winners,
    preprocessing: PreprocessData,
    popular_days: int,
    seed: int,
) -> Bundle:
    """Fit all parts on the train period and put them together as the service reads them."""
    with_context = table.in_periods(*FITTED, CONTEXT)
    two_tower = retrieval_fitting.fit(
        with_context, catalogue, winners.retrieval, preprocessing, seed, lambda *_: None
    )
    tower, retrieval = two_tower.model.query_tower, winners.retrieval
    query = conversion.query_function(tower, retrieval.history_length, retrieval.embedding_dim)
    ranker = ExportedDcn(_fit_dcn(table, catalogue, winners.ranking, preprocessing, seed))
    left = of_every_movie(table, FITTED, catalogue, winners.ranking, preprocessing, popular_days, seed)
    return Bundle(
        settings=settings_of(winners.retrieval, winners.neighbours, preprocessing),
        query_tower=conversion.to_bytes(query, tower.variables),
        dcn=conversion.to_bytes(ranker.predict, ranker.model.variables),
        index=CatalogueIndex(
            two_tower.candidate_embeddings(),
            left.ranking_id_row,
            left.popular,
            Movies(catalogue, left.statistics),
            titles,
        ),
        of_sources={
            similar.NEIGHBOURS.name: neighbours_fitting.fit(table.in_periods(*FITTED), winners.neighbours)
        },
    )


def settings_of(retrieval: Retrieval, neighbours: Neighbours, preprocessing: PreprocessData) -> Settings:
    """What inference must know of how the models were fitted."""
    return Settings(
        history_length=retrieval.history_length,
        embedding_dim=retrieval.embedding_dim,
        positive_rating=preprocessing.positive_rating,
        other_weight=neighbours.other_weight,
        disliked_below=neighbours.disliked_below,
        disliked_weight=neighbours.disliked_weight,
    )


def _fit_dcn(
    table: Interactions, catalogue: Catalogue, ranking: Ranking, preprocessing: PreprocessData, seed: int
) -> Dcn:
    known = rows.known_movies(table, FITTED, preprocessing)
    training = rows.training_rows(
        table, FITTED, catalogue, ranking.factors, ranking.blocks, preprocessing, seed
    )
    return ranking_fitting.fit(training, catalogue, known, ranking, seed, lambda *_: None)
