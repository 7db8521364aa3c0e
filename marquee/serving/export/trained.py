"""What training left of every movie beside the models' weights, gathered for inference."""

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import Interactions
from marquee.models.baselines.baselines import fit_recent_popularity
from marquee.models.ranking import rows
from marquee.models.ranking.dcn import Dcn
from marquee.models.retrieval.batches import known_movies
from marquee.pipeline.params import PreprocessData, Ranking
from marquee.serving.recommender.catalogue_index import Trained


def of_every_movie(
    interactions: Interactions,
    periods: tuple[int, ...],
    catalogue: Catalogue,
    ranking: Ranking,
    preprocessing: PreprocessData,
    popular_days: int,
    seed: int,
) -> Trained:
    """Gather it.

    Args:
        interactions: the whole table.
        periods: those the models were fitted on.
        catalogue: facts of all movies.
        ranking: the DCN's knobs.
        preprocessing: which movies have an id of their own.
        popular_days: how far back popularity looks.
        seed: of the movie factors.
    """
    fitted = interactions.in_periods(*periods)
    known = known_movies(fitted, preprocessing.min_movie_interactions)
    return Trained(
        statistics=rows.final_movies(interactions, periods, catalogue, ranking.factors, seed).statistics,
        retrieval_id_row=known.id_rows(len(catalogue)),
        ranking_id_row=Dcn.id_rows(rows.known_movies(interactions, periods, preprocessing)),
        popular=fit_recent_popularity(fitted, popular_days).scores,
    )
