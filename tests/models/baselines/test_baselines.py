"""Baselines against closed forms and naive loops."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from marquee.data.tables.interactions import TEST, TRAIN, VALIDATION
from marquee.evaluation.measures.events import of_period
from marquee.models.baselines import baselines, trees

DAY = 86_400


def test_popularity_counts_positive_ratings_only(table):
    fitted = table(
        (0, 0, 4.0, 1, TRAIN),
        (1, 0, 5.0, 2, TRAIN),
        (2, 1, 3.5, 3, TRAIN),
        (3, 1, 4.5, 4, TRAIN),
        num_movies=3,
    )
    assert baselines.fit_popularity(fitted, 4.0).scores.tolist() == [2, 1, 0]


def test_popularity_scores_every_event_alike(table):
    fitted = table((0, 1, 4.0, 1, TRAIN), (0, 0, 4.0, 2, TEST), (0, 2, 4.0, 3, TEST), num_movies=3)
    model = baselines.fit_popularity(fitted.in_periods(TRAIN), 4.0)
    scores = model.scorer(fitted)(of_period(fitted, TEST, 10, seed=0))
    assert scores.tolist() == [[0, 1, 0], [0, 1, 0]]


def test_recent_popularity_orders_by_recent_then_by_all_ratings(table):
    now = 1000 * DAY
    fitted = table(
        (0, 0, 5.0, 0, TRAIN),
        (1, 0, 5.0, 0, TRAIN),
        (2, 0, 5.0, 0, TRAIN),
        (0, 1, 2.0, now, TRAIN),
        (1, 2, 4.0, now - 10 * DAY, TRAIN),
        (2, 2, 4.0, 0, TRAIN),
        num_movies=4,
    )
    scores = baselines.fit_recent_popularity(fitted, recent_days=10).scores
    # Recent: movies 1 and 2 once each, 2 more often ever; movie 0 only long ago; movie 3 never.
    assert scores.argsort()[::-1].tolist() == [2, 1, 0, 3]
    assert len(set(scores.tolist())) == 4


def test_recent_popularity_looks_back_from_the_cutoff(table):
    fitted = table((0, 0, 5.0, 0, TRAIN), (1, 1, 5.0, 10 * DAY, TRAIN), (2, 0, 5.0, 0, TRAIN), num_movies=2)
    assert baselines.fit_recent_popularity(fitted, 5).scores.tolist() == [0, 1]
    assert baselines.fit_recent_popularity(fitted, 5, cutoff=30 * DAY).scores.tolist() == [1, 0]


def three_movies(table):
    # X = [[1, 1, 0], [0, 1, 1]]: X'X = [[1, 1, 0], [1, 2, 1], [0, 1, 1]].
    return table(
        (0, 0, 5.0, 1, TRAIN),
        (0, 1, 1.0, 2, TRAIN),
        (1, 1, 3.0, 1, TRAIN),
        (1, 2, 4.0, 2, TRAIN),
        (1, 2, 4.0, 3, TRAIN),
        num_movies=3,
    )


def test_ease_has_its_closed_form_on_three_movies(table):
    model = baselines.fit_ease(three_movies(table), regularization=1.0, max_movies=3)
    # X'X + I = [[2, 1, 0], [1, 3, 1], [0, 1, 2]], determinant 8, inverse
    # P = 1/8 [[5, -2, 1], [-2, 4, -2], [1, -2, 5]]; B[i, j] = -P[i, j] / P[j, j].
    expected = [[0, 2 / 4, -1 / 5], [2 / 5, 0, 2 / 5], [-1 / 5, 2 / 4, 0]]
    assert model.weights == pytest.approx(np.array(expected), abs=1e-6)
    assert model.cut_to is None


def test_ease_is_cut_to_the_most_popular_movies_and_says_so(table):
    model = baselines.fit_ease(three_movies(table), regularization=1.0, max_movies=2)
    assert model.movies.tolist() == [1, 2]
    assert model.cut_to == 2
    # X = [[1, 0], [1, 1]]: X'X + I = [[3, 1], [1, 2]], P = 1/5 [[2, -1], [-1, 3]].
    assert model.weights == pytest.approx(np.array([[0, 1 / 3], [1 / 2, 0]]), abs=1e-6)


@given(st.integers(1, 6), st.integers(1, 6), st.randoms(use_true_random=False))
def test_inverting_people_or_movies_is_the_same(people, movies, random):
    watched = np.array(
        [[random.randint(0, 1) for _ in range(movies)] for _ in range(people)], dtype=np.float32
    )
    inverse = baselines.inverse_gram(scipy.sparse.csr_array(watched), 2.0)
    assert inverse @ (watched.T @ watched + 2 * np.eye(movies)) == pytest.approx(np.eye(movies), abs=1e-9)


ROWS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 5),
        st.sampled_from([0.5, 2.0, 3.5, 5.0]),
        st.integers(0, 8),
        st.sampled_from([TRAIN, VALIDATION, TEST]),
    ),
    min_size=2,
    max_size=30,
    unique_by=lambda row: (row[0], row[1], row[3]),
).filter(lambda rows: any(row[4] == TRAIN for row in rows) and any(row[4] == TEST for row in rows))


@given(ROWS)
def test_ease_scores_the_set_of_movies_in_each_history(table, rows):
    interactions = table(*rows, num_movies=6)
    model = baselines.fit_ease(interactions.in_periods(TRAIN), regularization=1.0, max_movies=4)
    assert np.diag(model.weights).tolist() == [0] * len(model.movies)
    events = of_period(interactions, TEST, 10, seed=0)
    scores = model.scorer(interactions)(events)
    dense = np.zeros((6, 6))
    dense[np.ix_(model.movies, model.movies)] = model.weights
    for event, (start, end) in enumerate(zip(events.history_start, events.history_end, strict=True)):
        history = sorted(set(interactions.movie_index[start:end].tolist()))
        assert scores[event] == pytest.approx(dense[history].sum(axis=0), abs=1e-5)


@given(ROWS, st.floats(0.5, 20))
def test_running_offsets_equal_a_naive_loop_over_strictly_earlier_ratings(table, rows, damping):
    interactions = table(*rows, num_movies=6)
    expected = np.linspace(2, 4, 6)
    events = of_period(interactions, TEST, 10, seed=0)
    offsets = baselines.running_user_offsets(interactions, events, expected, damping)
    for offset, row in zip(offsets, events.rows, strict=True):
        user, when = interactions.user_index[row], interactions.timestamp[row]
        before = [r for r in rows if r[0] == user and r[3] < when]
        above = sum(stars - expected[movie] for _, movie, stars, _, _ in before)
        assert offset == pytest.approx(above / (len(before) + damping), abs=1e-9)


def test_bias_models_by_hand(table):
    interactions = table(
        (0, 0, 5.0, 1, TRAIN),
        (1, 0, 4.0, 1, TRAIN),
        (1, 1, 3.0, 2, TRAIN),
        (0, 1, 5.0, 9, TEST),
        (2, 2, 1.0, 9, TEST),
        num_movies=3,
    )
    fitted, events = interactions.in_periods(TRAIN), of_period(interactions, TEST, 10, seed=0)
    # Mean 4. Movie 0: (1 + 0) / (2 + 6) = 1/8; movie 1: -1 / (1 + 6) = -1/7; movie 2 never rated.
    assert baselines.fit_global_mean(fitted).predict(interactions, events) == pytest.approx([4, 4])
    movie_mean = baselines.fit_movie_mean(fitted).predict(interactions, events)
    assert movie_mean == pytest.approx([4 - 1 / 7, 4])
    # User 0 rated movie 0 at 5, 7/8 above 4 1/8: offset 7/8 / (1 + 2). User 2 has no history.
    both = baselines.fit_movie_user_bias(fitted).predict(interactions, events)
    assert both == pytest.approx([4 - 1 / 7 + 7 / 24, 4])


def test_predictions_stay_on_the_scale(table):
    interactions = table((0, 0, 5.0, 8, TEST), (0, 1, 5.0, 9, TEST), num_movies=2)
    model = baselines.Bias(3.0, np.array([2.5, -2.6]), user_damping=None)
    predicted = model.predict(interactions, of_period(interactions, TEST, 10, seed=0))
    assert predicted.tolist() == [5.0, 0.5]


def test_gradient_boosting_learns_a_step_and_repeats_itself():
    features = np.tile(np.arange(200, dtype=np.float32) / 100, 2)[:, None]
    ratings = np.where(features[:, 0] < 1, 2.0, 4.0).astype(np.float32)
    model = trees.fit(features, ratings, seed=3)
    predicted = model.predict(np.array([[0.5], [1.5]], dtype=np.float32))
    assert predicted == pytest.approx([2, 4], abs=0.05)
    again = trees.fit(features, ratings, seed=3)
    assert again.predict(features).tolist() == model.predict(features).tolist()


def test_gradient_boosting_refuses_features_without_their_ratings():
    with pytest.raises(baselines.BaselineError, match="2 rows and 1 ratings"):
        trees.fit(np.zeros((2, 1), np.float32), np.zeros(1, np.float32), seed=0)


@pytest.mark.parametrize(
    "fit",
    [
        lambda empty: baselines.fit_recent_popularity(empty, 10),
        lambda empty: baselines.fit_ease(empty, 1.0, 10),
        baselines.fit_global_mean,
        baselines.fit_movie_user_bias,
    ],
)
def test_an_empty_fitted_period_is_an_error_that_names_the_cutoff(table, fit):
    empty = table((0, 0, 5.0, 1, TEST), num_movies=1).in_periods(TRAIN)
    with pytest.raises(baselines.BaselineError, match="test_cutoff"):
        fit(empty)
