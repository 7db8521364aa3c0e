import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import TRAIN, VALIDATION, Interactions
from marquee.models.features.pair import FEATURES
from marquee.models.ranking import movie_statistics, rows
from tests.models.ranking import tables

COUNT = FEATURES.index("log_movie_count")


def training_rows(table, periods=(TRAIN,), **changed):
    preprocessing = tables.PREPROCESSING.model_copy(update=changed)
    return rows.training_rows(table, periods, tables.catalogue(table.num_movies), 2, 4, preprocessing, seed=0)


def test_blocks_hold_equal_shares_and_the_first_is_left_out():
    # Four blocks of twelve seconds begin at 0, 3, 6 and 9.
    assert rows.block_edges(np.arange(12)[::-1], 4).tolist() == [3, 6, 9, 12]


def test_a_second_is_never_torn_between_blocks():
    # The quarters begin within the ones and the fives.
    assert rows.block_edges(np.array([0, 1, 1, 1, 5, 5, 5, 5]), 4).tolist() == [1, 5, 6]


def test_ratings_of_a_single_moment_are_too_little_and_the_error_says_so():
    with pytest.raises(rows.RankingDataError, match=r"8 interactions.*ranking\.blocks"):
        rows.block_edges(np.full(8, 3), 4)


def test_no_ratings_are_too_little_and_the_error_says_so():
    with pytest.raises(rows.RankingDataError, match="nothing to learn from"):
        rows.block_edges(np.zeros(0, dtype=np.int64), 4)


def test_a_training_row_counts_its_movie_as_it_was_when_the_block_began():
    table = tables.table(6, 3, 120)
    train = table.in_periods(TRAIN)
    learned = training_rows(table)
    edges = rows.block_edges(train.timestamp, 4)
    counts = []
    for low, high in itertools.pairwise(edges):
        block = train.only((train.timestamp >= low) & (train.timestamp < high))
        past = np.bincount(train.movie_index[train.timestamp < low], minlength=3)
        counts += [*past[block.movie_index], *past[block.movie_index[:: rows.HIDDEN_EVERY]]]
    assert np.expm1(learned.features[:, COUNT]) == pytest.approx(np.array(counts), abs=1e-3)


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_what_happens_after_a_row_changes_nothing_in_it(seed):
    table = tables.table(5, 6, 80, seed)
    learned = training_rows(table)
    # Turn every rating round from the third block on, and whatever comes after the period.
    edges = rows.block_edges(table.in_periods(TRAIN).timestamp, 4)
    if len(edges) < 3:
        return
    later = table.timestamp >= edges[1]
    turned = dataclasses.replace(table, half_stars=np.where(later, 11 - table.half_stars, table.half_stars))
    second_block = np.count_nonzero(
        (table.period == TRAIN) & (table.timestamp >= edges[0]) & (table.timestamp < edges[1])
    )
    assert np.array_equal(learned.features[:second_block], training_rows(turned).features[:second_block])


def test_rows_of_later_periods_are_neither_learned_from_nor_history():
    table = tables.table(5, 6, 200)
    without = table.in_periods(TRAIN)
    learned, alone = training_rows(table), training_rows(without)
    assert np.array_equal(learned.features, alone.features)
    assert np.array_equal(learned.rating, alone.rating)
    assert len(training_rows(table, (TRAIN, VALIDATION))) > len(learned)


def test_people_with_too_few_ratings_are_not_trained_on():
    table = tables.table(30, 6, 200)
    counts = np.bincount(table.in_periods(TRAIN).user_index, minlength=30)
    edges = rows.block_edges(table.in_periods(TRAIN).timestamp, 4)
    wanted = (table.period == TRAIN) & (table.timestamp >= edges[0]) & (counts >= 6)[table.user_index]
    kept = len(training_rows(table, min_user_interactions=6))
    assert 0 < kept < len(training_rows(table))
    hidden = sum(
        -(
            -np.count_nonzero(wanted & (table.timestamp >= low) & (table.timestamp < high))
            // rows.HIDDEN_EVERY
        )
        for low, high in itertools.pairwise(edges)
    )
    assert kept == np.count_nonzero(wanted) + hidden


