from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import ablation
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import TEST, TRAIN, VALIDATION, Interactions
from marquee.models.tuning.search_space import plan
from marquee.pipeline.params import Retrieval
from tests.fixtures.tiny_pipeline import PARAMS


@pytest.fixture
def movies() -> Catalogue:
    return Catalogue(
        genres=np.ones((3, 2), np.float32),
        language=np.ones((3, 1), np.float32),
        text=np.full((3, 4), 0.5, np.float32),
        release=np.array([1990.5, 2004.0, 2010.0], np.float32),
        names=np.array([[1, 2], [1, 0], [2, 0]], np.int32),
    )


def test_without_content_movies_are_all_alike_and_as_wide_as_before(movies: Catalogue):
    hidden = ablation.without_content(movies)
    assert hidden.content.shape == movies.content.shape
    assert not hidden.content.any()
    assert not hidden.names.any()
    assert hidden.release.tolist() == [2004.0] * 3  # a release date is metadata too


def test_without_ratings_everyone_rated_everything_just_good_enough(table: Interactions):
    hidden = ablation.without_ratings(table, positive_rating=4.0)
    assert hidden.rating.tolist() == [4.0] * 6
    assert hidden.half_stars.dtype == np.uint8
    assert hidden.timestamp.tolist() == table.timestamp.tolist()
    assert table.rating.tolist() == [4, 3, 5, 4.5, 1, 4]  # untouched


def test_without_time_order_and_ties_are_all_that_is_left(table: Interactions):
    period = np.array([TRAIN, VALIDATION, VALIDATION, TRAIN, TRAIN, VALIDATION], np.uint8)
    hidden = ablation.without_time(replace(table, period=period))
    # The train period's last interaction was at 100; the second person's 50 and 60 are a second apart now.
    assert hidden.timestamp.tolist() == [100, 101, 101, 100, 101, 100]
    assert hidden.history_start.tolist() == table.history_start.tolist()
    assert hidden.history_end.tolist() == table.history_end.tolist()


def test_what_is_hidden_is_hidden_in_tables_that_have_no_test_rows(table: Interactions, movies: Catalogue):
    period = np.array([TRAIN, TRAIN, TEST, TRAIN, VALIDATION, TEST], np.uint8)
    work = SimpleNamespace(
        table=replace(table, period=period), movies=movies, preprocessing=SimpleNamespace(positive_rating=4.0)
    )
    whole, catalogue = ablation.masked(work, ())
    assert (whole.rating.tolist(), whole.timestamp.tolist()) == ([4, 3, 4.5, 1], [100, 200, 50, 60])
    assert catalogue is movies
    hidden, catalogue = ablation.masked(work, (ablation.CONTENT, ablation.RATINGS, ablation.TIME))
    assert (hidden.rating.tolist(), hidden.timestamp.tolist()) == ([4] * 4, [200, 201, 200, 201])
    assert not catalogue.content.any()
    _, catalogue = ablation.masked(work, (ablation.NAMES,))
    assert (catalogue.names.any(), catalogue.content.all()) == (False, True)
    _, catalogue = ablation.masked(work, (ablation.TEXT,))
    assert (catalogue.text.any(), catalogue.genres.all(), catalogue.names.any()) == (False, True, True)


def test_steps_hide_less_and_less_down_to_the_model():
    hidden = [set(step.hidden) for step in ablation.STEPS]
    assert all(later <= earlier for earlier, later in pairwise(hidden))
    assert hidden[0] == {ablation.CONTENT, ablation.RATINGS, ablation.TIME}
    assert (ablation.STEPS[-1].hidden, ablation.STEPS[-1].knobs) == ((), {})


def test_every_variant_changes_knobs_that_exist_to_values_they_may_have():
    every = ablation.STEPS + ablation.CHANGES
    assert len({variant.name for variant in every}) == len(every)
    made = plan("retrieval", Retrieval, PARAMS.retrieval, PARAMS.tune_retrieval)
    defaults = made.default().model_dump()
    for variant in every:
        Retrieval.model_validate(defaults | dict(variant.knobs))
        assert set(variant.hidden) <= {"content", "text", "names", "ratings", "time"}
        assert set(variant.knobs) <= set(defaults)
        assert any(defaults[name] != value for name, value in variant.knobs.items()) or not variant.knobs


def test_a_change_is_named_after_its_knobs():
    assert ablation.changed(half_life_years=2.0, blocks=2).name == "half_life_years 2, blocks 2"
