"""How long the service's own code takes for an answer, before anything is packaged."""

from marquee.data.tables.interactions import VALIDATION, Interactions
from marquee.evaluation.measures import events
from marquee.serving.packaging import gates
from marquee.serving.recommender.bundle import Packaged
from marquee.serving.replay import histories
from marquee.serving.service.answers import Answers

TIMED = 300
"""Histories that are asked: the 99th percentile of fewer is one slow answer."""
WARMED_UP = 20
"""Asked once before they are timed: the first answers of a process are the slowest."""


def time_answers(packaged: Packaged, interactions: Interactions, seed: int) -> list[float]:
    """Milliseconds of whole recommendations, for histories as long as those of the validation period.

    Args:
        packaged: what is to be served.
        interactions: the whole table.
        seed: of the draw of users.
    """
    answers = Answers(packaged)
    period = events.of_period(interactions, VALIDATION, interactions.num_users, seed)
    asked = histories.spread(period, TIMED)
    calls = [
        answers.request_of(*histories.of_event(interactions, asked, position))
        for position in range(len(asked))
    ]
    gates.milliseconds(calls[:WARMED_UP], answers.recommend)
    return gates.milliseconds(calls, answers.recommend)
