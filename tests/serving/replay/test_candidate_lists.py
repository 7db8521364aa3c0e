"""Candidates of several events, put in order at once."""

import numpy as np
import pytest

from marquee.data.tables.interactions import VALIDATION
from marquee.evaluation.measures import events
from marquee.evaluation.measures.rank_metrics import REMOVED
from marquee.serving.recommender.recommender import Recommender
from marquee.serving.recommender.sources import registry
from marquee.serving.replay import candidate_lists, histories
from marquee.serving.replay.candidate_lists import CandidateLists
from tests.fixtures.tiny_pipeline import VALUES, Tiny


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry without what may be added to it: two-tower, similar, popular."""
    monkeypatch.setattr(registry, "SOURCES", registry.SOURCES[:3])


@pytest.mark.usefixtures("three")
def test_ranks_weigh_the_scores_and_count_ties_against_the_movie():
    lists = CandidateLists(
        scores=np.array(
            [
                [[1, 2, 3], [1, 1, 9], [5, 5, 5]],  # of the two-tower
                [[4, 0, 0], [0, 0, 9], [0, 0, 0]],  # of the item-item weights
                [[7, 0, 9], [0, 0, 9], [9, 8, 7]],  # of popularity, which finds and does not rank
            ],
            np.float32,
        ),
        predicted_rating=np.array([[0, 0, 2], [0, 0, 9], [0, 0, 0]], np.float32),
        is_candidate=np.array([[True, True, True], [True, True, False], [True, True, True]]),
        target=np.array([0, 1, -1], np.int32),
    )
    by_retrieval = VALUES.model_copy(update={"similar_weight": 0.0, "rating_weight": 0.0})
    # 1 is the lowest of three; ties with the other candidate, the padding does not count; not among them.
    assert lists.ranks(by_retrieval).tolist() == [3, 2, REMOVED]
    # 1 + 4 w against 2 and 3: w = 0.6 lifts it to 3.4, the best.
    assert lists.ranks(by_retrieval.model_copy(update={"similar_weight": 0.6})).tolist()[0] == 1
    # 3.4 against 3 + 2 v: v = 0.5 makes the third 4.
    both = by_retrieval.model_copy(update={"similar_weight": 0.6, "rating_weight": 0.5})
    assert lists.ranks(both).tolist()[0] == 2


@pytest.mark.usefixtures("three")
def test_the_value_of_a_sweep_is_the_mean_ndcg_of_the_ranks():
    lists = CandidateLists(
        scores=np.zeros((3, 2, 1), np.float32),
        predicted_rating=np.zeros((2, 1), np.float32),
        is_candidate=np.ones((2, 1), bool),
        target=np.array([0, -1], np.int32),
    )
    reported: list[tuple[int, float]] = []
    # One movie in the first place, worth 1, and one that no source gave, worth nothing.
    assert lists.objective(VALUES, lambda epoch, value: reported.append((epoch, value))) == 0.5
    assert reported == [(1, 0.5)]
    assert lists.num_found == 1


def test_collected_candidates_rank_as_the_recommender_ranks_them(tiny: Tiny, recommender: Recommender):
    asked = histories.spread(events.of_period(tiny.interactions, VALIDATION, 1000, seed=1), 20)
    lists = candidate_lists.collect(recommender, tiny.interactions, asked)
    answered = histories.answer(recommender, tiny.interactions, asked, 10)
    np.testing.assert_array_equal(lists.ranks(VALUES), answered.rank)
    assert (answered.rank < REMOVED).any()
    assert (answered.rank == REMOVED).any()
