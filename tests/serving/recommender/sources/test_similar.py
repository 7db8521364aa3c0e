import numpy as np

from marquee.models.neighbours.item_item import ItemItem
from marquee.serving.recommender.sources.similar import neighbours_score


def test_scores_are_sums_in_standard_deviations_of_the_catalogue():
    # 0 -> 1 by 1, 2 -> 1 by 2; the history holds 0 at strength 1 and 2 at strength 0.5: movie 1 sums up to 2.
    neighbours = ItemItem(np.array([0, 1, 1, 2]), np.array([1, 1], np.int32), np.array([1, 2], np.float32))
    scores = neighbours_score(
        neighbours, np.array([0, 2], np.int32), np.array([1, 0.5], np.float32), num_movies=4
    )
    # Sums (0, 2, 0, 0): mean 0.5, variance 1 - 0.25.
    np.testing.assert_allclose(scores, [0, 2 / np.sqrt(0.75), 0, 0], rtol=1e-6)


def test_without_a_history_nothing_is_similar():
    neighbours = ItemItem(np.zeros(5, np.int64), np.array([], np.int32), np.array([], np.float32))
    empty = neighbours_score(neighbours, np.array([], np.int32), np.array([], np.float32), 4)
    assert empty.tolist() == [0, 0, 0, 0]
