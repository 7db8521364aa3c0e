"""A tiny world for the two-tower: twelve movies, a few people, one thread."""

from collections.abc import Callable

import numpy as np
import pytest

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import Interactions
from marquee.models.training.runtime import start_tensorflow
from marquee.pipeline.params import PreprocessData, Retrieval

MOVIES = 12


@pytest.fixture(autouse=True)
def _tensorflow() -> None:
    start_tensorflow(seed=1, threads=1)


@pytest.fixture
def catalogue() -> Catalogue:
    rng = np.random.default_rng(0)
    return Catalogue(
        genres=np.eye(3, dtype=np.float32)[rng.integers(0, 3, MOVIES)],
        language=np.zeros((MOVIES, 0), np.float32),
        text=rng.normal(size=(MOVIES, 4)).astype(np.float32),
        release=np.linspace(1980, 1999, MOVIES).astype(np.float32),
        names=rng.integers(0, 6, (MOVIES, 3)).astype(np.int32),
    )


@pytest.fixture
def make_params() -> Callable[..., Retrieval]:
    def make(**changes: object) -> Retrieval:
        values = {
            "tower": "history",
            "history_length": 6,
            "embedding_dim": 8,
            "heads": 2,
            "blocks": 1,
            "id_dropout": 0.0,
            "cold_bonus": 0.0,
            "history_dropout": 0.0,
            "positive_weight": 1.0,
            "other_weight": 0.5,
            "half_life_years": 100.0,
            "uniform_negatives": 100,
            "batch_size": 4,
            "max_windows": 1000,
            "epochs": 1,
            "weight_decay": 0.0,
            "learning_rate": 0.01,
            "dropout": 0.0,
        }
        return Retrieval.model_validate(values | changes)

    return make


@pytest.fixture
def preprocessing() -> PreprocessData:
    return PreprocessData(
        split="temporal",
        validation_cutoff=0.8,
        test_cutoff=0.9,
        positive_rating=4.0,
        min_user_interactions=1,
        min_movie_interactions=1,
        min_word_count=1,
        text_dim=4,
    )


@pytest.fixture
def make_table() -> Callable[..., Interactions]:
    def make(users: list[int], times: list[int], movies: list[int], stars: float = 4.5) -> Interactions:
        return Interactions(
            user_index=np.array(users, np.int32),
            movie_index=np.array(movies, np.int32),
            half_stars=np.full(len(users), int(2 * stars), np.uint8),
            timestamp=np.array(times, np.int64) * 86_400 + 946_684_800,
            period=np.zeros(len(users), np.uint8),
            num_users=max(users) + 1,
            num_movies=MOVIES,
        )

    return make
