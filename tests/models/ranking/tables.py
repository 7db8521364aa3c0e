"""Small tables for the ranker's tests."""

import numpy as np

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import Interactions
from marquee.models.features.movies import Movies, MovieStatistics
from marquee.pipeline.params import PreprocessData, Ranking

PREPROCESSING = PreprocessData(
    split="temporal",
    validation_cutoff=0.8,
    test_cutoff=0.9,
    positive_rating=4.0,
    min_user_interactions=1,
    min_movie_interactions=1,
    min_word_count=1,
    text_dim=2,
)
PARAMS = Ranking(
    factors=2,
    blocks=4,
    embedding_dim=4,
    cross_layers=2,
    projection_dim=4,
    deep_layers=[32, 16],
    id_dropout=0.0,
    batch_size=16,
    epochs=3,
    weight_decay=0.0,
    learning_rate=1e-2,
    dropout=0.0,
)


def catalogue(num_movies: int, seed: int = 0) -> Catalogue:
    """Random catalogue: three genres, two languages, two text directions."""
    rng = np.random.default_rng(seed)
    genres = rng.integers(0, 2, (num_movies, 3)).astype(np.float32)
    text = rng.normal(size=(num_movies, 2)).astype(np.float32)
    return Catalogue(
        genres=genres / np.maximum(genres.sum(axis=1, keepdims=True), 1),
        language=np.eye(2, dtype=np.float32)[rng.integers(0, 2, num_movies)],
        text=text / np.linalg.norm(text, axis=1, keepdims=True),
        release=rng.uniform(1950, 2010, num_movies).astype(np.float32),
        names=np.zeros((num_movies, 0), np.int32),
    )


def statistics(num_movies: int, seed: int = 0) -> MovieStatistics:
    """Random statistics with two factors."""
    rng = np.random.default_rng(seed)
    return MovieStatistics(
        global_mean=np.float32(3.5) * np.ones((), dtype=np.float32),
        content_weights=np.zeros(9, dtype=np.float32),
        bias=rng.normal(0, 0.4, num_movies).astype(np.float32),
        content_bias=rng.normal(0, 0.2, num_movies).astype(np.float32),
        spread=rng.uniform(0.5, 1, num_movies).astype(np.float32),
        count=rng.integers(0, 100, num_movies).astype(np.float32),
        factors=rng.normal(0, 0.1, (num_movies, 2)).astype(np.float32),
        taste_weights=np.zeros((19, 3), dtype=np.float32),
        taste=rng.normal(0, 0.3, (num_movies, 3)).astype(np.float32),
    )


def movies(num_movies: int, seed: int = 0) -> Movies:
    """Random facts and statistics."""
    return Movies(catalogue(num_movies, seed), statistics(num_movies, seed))


def table(
    num_users: int, num_movies: int, size: int, seed: int = 0, shares: tuple[float, float] = (0.8, 0.9)
) -> Interactions:
    """Random ratings with many ties in time and some people who have none, split in time."""
    rng = np.random.default_rng(seed)
    user = rng.integers(0, num_users, size)
    time = 1_000_000_000 + rng.integers(0, max(2, size // 3), size) * 600
    movie = rng.integers(0, num_movies, size)
    order = np.lexsort((movie, time, user))
    first, second = (np.sort(time)[int(size * share)] for share in shares)
    return Interactions(
        user_index=user[order].astype(np.int32),
        movie_index=movie[order].astype(np.int32),
        half_stars=rng.integers(1, 11, size).astype(np.uint8),
        timestamp=time[order].astype(np.int64),
        period=np.where(time[order] >= second, 2, np.where(time[order] >= first, 1, 0)).astype(np.uint8),
        num_users=num_users,
        num_movies=num_movies,
    )
