"""The embedded data set: the catalogue is well-formed, the simulated people behave as documented."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from marquee.data.sample.films import GENRES, FilmsError, read_films
from marquee.data.sample.sample import SampleError, SimulatedData, simulate
from marquee.data.tables import schema
from marquee.pipeline import params
from tests.places import ROOT

FILMS = ROOT / "data" / "sample" / "films.csv"
HEADER = "title,year,genres,director,cast,language,keywords\n"
ALIEN = "Alien,1979,Horror|Sci-Fi,Ridley Scott,Sigourney Weaver,en,space|monster\n"
SMALL = params.Sample(num_users=60, num_interactions=2400, first_year=2010, last_year=2012)
MIDDLE = params.Sample(num_users=900, num_interactions=54_000, first_year=2006, last_year=2018)


def test_the_catalogue_holds_at_least_600_distinct_films_of_known_genres() -> None:
    films = read_films(FILMS)
    assert len(films) >= 600
    assert not films.duplicated(["title", "year"]).any()
    assert films["year"].between(1888, 2019).all()
    assert films["language"].str.fullmatch("[a-z]{2}").all()
    assert {genre for genres in films["genres"] for genre in genres} == GENRES
    assert films["genres"].map(len).between(1, 4).all()
    assert films["director"].map(len).ge(1).all()
    assert films["keywords"].map(lambda words: len(words) >= 3 and len(set(words)) == len(words)).all()
    assert films[["year", "title"]].apply(tuple, axis=1).is_monotonic_increasing


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title,year\n", "columns must be"),
        (HEADER, "holds no film"),
        (HEADER + ALIEN.replace("1979", "79x"), "line 2: year '79x' is not a number from 1870 to 2200"),
        (HEADER + ALIEN.replace("Horror", "Scary"), r"line 2: genres \['Scary'\]"),
        (HEADER + ALIEN.replace(",en,", ",eng,"), "line 2: language 'eng'"),
        (HEADER + ALIEN.replace("Alien", "Alien, the film"), "7 fields are expected, 8 found"),
        (HEADER + ALIEN + ALIEN, r"Alien \(1979\) is there twice"),
        (HEADER + ALIEN.replace("Alien", ""), "line 2: the title is empty"),
    ],
)
def test_a_broken_catalogue_is_an_error_that_names_the_line_and_the_rule(
    tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "films.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FilmsError, match=says):
        read_films(path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"first_year": 2013}, "first_year 2013 and sample.last_year 2012"),
        ({"first_year": 1990}, "1995"),
        ({"num_interactions": 10**6}, "more than a quarter"),
    ],
)
def test_sizes_that_cannot_be_are_an_error_that_names_the_key(change: dict[str, int], says: str) -> None:
    with pytest.raises(SampleError, match=says):
        simulate(FILMS, SMALL.model_copy(update=change), seed=7)


def test_the_same_seed_gives_the_same_frames_and_another_seed_others() -> None:
    one, again, other = (simulate(FILMS, SMALL, seed) for seed in (7, 7, 8))
    for name in ("interactions", "movies", "metadata", "oracle"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(again, name))
    assert not one.interactions.equals(other.interactions)
    pd.testing.assert_frame_equal(one.movies, other.movies)


def test_the_frames_follow_the_raw_schema(data: SimulatedData) -> None:
    schema.RATED.validate(data.interactions)
    keys = data.interactions[["timestamp", "user_id", "movie_id"]]
    pd.testing.assert_frame_equal(keys, keys.sort_values(list(keys), ignore_index=True))
    assert not data.interactions.duplicated(["user_id", "movie_id"]).any()
    for frame, kind in (
        (data.movies, schema.MOVIES),
        (data.metadata, schema.METADATA),
        (data.oracle, schema.ORACLE),
    ):
        table = pa.Table.from_pandas(frame, schema=kind, preserve_index=False)
        assert list(frame) == kind.names
        assert table.to_pandas()["movie_id"].equals(frame["movie_id"])
    assert data.movies["movie_id"].tolist() == list(range(1, len(data.movies) + 1))
    assert (data.movies["tmdb_id"] == 0).all()
    assert data.movies["movie_id"].equals(data.metadata["movie_id"])


def test_people_and_ratings_are_as_many_as_asked_within_five_per_cent(ratings: pd.DataFrame) -> None:
    assert ratings["user_id"].nunique() == MIDDLE.num_users
    assert len(ratings) == pytest.approx(MIDDLE.num_interactions, rel=0.05)
    assert ratings["rated_in"].min() == MIDDLE.first_year
    assert ratings["rated_in"].max() == MIDDLE.last_year


def test_nothing_is_rated_before_its_release(ratings: pd.DataFrame, data: SimulatedData) -> None:
    assert (ratings["rated_in"] >= ratings["year"]).all()
    visits = data.visits
    assert (visits.timestamp >= data.films.released[data.chosen]).all()


def test_a_tenth_of_the_films_has_about_a_third_of_the_ratings(
    ratings: pd.DataFrame, data: SimulatedData
) -> None:
    counts = ratings["movie_id"].value_counts().to_numpy()
    top = counts[: len(data.movies) // 10].sum() / len(ratings)
    assert 0.25 < top < 0.45
    assert counts[len(data.movies) // 2] < counts[0] / 8


def test_activity_has_a_heavy_tail_above_a_floor(ratings: pd.DataFrame) -> None:
    per_person = ratings["user_id"].value_counts()
    assert per_person.min() >= 15
    assert 35 < per_person.median() < 60
    assert per_person.max() > 6 * per_person.median()


def test_ratings_peak_at_four_and_three_and_whole_stars_win(ratings: pd.DataFrame) -> None:
    share = ratings["stars"].value_counts(normalize=True)
    assert set(share.nlargest(2).index) == {3.0, 4.0}
    assert share[5.0] > share[4.5]
    assert share[3.5] < share[3.0]
    assert 3.3 < ratings["stars"].mean() < 3.7
    assert 0.95 < ratings["stars"].std() < 1.12
    assert 0.42 < (ratings["stars"] >= 4).mean() < 0.54


def test_more_than_a_quarter_of_people_never_give_half_a_star(ratings: pd.DataFrame) -> None:
    halves = (ratings["half_stars"] % 2).groupby(ratings["user_id"]).mean()
    assert 0.25 < (halves == 0).mean() < 0.5
    assert halves[halves > 0].median() > 0.35


def test_a_fifth_of_the_ratings_share_their_second_with_another(ratings: pd.DataFrame) -> None:
    tied = ratings.duplicated(["user_id", "timestamp"], keep=False)
    assert 0.15 < tied.mean() < 0.32


def test_half_of_the_people_appear_once_and_others_come_back_for_months(ratings: pd.DataFrame) -> None:
    times = ratings.groupby("user_id")["timestamp"]
    span = times.max() - times.min()
    assert 0.45 < (span < 2 * 3600).mean() < 0.6
    assert (span > 30 * 86400).mean() > 0.2
    assert (span > 365 * 86400).mean() > 0.04


def test_ratings_come_in_bursts(ratings: pd.DataFrame) -> None:
    gaps = ratings.sort_values(["user_id", "timestamp"]).groupby("user_id")["timestamp"].diff().dropna()
    assert (gaps < 900).mean() > 0.9
    assert (gaps > 86400).mean() > 0.01


def test_new_films_arrive_and_are_rated_most_in_their_first_years(ratings: pd.DataFrame) -> None:
    new = ratings[ratings["year"].between(2008, 2013)]
    age = new["rated_in"] - new["year"]
    assert (new.groupby("movie_id")["rated_in"].min() - new.groupby("movie_id")["year"].first()).median() <= 1
    assert (age == 1).sum() > 1.1 * (age == 4).sum()


def test_popularity_drifts_more_than_chance_explains(ratings: pd.DataFrame, data: SimulatedData) -> None:
    old = ratings[ratings["year"] < MIDDLE.first_year]
    rng = np.random.default_rng(0)
    late = old["user_id"] > MIDDLE.num_users / 2  # people are numbered as they join
    shuffled = old["user_id"].isin(rng.permutation(MIDDLE.num_users)[: MIDDLE.num_users // 2] + 1)
    assert _distance(old["movie_id"], late) > 1.25 * _distance(old["movie_id"], shuffled)


def _distance(movies: pd.Series, group: pd.Series) -> float:
    """Half the sum of absolute differences between two groups' shares of the ratings."""
    one = movies[group].value_counts(normalize=True)
    other = movies[~group].value_counts(normalize=True)
    return float(one.sub(other, fill_value=0).abs().sum() / 2)


