"""What sweeps of candidate sources are judged by: which movies they find on the validation period."""

from marquee.data.tables.interactions import VALIDATION, Interactions
from marquee.evaluation.measures import events, ranks
from marquee.evaluation.measures.events import Events
from marquee.evaluation.measures.rank_metrics import TOP_100
from marquee.evaluation.measures.ranks import Scorer


def positive_events(interactions: Interactions, positive_rating: float, max_users: int, seed: int) -> Events:
    """Events of the validation period that are rated at least `positive_rating` and have a history.

    Args:
        interactions: the table, test left out.
        positive_rating: in stars.
        max_users: where more people than this are active in the period, a draw by `seed`.
        seed: for that draw.
    """
    asked = events.of_period(interactions, VALIDATION, max_users, seed)
    return asked.only((interactions.rating[asked.rows] >= positive_rating) & asked.has_history)


def accuracy(scorer: Scorer, interactions: Interactions, asked: Events) -> float:
    """Top-100 accuracy: share of the events whose movie is among the best-scored of the whole catalogue."""
    return TOP_100.mean(ranks.rank_events(scorer, interactions, asked, progress=False))
