"""What can be prepared, but will mislead whoever reads the metrics: said before anything is trained."""

from marquee.pipeline.arrays import Float32, Int64

LIST = 100
"""Movies of the lists that retrieval is measured by."""

DAY = 86_400


def of(rating: Float32, timestamp: Int64, movies: int) -> list[str]:
    """Cautions, each with its cause and what to do.

    Args:
        rating: (n,) stars.
        timestamp: (n,) seconds since 1970.
        movies: in the catalogue.
    """
    found = []
    if movies <= LIST:
        found.append(
            f"{movies} movies: a list of {LIST} holds them all, so that top-{LIST} accuracy is 1 for every "
            "model and none is above popularity: set requirements.retrieval_above_popularity below 0"
        )
    if len(rating) and rating.min() == rating.max():
        found.append(
            f"all ratings are {rating[0]:g}: they say who watched what, and nothing of how it was liked. "
            "Retrieval learns from that; the ranking model cannot: its RMSE and AUC mean nothing, and "
            "retrieval_only in metrics/evaluate_recommender.json is the list to judge"
        )
    if len(timestamp) and not (timestamp % DAY).any():
        found.append(
            "all times are whole days: the order within a day is that of the ids, so that a history may "
            "hold what was rated later on its day. Give the times in seconds if there are any"
        )
    return found
