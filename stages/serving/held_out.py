"""The recommender as it would have been before the validation period: every part fitted on train alone."""

from dataclasses import dataclass

from stages.data.catalogue import Catalogue
from stages.data.interactions import CONTEXT, TRAIN, Interactions
from stages.neighbours import fitting as neighbours_fitting
from stages.params import Neighbours, PreprocessData, Ranking, Retrieval
from stages.ranking import data
from stages.ranking import fitting as ranking_fitting
from stages.ranking.dcn import Dcn, ExportedDcn
from stages.ranking.movies import Movies
from stages.retrieval import fitting as retrieval_fitting
from stages.serving import conversion
from stages.serving.bundle import Bundle, Settings
from stages.serving.catalogue_index import CatalogueIndex, Titles
from stages.serving.trained import of_every_movie

FITTED = (TRAIN,)


@dataclass(frozen=True)
class Winners:
    """What the three sweeps chose."""

    retrieval: Retrieval
    ranking: Ranking
    neighbours: Neighbours


def build(
    table: Interactions,
    facts: Catalogue,
    titles: Titles,
    winners: Winners,
    preprocessing: PreprocessData,
    popular_days: int,
    seed: int,
) -> Bundle:
    """Fit all parts on the train period and put them together as the service reads them."""
    with_context = table.in_periods(*FITTED, CONTEXT)
    two_tower = retrieval_fitting.fit(
        with_context, facts, winners.retrieval, preprocessing, seed, lambda *_: None
    )
    values = two_tower.params
    tower = two_tower.model.query_tower
    query = conversion.query_function(tower, values.history_length, values.embedding_dim)
    ranker = ExportedDcn(_fit_dcn(table, facts, winners.ranking, preprocessing, seed))
    left = of_every_movie(table, FITTED, facts, winners.ranking, preprocessing, popular_days, seed)
    return Bundle(
        settings=settings_of(winners.retrieval, winners.neighbours, preprocessing),
        query_tower=conversion.to_bytes(query, tower.variables),
        dcn=conversion.to_bytes(ranker.predict, ranker.model.variables),
        neighbours=neighbours_fitting.fit(table.in_periods(*FITTED), winners.neighbours),
        index=CatalogueIndex(
            two_tower.candidate_embeddings(),
            left.ranking_id_row,
            left.popular,
            Movies(facts, left.statistics),
            titles,
        ),
    )


def settings_of(retrieval: Retrieval, neighbours: Neighbours, preprocessing: PreprocessData) -> Settings:
    """What inference must know of how the models were fitted."""
    return Settings(
        history_length=retrieval.history_length,
        embedding_dim=retrieval.embedding_dim,
        positive_rating=preprocessing.positive_rating,
        other_weight=neighbours.other_weight,
    )


def _fit_dcn(
    table: Interactions, facts: Catalogue, ranking: Ranking, preprocessing: PreprocessData, seed: int
) -> Dcn:
    known = data.known_movies(table, FITTED, preprocessing)
    rows = data.training_rows(table, FITTED, facts, ranking.factors, ranking.blocks, preprocessing, seed)
    return ranking_fitting.fit(rows, facts, known, ranking, seed, lambda *_: None)
