"""What training left of every movie beside the models' weights, gathered for inference."""

from stages.data.catalogue import Catalogue
from stages.data.interactions import Interactions
from stages.evaluation.baselines import fit_recent_popularity
from stages.params import PreprocessData, Ranking
from stages.ranking import data
from stages.ranking.dcn import Dcn
from stages.retrieval.batches import known_movies
from stages.serving.catalogue_index import Trained


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
        popular_days: what "popular now" looks back on.
        seed: of the movie factors.
    """
    fitted = interactions.in_periods(*periods)
    known = known_movies(fitted, preprocessing.min_movie_interactions)
    return Trained(
        statistics=data.final_movies(interactions, periods, catalogue, ranking.factors, seed).statistics,
        retrieval_id_row=known.id_rows(len(catalogue)),
        ranking_id_row=Dcn.id_rows(data.known_movies(interactions, periods, preprocessing)),
        popular=fit_recent_popularity(fitted, popular_days).scores,
    )
