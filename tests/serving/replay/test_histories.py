"""Offline, the recommender is asked as the service asks it."""

import numpy as np
import pytest

from marquee.data.tables.interactions import TEST
from marquee.evaluation.measures import events
from marquee.evaluation.measures.rank_metrics import REMOVED
from marquee.serving.recommender.bundle import Packaged
from marquee.serving.recommender.recommender import Recommender
from marquee.serving.replay import histories
from marquee.serving.service.answers import Answers
from tests.fixtures.tiny_pipeline import VALUES, Tiny


def test_offline_ranking_equals_service_ranking_exactly(tiny: Tiny, recommender: Recommender):
    asked = events.of_period(tiny.interactions, TEST, 1000, seed=1)
    answered = histories.answer(recommender, tiny.interactions, asked, 10)
    service = Answers(Packaged(tiny.bundle, VALUES, "hash"))
    for position in range(len(asked)):
        history, now = histories.of_event(tiny.interactions, asked, position)
        response = service.recommend(*service.request_of(history, now))
        offline = recommender.recommend(history, now, 10)
        assert [movie.movie_id for movie in response.recommendations] == [
            10 * row + 5 for row in answered.shown[position]
        ]
        assert [movie.score for movie in response.recommendations] == [movie.score for movie in offline]
        assert [movie.predicted_rating for movie in response.recommendations] == [
            movie.predicted_rating for movie in offline
        ]


def test_ranks_are_places_in_the_order_shown_and_the_rest_is_removed(tiny: Tiny, recommender: Recommender):
    asked = histories.spread(events.of_period(tiny.interactions, TEST, 1000, seed=1), 30)
    answered = histories.answer(recommender, tiny.interactions, asked, 10)
    found = 0
    for position in range(len(asked)):
        history, now = histories.of_event(tiny.interactions, asked, position)
        target = tiny.interactions.movie_index[asked.rows[position]]
        ranked = recommender.rank(history, now)
        shown = ranked.movie_index.tolist()
        by_retrieval = ranked.movie_index[np.lexsort((ranked.movie_index, -ranked.retrieval_score))].tolist()
        if target in shown:
            found += 1
            assert answered.rank[position] == 1 + shown.index(target)
            assert answered.retrieval_rank[position] == 1 + by_retrieval.index(target)
        else:
            assert answered.rank[position] == answered.retrieval_rank[position] == REMOVED
        assert answered.shown[position].tolist() == shown[:10]
        assert answered.retrieved[position].tolist() == by_retrieval[:10]
    assert 0 < found < len(asked)


def test_the_history_of_an_event_is_strictly_earlier(tiny: Tiny):
    asked = events.of_period(tiny.interactions, TEST, 1000, seed=1)
    for position in range(len(asked)):
        history, now = histories.of_event(tiny.interactions, asked, position)
        assert now == tiny.interactions.timestamp[asked.rows[position]]
        assert (history.timestamp < now).all()
        user = tiny.interactions.user_index[asked.rows[position]]
        earlier = (tiny.interactions.user_index == user) & (tiny.interactions.timestamp < now)
        assert history.movie_index.tolist() == tiny.interactions.movie_index[earlier].tolist()


@pytest.mark.parametrize(("count", "rows"), [(3, [0, 2, 4]), (9, [0, 1, 2, 3, 4]), (1, [0])])
def test_spread_takes_events_from_first_to_last(count: int, rows: list[int]):
    column = np.arange(5)
    assert histories.spread(events.Events(column, column, column), count).rows.tolist() == rows