def test_what_a_person_watches_first_tells_the_genres_they_watch_later(data: SimulatedData) -> None:
    # Without taste (CHOICE_AFFINITY and MOOD_FIT 0) a mood that spans both halves leaves about 0.11.
    user = data.visits.user
    place = np.arange(len(user)) - np.searchsorted(user, user)
    later = place >= np.bincount(user)[user] // 2
    alike = []
    for genre in ("Horror", "Comedy", "Sci-Fi", "Romance", "Drama"):
        carries = data.movies["genres"].iloc[data.chosen].map(lambda genres, one=genre: one in genres)
        carries = carries.astype(float).reset_index(drop=True)
        halves = [carries[half].groupby(user[half]).mean() for half in (~later, later)]
        alike.append(np.corrcoef(*halves)[0, 1])
    assert np.mean(alike) > 0.25


def test_in_a_mood_people_choose_its_films_more_than_twice_as_often(data: SimulatedData) -> None:
    lifted = data.films.mood_lift[1:, data.chosen] > 0
    in_mood = data.visits.mood == np.arange(1, len(lifted) + 1)[:, None]
    assert lifted[in_mood].mean() > 2 * lifted[~in_mood].mean()


def test_moods_make_neighbours_in_a_visit_more_alike_than_ratings_far_apart(data: SimulatedData) -> None:
    visit, lifted = data.visits.visit, data.films.mood_lift[1:, data.chosen] > 0
    expected = lifted.mean(axis=1) ** 2
    near, far = (
        ((lifted[:, :-gap] & lifted[:, gap:])[:, visit[:-gap] == visit[gap:]].mean(axis=1) / expected).mean()
        for gap in (1, 40)
    )
    assert near > 1.15 * far
