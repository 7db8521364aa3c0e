"""Stage `explore_data` on a source of 300 ratings, healthy and poor."""

import contextlib
import json
import logging
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marquee.data.exploration import pictures, report
from marquee.data.exploration.bins import DAY
from marquee.data.tables import schema
from marquee.data.tables.interactions import InteractionsError
from marquee.pictures import plots
from marquee.pipeline import paths
from marquee.pipeline.params import PreprocessData
from stages import explore_data
from tests.fixtures.tiny_pipeline import PARAMS
from tests.measured import all_of

JAN_2000 = 946_684_800
NUM_MOVIES = 15
REPORTS, METRICS = paths.reports("explore_data"), paths.metrics("explore_data")
PREPROCESSING: dict[str, Any] = {
    "split": "temporal",
    "validation_cutoff": 0.6,
    "test_cutoff": 0.8,
    "positive_rating": 4.0,
    "min_user_interactions": 2,
    "min_movie_interactions": 1,
    "min_word_count": 1,
    "text_dim": 4,
}


def write_raw(folder: Path, source: str = "sample", poor: bool = False) -> paths.Raw:
    """Twenty people rate all 15 movies, each in one sitting, 80 days apart; `poor` has bare movies."""
    raw = paths.Raw(folder / paths.RAW.folder)
    raw.folder.mkdir(parents=True)
    user, movie = np.divmod(np.arange(20 * NUM_MOVIES), NUM_MOVIES)
    rated = {
        "user_id": user + 100,
        "movie_id": 10 * (movie + 1),
        "half_stars": (user + movie) % 5 + 6,  # from 3 to 5 stars
        "timestamp": JAN_2000 + user * 80 * DAY + movie // 3 * 60,  # three in a second
    }
    movies = {
        "movie_id": 10 * np.arange(1, NUM_MOVIES + 1),
        "title": [f"Film {place}" for place in range(NUM_MOVIES)],
        "year": np.zeros(NUM_MOVIES) if poor else 1980 + np.arange(NUM_MOVIES),
        "genres": [[]] * NUM_MOVIES
        if poor
        else [["Drama", "Comedy"][: 1 + place % 2] for place in range(NUM_MOVIES)],
        "tmdb_id": np.zeros(NUM_MOVIES),
    }
    for table, columns, path in (
        (rated, schema.INTERACTIONS, raw.interactions),
        (movies, schema.MOVIES, raw.movies),
    ):
        arrays = {name: pa.array(table[name]).cast(columns.field(name).type) for name in columns.names}
        pq.write_table(pa.table(arrays, schema=columns), path)
    pq.write_table(schema.METADATA.empty_table(), raw.metadata)
    raw.manifest.write_text(json.dumps({"source": source}))
    return raw


