"""Stage `explore_data` on a source of a few hundred ratings, healthy and poor."""

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marquee.data.exploration import pictures as explore_pictures
from marquee.data.exploration import report as explore_report
from marquee.data.exploration import survey
from marquee.data.exploration.bins import DAY
from marquee.data.tables import schema
from marquee.pictures import plots
from marquee.pipeline import paths
from marquee.pipeline.params import PreprocessData
from stages import explore_data as explore

JAN_2000 = 946_684_800
NUM_MOVIES = 15
VALUES: dict[str, Any] = {
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
    """Twenty people rate all 15 movies, one sitting a person, 80 days apart; `poor` has bare movies."""
    raw = paths.Raw(folder)
    folder.mkdir()
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


def run(raw: paths.Raw, out: Path, changed: Mapping[str, Any] | None = None) -> dict[str, Any]:
    values = PreprocessData(**VALUES | dict(changed or {}))
    explore.run(raw, out / "reports", out / "metrics.json", values, logging.getLogger("test"))
    return dict(json.loads((out / "metrics.json").read_text()))


@pytest.fixture(scope="module", autouse=True)
def _coarse_pictures() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(plots.STYLE, "savefig.dpi", 40)  # the layout is the same, the file is written faster
        yield


@pytest.fixture(scope="module")
def explored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("explored")
    run(write_raw(out / "raw"), out)
    return out


def test_the_numbers_are_those_counted_by_hand(explored: Path):
    numbers = json.loads((explored / "metrics.json").read_text())
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
    page = (explored / "reports" / "report.md").read_text()
    drawn = {path.stem for path in (explored / "reports").glob("*.png")}
    # Every movie has the same mean rating, so no correlation is defined.
    assert drawn == set(explore_pictures.PICTURES) - {"correlations"}
    assert all(f"({name}.png)" in page for name in drawn)
    assert "Not drawn, for this source has too little of it: what goes with a good rating." in page


def test_a_second_run_writes_the_same_bytes(explored: Path, tmp_path: Path):
    run(paths.Raw(explored / "raw"), tmp_path)
    for path in (explored / "reports").iterdir():
        assert (tmp_path / "reports" / path.name).read_bytes() == path.read_bytes(), path.name
    assert (tmp_path / "metrics.json").read_bytes() == (explored / "metrics.json").read_bytes()


def test_the_page_says_that_the_people_of_the_sample_are_simulated(explored: Path):
    assert "**The people are simulated.**" in (explored / "reports" / "report.md").read_text()


def test_a_poor_source_gets_no_empty_charts_and_no_path(tmp_path: Path):
    raw = write_raw(tmp_path / "raw", source="/home/someone/ratings", poor=True)
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "genres.png").write_bytes(b"of another source")
    numbers = run(raw, tmp_path, {"validation_cutoff": "2010-01-01", "test_cutoff": "2011-01-01"})
    page = (reports / "report.md").read_text()
    drawn = {path.stem for path in reports.glob("*.png")}
    assert set(explore_pictures.PICTURES) - drawn == {"newness", "movie_age", "genres", "correlations"}
    assert page.startswith("# The data: ratings\n")
    assert "simulated" not in page
    assert "/home" not in page
    assert "| people new in validation, test | –, – |" in page
    assert numbers["movie_age_median"] is None
    assert numbers["validation_num_interactions"] == 0


def test_ratings_of_movies_that_the_catalogue_lacks_are_an_error_that_names_one(tmp_path: Path):
    raw = write_raw(tmp_path / "raw")
    pq.write_table(pq.read_table(raw.movies).slice(1), raw.movies)
    with pytest.raises(survey.SurveyError, match="1 movies that the movies table lacks, movie_id 10 for one"):
        run(raw, tmp_path)


def test_an_empty_table_is_an_error_that_says_what_to_do(tmp_path: Path):
    raw = write_raw(tmp_path / "raw")
    pq.write_table(schema.INTERACTIONS.empty_table(), raw.interactions)
    with pytest.raises(survey.SurveyError, match="Run fetch_data again"):
        run(raw, tmp_path)


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
    numbers = json.loads((explored / "metrics.json").read_text())
    numbers = {name: float("nan") if value is None else value for name, value in numbers.items()}
    assert says in explore_report.page(numbers | changed, "sample", [picture])