def test_every_tenth_row_of_a_block_is_there_again_with_its_history_hidden():
    table = tables.table(6, 3, 200)
    learned = training_rows(table)
    edges = rows.block_edges(table.in_periods(TRAIN).timestamp, 4)
    first = np.count_nonzero((table.timestamp >= edges[0]) & (table.timestamp < edges[1]))
    hidden = slice(first, first + -(-first // 10))
    seen = slice(0, first, 10)
    assert np.array_equal(learned.movie_index[hidden], learned.movie_index[seen])
    assert np.array_equal(learned.rating[hidden], learned.rating[seen])
    movie, length = FEATURES.index("movie_bias"), FEATURES.index("log_history_length")
    assert np.array_equal(learned.features[hidden, movie], learned.features[seen, movie])
    assert not learned.features[hidden, length].any()
    assert learned.features[seen, length].any()


def test_movies_below_the_minimum_in_the_fitted_period_have_no_id_of_their_own():
    table = tables.table(5, 40, 60)
    preprocessing = tables.PREPROCESSING.model_copy(update={"min_movie_interactions": 2})
    counts = np.bincount(table.in_periods(TRAIN).movie_index, minlength=40)
    assert rows.known_movies(table, (TRAIN,), preprocessing).tolist() == (counts >= 2).tolist()


def test_a_movie_s_bias_is_its_damped_distance_from_the_mean():
    # One rating each by different people: no content to lean on, so the bias of the movie with the
    # higher rating is above that of the other by less than the two stars between them.
    table = dataclasses.replace(
        tables.table(2, 2, 2), user_index=np.array([0, 1], np.int32), movie_index=np.array([0, 1], np.int32),
        half_stars=np.array([10, 6], np.uint8),
    )  # fmt: skip
    catalogue = tables.catalogue(2)
    same_year = np.full(2, 2000, np.float32)
    blank = Catalogue(
        catalogue.genres * 0, catalogue.language * 0, catalogue.text * 0, same_year, catalogue.names
    )
    learned = movie_statistics.fit(table, blank, factors=0, seed=0)
    assert float(learned.global_mean) == 4.0
    assert 0 < learned.bias[0] < 1 / 6  # 1 / (1 + 5) less what the person's own level takes
    assert learned.bias[1] == pytest.approx(-learned.bias[0])
    assert learned.count.tolist() == [1, 1]


def test_a_cold_movie_is_expected_where_its_content_is():
    rng = np.random.default_rng(0)
    catalogue = tables.catalogue(100)
    genre = (catalogue.genres[:, 0] > 0).astype(int)
    movie = np.repeat(np.arange(0, 100, 2), 20)
    user = np.tile(np.arange(20), 50)
    order = np.lexsort((movie, user))
    half_stars = np.clip(5 + 3 * genre[movie] + rng.integers(-1, 2, len(movie)), 1, 10).astype(np.uint8)
    table = dataclasses.replace(
        tables.table(20, 100, len(movie)), user_index=user[order].astype(np.int32),
        movie_index=movie[order].astype(np.int32), half_stars=half_stars[order],
    )  # fmt: skip
    learned = movie_statistics.fit(table, catalogue, factors=2, seed=0)
    cold = np.arange(100) % 2 == 1
    assert learned.bias[cold] == pytest.approx(learned.content_bias[cold])
    # Three half stars lie between the genres; damping takes some, other content adds noise.
    assert learned.bias[cold & (genre == 1)].mean() > learned.bias[cold & (genre == 0)].mean() + 0.3
    assert not learned.factors[cold].any()


def test_a_movie_added_later_is_what_the_fit_made_of_a_movie_nobody_had_rated():
    table, catalogue = tables.table(20, 30, 400), tables.catalogue(31)
    with_one_more = dataclasses.replace(table, num_movies=31)
    learned = movie_statistics.fit(with_one_more, catalogue, factors=2, seed=0)
    added = movie_statistics.of_new_movies(learned, catalogue.only(np.arange(31) == 30))
    for name in ("bias", "content_bias", "spread", "count", "factors"):
        assert getattr(added, name) == pytest.approx(getattr(learned, name)[30:], abs=1e-6), name
    assert added.content_bias[0] != 0
    assert added.global_mean == learned.global_mean


def test_movies_that_are_added_do_not_change_each_other():
    learned = movie_statistics.fit(tables.table(20, 30, 400), tables.catalogue(30), factors=2, seed=0)
    catalogue = tables.catalogue(5, seed=1)
    together = movie_statistics.of_new_movies(learned, catalogue).content_bias
    alone = [movie_statistics.of_new_movies(learned, catalogue.only(np.arange(5) == row)) for row in range(5)]
    assert together == pytest.approx([float(each.content_bias[0]) for each in alone], abs=1e-6)
    assert len(set(together)) == 5


def test_factors_carry_a_liking_over_to_the_movie_that_is_liked_together():
    # Half of the people like movies 0 and 1 and not 2 and 3; the others the reverse.
    user, movie = np.repeat(np.arange(40), 4), np.tile(np.arange(4), 40)
    half_stars = np.where((user % 2 == 0) == (movie < 2), 9, 3).astype(np.uint8)
    table = dataclasses.replace(
        tables.table(40, 4, 160), user_index=user.astype(np.int32), movie_index=movie.astype(np.int32),
        half_stars=half_stars,
    )  # fmt: skip
    factors = movie_statistics.fit(table, tables.catalogue(4), factors=1, seed=0).factors
    likeness = factors @ factors.T
    assert (likeness[:2, :2] > 0).all()
    assert (likeness[2:, 2:] > 0).all()
    assert (likeness[:2, 2:] < 0).all()


def test_statistics_of_no_rating_at_all_are_finite():
    nothing = tables.table(3, 4, 10).only(np.zeros(10, dtype=bool))
    learned = movie_statistics.fit(nothing, tables.catalogue(4), factors=2, seed=0)
    assert all(np.isfinite(getattr(learned, field.name)).all() for field in dataclasses.fields(learned))
    assert float(learned.global_mean) == 3.5


def test_a_block_in_which_nobody_rates_enough_is_passed_over():
    # Four blocks begin at 0, 1, 2 and 9; who rates at 9 rates nothing else.
    table = Interactions(
        user_index=np.array([0, 0, 0, 1], np.int32),
        movie_index=np.array([0, 1, 2, 3], np.int32),
        half_stars=np.array([8, 6, 7, 9], np.uint8),
        timestamp=np.array([0, 1, 2, 9]),
        period=np.zeros(4, np.uint8),
        num_users=2,
        num_movies=4,
    )
    # The first row of each block is there twice, the second time without its history.
    assert training_rows(table, min_user_interactions=1).movie_index.tolist() == [1, 1, 2, 2, 3, 3]
    assert training_rows(table, min_user_interactions=2).movie_index.tolist() == [1, 1, 2, 2]


def test_people_who_all_rate_too_little_are_an_error_that_names_the_knob():
    with pytest.raises(
        rows.RankingDataError, match="min_user_interactions = 1000 ratings in the fitted period"
    ):
        training_rows(tables.table(30, 20, 300), min_user_interactions=1000)