def run(folder: Path, changed: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Run the stage in a folder that holds raw tables; returns its metrics."""
    preprocessing = PreprocessData(**PREPROCESSING | dict(changed or {}))
    with contextlib.chdir(folder):
        explore_data.run(
            PARAMS.model_copy(update={"preprocess_data": preprocessing}), logging.getLogger("test")
        )
        return all_of(REPORTS)


@pytest.fixture(scope="module", autouse=True)
def _coarse_pictures() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(plots.STYLE, "savefig.dpi", 40)  # the layout is the same, the file is written faster
        yield


@pytest.fixture(scope="module")
def explored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explored")
    write_raw(folder)
    run(folder)
    return folder


def test_the_numbers_are_those_counted_by_hand(explored: Path):
    numbers = all_of(explored / REPORTS)
    expected = {
        "num_interactions": 300,
        "num_users": 20,
        "num_movies": 15,
        "sparsity": 0,
        "first_year": 2000,
        "last_year": 2004,
        "mean_rating": 4,  # 3, 3.5, 4, 4.5 and 5 stars equally often
        "half_star_share": 0.4,
        "positive_share": 0.6,
        "busiest_hour": 0,
        "busiest_hour_share": 1,
        "gini_movies": 0,
        "top_10_percent_movies_share": 0.133333,  # 2 of 15
        "num_sessions": 20,
        "session_length_median": 15,
        "within_session_share": 0.933333,
        "one_session_users_share": 1,
        "tied_share": 1,
        "history_length_max": 15,
        "short_span_users_share": 1,
        "validation_num_interactions": 60,
        "validation_new_users_share": 1,
        "test_num_users": 4,
        "test_cold_movies_share": 0,
        "movie_age_median": 15,  # of 6 to 24 years, evenly spread by symmetry but for leap years
        "title_coverage_movies": 1,
        "overview_coverage_ratings": 0,
        "top_genre_share": 1,
        "genre_drift": 0,
    }
    assert {name: numbers[name] for name in expected} == pytest.approx(expected, abs=1e-6)


def test_every_picture_is_drawn_and_shown_on_the_page(explored: Path):
    page = (explored / REPORTS / "report.md").read_text()
    drawn = {path.stem for path in (explored / REPORTS).glob("*.png")}
    # Every movie has the same mean rating, so no correlation is defined.
    assert drawn == set(pictures.PICTURES) - {"correlations"}
    assert all(f"({name}.png)" in page for name in drawn)
    assert "Not drawn, for this source has too little of it: what goes with a good rating." in page


def test_a_second_run_writes_the_same_bytes(explored: Path, tmp_path: Path):
    write_raw(tmp_path)
    run(tmp_path)
    for path in (explored / REPORTS).iterdir():
        assert (tmp_path / REPORTS / path.name).read_bytes() == path.read_bytes(), path.name
    assert (tmp_path / METRICS).read_bytes() == (explored / METRICS).read_bytes()


def test_the_page_says_that_the_people_of_the_sample_are_simulated(explored: Path):
    assert "**The people are simulated.**" in (explored / REPORTS / "report.md").read_text()


def test_a_poor_source_gets_no_empty_charts(tmp_path: Path):
    write_raw(tmp_path, source="folder", poor=True)
    reports = tmp_path / REPORTS
    reports.mkdir(parents=True)
    (reports / "genres.png").write_bytes(b"of another source")
    numbers = run(tmp_path, {"validation_cutoff": "2010-01-01", "test_cutoff": "2011-01-01"})
    page = (reports / "report.md").read_text()
    drawn = {path.stem for path in reports.glob("*.png")}
    assert set(pictures.PICTURES) - drawn == {"newness", "movie_age", "genres", "correlations"}
    assert page.startswith("# The data: folder\n")
    assert "simulated" not in page
    assert "| people new in validation, test | –, – |" in page
    assert math.isnan(numbers["movie_age_median"])
    assert numbers["validation_num_interactions"] == 0


def test_ratings_of_movies_that_the_catalogue_lacks_are_an_error_that_names_one(tmp_path: Path):
    raw = write_raw(tmp_path)
    pq.write_table(pq.read_table(raw.movies).slice(1), raw.movies)
    with pytest.raises(InteractionsError, match="1 movies that the movies table lacks, movie_id 10 for one"):
        run(tmp_path)


def test_an_empty_table_is_an_error_that_says_what_to_do(tmp_path: Path):
    raw = write_raw(tmp_path)
    pq.write_table(schema.INTERACTIONS.empty_table(), raw.interactions)
    with pytest.raises(InteractionsError, match="Run fetch_data again"):
        run(tmp_path)


@pytest.mark.parametrize(
    ("picture", "changed", "says"),
    [
        ("long_tail", {"top_10_percent_movies_share": 0.6}, "Few movies hold most ratings"),
        ("long_tail", {"top_10_percent_movies_share": 0.2}, "spread over many movies"),
        ("ratings", {"half_star_share": 0.0}, "Nobody gives half stars"),
        (
            "ratings",
            {"half_star_share": 0.3, "before_half_stars_share": 0.3},
            "30 % of the ratings came before",
        ),
        ("rhythm", {"busiest_hour_share": 0.045, "weekend_share": 0.29}, "nearly evenly over the day"),
        ("rhythm", {"weekend_share": 0.4}, "Weekends bring more"),
        ("sessions", {"tied_share": 0.01}, "Only 1.0 % of ratings share their second"),
        ("histories", {"short_span_users_share": 0.1}, "Most people come back"),
        ("newness", {"test_new_users_share": 0.64}, "64 % of the people in test were never seen"),
        ("newness", {"test_cold_movies_interactions_share": 0.15}, "15 % of its ratings go to cold movies"),
        ("movie_age", {"movie_age_at_most_1_share": 0.3}, "new movies matter"),
        ("movie_age", {"movie_age_at_most_1_share": 0.1}, "back catalogue takes most"),
        ("genres", {"genre_drift": 0.01}, "No genre's share moves by more than 1.0 points"),
        ("genres", {"genre_drift": 0.12}, "moves by up to 12.0 points"),
        ("coverage", {"overview_coverage_ratings": 0.9}, "no keywords and no cast and no directors"),
        ("coverage", {}, "There is no metadata beyond title, year and genres"),
        ("long_tail", {"rated_once_movies_share": 0.0}, "Every movie that was rated"),
        ("correlations", {"rating_popularity_spearman": 0.3}, "Popular movies are rated higher"),
        ("correlations", {"rating_popularity_spearman": -0.3}, "Popular movies are rated lower"),
        ("correlations", {"rating_popularity_spearman": 0.02}, "Popularity says little"),
    ],
)
def test_a_sentence_follows_its_numbers(explored: Path, picture: str, changed: dict[str, float], says: str):
    numbers = all_of(explored / REPORTS)
    numbers = {name: float("nan") if value is None else value for name, value in numbers.items()}
    assert says in report.page(numbers | changed, "sample", [picture])
