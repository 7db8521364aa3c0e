import numpy as np
import pytest

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import TRAIN, VALIDATION, Interactions
from marquee.evaluation.measures import events
from marquee.models.features.history import in_years
from marquee.models.ranking.rows import Rows
from marquee.models.retrieval.batches import Histories
from marquee.serving.variants import variant_quality
from marquee.serving.variants.variant_quality import Answers, Questions

MOVIES, DIM = 150, 2
TIMES = np.array([100, 200, 300, 400, 100, 250], np.int64)
# One person watches 5, 6, 7, 8; another 9, then 5. The last two of the first and the last of the other are
# asked.
TABLE = Interactions(
    user_index=np.array([0, 0, 0, 0, 1, 1], np.int32),
    movie_index=np.array([5, 6, 7, 8, 9, 5], np.int32),
    half_stars=np.array([8, 8, 10, 4, 8, 8], np.uint8),
    timestamp=TIMES,
    period=np.array([TRAIN, TRAIN, VALIDATION, VALIDATION, TRAIN, VALIDATION], np.uint8),
    num_users=2,
    num_movies=MOVIES,
)
FACTS = Catalogue(
    genres=np.tile(np.arange(MOVIES, dtype=np.float32)[:, None], 2),
    language=np.zeros((MOVIES, 1), np.float32),
    text=np.zeros((MOVIES, 1), np.float32),
    release=np.full(MOVIES, 2000, np.float32),
    names=np.zeros((MOVIES, 0), np.int32),
)
FEATURES = np.arange(6, dtype=np.float32).reshape(3, 2)
EMBEDDINGS = np.stack([np.arange(MOVIES), np.ones(MOVIES), np.zeros(MOVIES)], axis=1).astype(np.float32)


@pytest.fixture
def asked() -> Questions:
    some = events.of_period(TABLE, VALIDATION, max_users=9, seed=1)
    rows = Rows(FEATURES, TABLE.movie_index[some.rows], TABLE.rating[some.rows])
    id_rows = np.arange(MOVIES, dtype=np.int32) * 10
    return variant_quality.questions(Histories(TABLE, FACTS), some, length=4, rows=rows, id_rows=id_rows)


def test_the_query_tower_is_asked_one_history_at_a_time(asked: Questions):
    calls = []

    def query_tower(**inputs: np.ndarray) -> np.ndarray:
        calls.append(inputs)
        return np.array([[len(calls), 0, 0]], np.float32)

    answers = variant_quality.ask(query_tower, lambda **_: np.zeros(3), EMBEDDINGS, DIM, asked)
    assert answers.queries.tolist() == [[1, 0, 0], [2, 0, 0], [3, 0, 0]]
    shapes = {name: values.shape for name, values in calls[0].items()}
    assert shapes == {
        "vectors": (1, 4, DIM),
        "features": (1, 4, asked.batch["features"].shape[2]),
        "read_at": (1,),
        "context": (1, asked.batch["context"].shape[1]),
        "now": (1,),
    }
    # Two, three and one movies are in the histories; a vector begins with its movie's number.
    assert [int(call["read_at"][0]) for call in calls] == [2, 3, 1]
    seen = [call["vectors"][0, : int(call["read_at"][0]), 0].tolist() for call in calls]
    assert seen == [[5, 6], [5, 6, 7], [9]]
    assert [call["now"][0] for call in calls] == in_years(TIMES[[2, 3, 5]]).tolist()


def test_the_ranker_is_asked_all_at_once_with_the_rows_of_the_movies(asked: Questions):
    def dcn(features: np.ndarray, content: np.ndarray, id_row: np.ndarray) -> np.ndarray:
        assert features is asked.rows.features
        assert content.tolist() == [[7, 7, 0], [8, 8, 0], [5, 5, 0]]
        assert id_row.tolist() == [70, 80, 50]
        return np.array([1.0, 2.0, 3.0])

    answers = variant_quality.ask(lambda **_: np.zeros((1, 3)), dcn, EMBEDDINGS, DIM, asked)
    assert answers.stars.tolist() == [1, 2, 3]


def test_accuracy_is_the_share_of_liked_movies_among_the_100_best_unseen(asked: Questions):
    # 5.0, 2.0 and 4.0 stars were given: the second is not asked about. A query of -1 orders movies by their
    # number: 7 comes sixth after the seen 5 and 6 are gone. One of +1 puts 5 behind 144 others.
    queries = np.array([[-1, 0, 0], [-1, 0, 0], [1, 0, 0]], np.float32)
    answers = Answers(queries, EMBEDDINGS, np.zeros(3, np.float32))
    assert variant_quality.top_100_accuracy(answers, asked, positive_rating=4.0) == 0.5
    assert variant_quality.top_100_accuracy(answers, asked, positive_rating=4.5) == 1.0


def test_rmse_is_over_all_events(asked: Questions):
    stars = np.array([4.0, 2.0, 2.0], np.float32)  # 1, 0 and 2 beside what was given
    answers = Answers(np.zeros((3, 3), np.float32), EMBEDDINGS, stars)
    assert variant_quality.rmse(answers, asked) == pytest.approx(np.sqrt(5 / 3))


def test_differences_are_the_largest_over_events_and_catalogue():
    zeros = np.zeros((300, 3), np.float32)
    expected = Answers(zeros, EMBEDDINGS, np.zeros(300, np.float32))
    queries, stars = zeros.copy(), np.zeros(300, np.float32)
    queries[299, 0] = -0.5  # the last of 300 events, movie 149: -0.5 x 149
    stars[7] = -0.25
    other = Answers(queries, EMBEDDINGS, stars)
    assert variant_quality.score_difference(other, expected) == 74.5
    assert variant_quality.rating_difference(other, expected) == 0.25
    queries[0, 0] = np.nan
    assert np.isnan(variant_quality.score_difference(other, expected))
