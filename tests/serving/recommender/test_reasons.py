"""Why a movie is shown, which movies are similar, and in which order equal ones stand."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from marquee.data.tables.facts import Titles
from marquee.models.features.person import History
from marquee.models.neighbours.item_item import ItemItem
from marquee.pipeline.arrays import Float32
from marquee.serving.recommender.catalogue_filter import Wanted
from marquee.serving.recommender.reasons import in_common
from marquee.serving.recommender.recommender import Recommender
from marquee.serving.recommender.sources import registry, similar
from tests.fixtures.tiny_pipeline import MOVIES, NOW, VALUES, Tiny

EVERY = MOVIES + 1
"""One movie was added."""
With = Callable[..., Recommender]


@pytest.fixture
def with_vectors(tiny: Tiny) -> With:
    """A recommender with given vectors, those of all other movies being 0, and given item-item weights."""

    def make(
        vectors: dict[int, list[float]], weights: dict[tuple[int, int], float] | None = None, **knobs: float
    ) -> Recommender:
        index = tiny.bundle.index
        candidates = np.zeros_like(index.candidates)
        for row, vector in vectors.items():
            candidates[row, : len(vector)] = vector
        bundle = replace(
            tiny.bundle,
            index=replace(index, candidates=candidates, by_column=None),
            of_sources={**tiny.bundle.of_sources, similar.NEIGHBOURS.name: item_item(weights or {})},
        )
        rules = {"genre_at_most": EVERY, "below_mean": 5.0, **knobs}
        made = Recommender(bundle, VALUES.model_copy(update=rules))
        made.catalogue_filter.has_genre = np.ones((EVERY, 1), dtype=bool)  # all have it in common
        return made

    return make


def item_item(weights: dict[tuple[int, int], float]) -> ItemItem:
    pairs = sorted(weights)
    counts = np.bincount([movie for movie, _ in pairs], minlength=EVERY)
    return ItemItem(
        np.append(0, np.cumsum(counts)),
        np.array([other for _, other in pairs], np.int32),
        np.array([weights[pair] for pair in pairs], np.float32),
    )


def liked(*movies: int, stars: float = 5.0) -> History:
    count = len(movies)
    return History(np.array(movies, np.int32), np.full(count, stars, np.float32), np.arange(NOW - count, NOW))


def reasons(recommender: Recommender, history: History, *shown: int) -> list[int]:
    return recommender.reasons(history, np.array(shown, np.int32)).tolist()


def test_the_reason_is_the_liked_movie_with_the_largest_weight(with_vectors: With):
    recommender = with_vectors({}, {(3, 50): 0.2, (4, 50): 0.7, (9, 50): 0.9, (4, 60): -0.4})
    history = History(
        np.array([3, 4, 9], np.int32), np.array([5, 4, 3.5], np.float32), np.arange(NOW - 3, NOW)
    )
    # 9 was not liked; what speaks against a movie is no reason for it.
    assert reasons(recommender, history, 50, 60, 70) == [4, -1, -1]


def test_of_equal_weights_the_movie_first_in_the_catalogue_is_the_reason(with_vectors: With):
    recommender = with_vectors({}, {(3, 50): 0.5, (4, 50): 0.5})
    assert reasons(recommender, liked(4, 3), 50) == [3]


@pytest.mark.parametrize(
    ("vector", "reason"),
    [
        ([0.6, 0.8, 0, 0], 3),  # cosine 0.6
        ([0.5, 0.5, 0.5, 0.5], 3),  # 0.5, from which on a likeness is one
        ([0.48, 0.6, 0.64, 0], -1),
        ([-1, 0, 0, 0], -1),
        ([0, 0, 0, 0], -1),  # of nothing known
    ],
)
def test_without_weights_a_liked_movie_is_the_reason_if_it_is_like_enough(
    with_vectors: With, vector: list[float], reason: int
):
    recommender = with_vectors({3: [2, 0, 0, 0], 50: vector})
    assert reasons(recommender, liked(3), 50) == [reason]
    assert reasons(recommender, liked(3, stars=3.5), 50) == [-1]


def test_without_weights_the_movie_most_alike_is_the_reason(with_vectors: With):
    recommender = with_vectors({3: [0.6, 0.8], 4: [0.8, 0.6], 50: [1, 0]})
    assert reasons(recommender, liked(3, 4), 50) == [4]


def test_any_weight_speaks_louder_than_a_likeness(with_vectors: With):
    recommender = with_vectors({3: [1, 0], 50: [1, 0]}, {(4, 50): 0.001})
    assert reasons(recommender, liked(3, 4), 50) == [4]


def test_a_movie_without_a_genre_in_common_is_no_reason_however_much_it_weighs(with_vectors: With):
    recommender = with_vectors({}, {(3, 50): 0.9, (4, 50): 0.1, (3, 51): 0.9})
    recommender.catalogue_filter.has_genre = np.eye(EVERY, dtype=bool)
    recommender.catalogue_filter.has_genre[50, 4] = True
    assert reasons(recommender, liked(3, 4), 50, 51) == [4, -1]


def test_one_liked_movie_is_named_three_times_then_the_next_then_none(with_vectors: With):
    weights = {(3, shown): 0.9 for shown in range(50, 56)} | {(4, shown): 0.1 for shown in range(50, 54)}
    recommender = with_vectors({}, weights)
    assert reasons(recommender, liked(3, 4), *range(50, 56)) == [3, 3, 3, 4, -1, -1]


def test_reasons_are_found_for_movies_in_any_order(tiny: Tiny):
    recommender = Recommender(tiny.bundle, VALUES)
    history, _ = recommender.history([15, 25, 35], [5.0, 4.5, 1.0], None, NOW)
    for shown in ([900, 20, 400], [20, 400, 900]):
        assert reasons(recommender, history, *shown) == [
            reason for movie in shown for reason in reasons(recommender, history, movie)
        ]


def test_what_two_movies_share_is_people_first_then_genres_and_two_at_most():
    titles = Titles(
        [1, 2, 3], ["A", "B", "C"], [1990, 1991, 1992],
        [["Drama", "War"], ["War", "Drama", "Horror"], ["Musical"]], ["en"] * 3,
        [["Ann"], ["Ann"], ["Bob"]], [["Cid", "Dot"], ["Dot"], ["Cid"]],
    )  # fmt: skip
    assert in_common(titles, 0, 1) == ["Ann", "Dot"]
    assert in_common(titles, 0, 2) == ["Cid"]
    assert in_common(titles, 1, 2) == []
    nobody = replace(titles, directors=[[]] * 3, cast=[[]] * 3)
    assert in_common(nobody, 0, 1) == ["Drama", "War"]


def test_similar_are_all_movies_but_the_one_itself(recommender: Recommender):
    best, _ = recommender.similar(3, EVERY)
    assert sorted(best.tolist()) == [row for row in range(EVERY) if row != 3]


def test_similar_movies_are_the_closest_first_and_filtered_and_the_movie_itself_never(
    tiny: Tiny, recommender: Recommender
):
    genres = tiny.bundle.titles.genres
    movie = next(row for row, names in enumerate(genres) if names == ["Horror"])
    best, likeness = recommender.similar(movie, 20, Wanted(genres=frozenset({"Horror"})))
    assert len(best) == 20
    assert movie not in best  # though the filter lets it through
    assert likeness.tolist() == sorted(likeness.tolist(), reverse=True)
    assert {tuple(genres[row]) for row in best} == {("Horror",)}


def test_similarity_adds_cosine_and_weights_each_in_its_standard_deviation(with_vectors: With):
    recommender = with_vectors({0: [1, 0], 1: [3, 4], 2: [0, 2]}, {(0, 2): 0.5})
    best, likeness = recommender.similar(0, 3)
    cosines, weights = np.zeros(EVERY), np.zeros(EVERY)
    cosines[:3], weights[2] = [1, 0.6, 0], 0.5
    expected: Float32 = cosines / cosines.std() + weights / weights.std()
    assert best.tolist() == [2, 1, 3]  # the weight of one is worth more here; of the others 3 is the first
    np.testing.assert_allclose(likeness, expected[best], rtol=1e-5)


def test_movies_with_equal_scores_are_served_in_order_of_the_catalogue(with_vectors: With):
    alike = with_vectors({}, two_tower_quota=200, popular_quota=0, rating_weight=0.0)
    shown = [movie.movie_index for movie in alike.recommend(liked(1, 3), NOW, 60)]
    assert shown == [row for row in range(62) if row not in (1, 3)]


def test_a_movie_counts_by_how_it_was_rated(with_vectors: With):
    recommender = with_vectors({}, {(3, 50): 0.5, (4, 51): 0.5, (9, 52): 0.5}, two_tower_quota=200)
    history = History(
        np.array([3, 4, 9], np.int32), np.array([5, 1, 3.5], np.float32), np.arange(NOW - 3, NOW)
    )
    gathered = recommender.candidates(history, NOW)
    scores = gathered.scores[registry.names().index("similar")]
    liked_, disliked, other = (scores[gathered.movie_index == movie][0] for movie in (50, 51, 52))
    assert disliked / liked_ == pytest.approx(recommender.bundle.settings.disliked_weight)
    assert other / liked_ == pytest.approx(recommender.bundle.settings.other_weight)


def test_genres_that_are_asked_for_may_fill_the_list_and_others_may_not(with_vectors: With):
    recommender = with_vectors(
        {}, two_tower_quota=200, popular_quota=0, rating_weight=0.0, genre_at_most=2, genre_among=10
    )
    recommender.catalogue_filter.genres = ["Asked", "Other"]
    recommender.catalogue_filter.has_genre = np.ones((EVERY, 2), dtype=bool)
    recommender.catalogue_filter.has_genre[5:, 1] = False  # the first five have another genre too
    ranked = recommender.rank(liked(55, 56), NOW, Wanted(genres=frozenset({"Asked"})))
    assert ranked.movie_index[:4].tolist() == [0, 1, 5, 6]
