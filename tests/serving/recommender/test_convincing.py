"""What must hold of the sample's own models, whoever asks, in the manner of CheckList and RecList."""

import re
from dataclasses import replace

import numpy as np
import pytest

from marquee.models.features.person import History
from marquee.pipeline import paths
from marquee.pipeline.files import read_json
from marquee.pipeline.params import RecommenderParams
from marquee.pipeline.sections import read_yaml
from marquee.serving.recommender import bundle, bundle_files, reasons
from marquee.serving.recommender.recommender import Recommender
from tests.fixtures.tiny_pipeline import PARAMS
from tests.places import ROOT

NOW = 1_546_300_800  # 2019-01-01, as the sample ends
STARS = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
COMEDIES = ("Borat", "The Hangover", "Clerks")
OTHER_COMEDIES = ("Mean Girls", "Radio Days", "My Cousin Vinny")
FAVOURITES = ("Toy Story", "Alien", "The Godfather", "Titanic", "The Matrix", "Halloween")
NOT_YET = pytest.mark.xfail(reason="the simulated people follow genres too little for one movie to tell")


@pytest.fixture(scope="module")
def recommender() -> Recommender:
    """The models that are here under the knobs of params.yaml, which may be newer than they are."""
    if not (ROOT / paths.EXPORTED.winner).is_file():
        pytest.skip("models/exported is not here: run make repro first")
    if read_json(ROOT / paths.RAW.manifest)["source"] != "sample":
        pytest.skip("the models are of other data than the embedded sample")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        found = bundle.read(bundle_files.parts_of_pipeline(additions=False))
        knobs = read_yaml(paths.RECOMMENDER.best_params) | PARAMS.recommender
    fixed = PARAMS.neighbours
    dislikes = {name: fixed[name] for name in ("disliked_below", "disliked_weight") if name in fixed}
    return Recommender(
        replace(found, settings=found.settings.model_copy(update=dislikes)), RecommenderParams(**knobs)
    )


def rated(recommender: Recommender, stars: dict[str, float]) -> History:
    titles = recommender.index.titles
    id_of = dict(zip(titles.title, titles.movie_id, strict=True))
    return recommender.history([id_of[title] for title in stars], list(stars.values()), None, NOW)[0]


def many(recommender: Recommender, count: int) -> History:
    rng = np.random.default_rng(3)
    ids = rng.choice(recommender.index.titles.movie_id, count, replace=False).tolist()
    return recommender.history(ids, (rng.integers(1, 11, count) / 2).tolist(), None, NOW)[0]


@pytest.mark.parametrize("comedies", [COMEDIES, OTHER_COMEDIES])
def test_who_dislikes_comedies_gets_fewer_of_them_than_who_likes_them(
    recommender: Recommender, comedies: tuple[str, ...]
):
    genres = recommender.index.titles.genres

    def among_ten(stars: float) -> int:
        answer = recommender.recommend(rated(recommender, dict.fromkeys(comedies, stars)), NOW, 10)
        return sum("Comedy" in genres[one.movie_index] for one in answer)

    assert among_ten(1.0) < among_ten(5.0)


def test_who_liked_nothing_is_told_no_liked_movie(recommender: Recommender):
    answer = recommender.recommend(rated(recommender, dict.fromkeys(COMEDIES, 1.0)), NOW, 10)
    assert [one.because for one in answer] == [-1] * 10


@pytest.mark.parametrize(
    "title",
    [pytest.param(one, marks=[NOT_YET] if one in ("Alien", "Halloween") else []) for one in FAVOURITES],
)
def test_who_liked_one_movie_gets_its_like(recommender: Recommender, title: str):
    history = rated(recommender, {title: 5.0})
    genres, liked = recommender.index.titles.genres, int(history.movie_index[0])
    shown = [one.movie_index for one in recommender.recommend(history, NOW, 10)]
    assert sum(bool(set(genres[movie]) & set(genres[liked])) for movie in shown) >= 5


@pytest.mark.parametrize("title", FAVOURITES)
def test_the_better_one_movie_was_liked_the_better_its_like_is_predicted(
    recommender: Recommender, title: str
):
    movie = int(rated(recommender, {title: 5.0}).movie_index[0])
    like, _ = recommender.similar(movie, 20)
    means = [
        float(recommender.predict_ratings(rated(recommender, {title: stars}), like, NOW).mean())
        for stars in STARS
    ]
    assert means == sorted(means)


def test_three_hundred_ratings_are_answered_with_ten_other_movies(recommender: Recommender):
    history = many(recommender, 300)
    shown = [one.movie_index for one in recommender.recommend(history, NOW, 10)]
    assert len(set(shown)) == 10
    assert not set(shown) & set(history.movie_index.tolist())


@pytest.mark.parametrize("count", [1, 5, 30, 300])
def test_no_place_of_ten_is_below_the_own_mean_while_there_is_better(recommender: Recommender, count: int):
    history = many(recommender, count)
    ranked = recommender.rank(history, NOW)
    least = history.rating.mean() - recommender.params.below_mean
    first, left = ranked.predicted_rating[:10], ranked.predicted_rating[10:]
    assert (first >= least).all() or (left < least).all()


@pytest.mark.parametrize("count", [3, 30, 300])
def test_a_reason_shares_something_that_can_be_seen_and_is_not_named_everywhere(
    recommender: Recommender, count: int
):
    answer = recommender.recommend(many(recommender, count), NOW, 10)
    named = [one.because for one in answer if one.because >= 0]
    assert max(map(named.count, named), default=0) <= 3
    titles = recommender.index.titles
    assert all(reasons.in_common(titles, one.movie_index, one.because) for one in answer if one.because >= 0)


@pytest.mark.parametrize("count", [0, 1, 300])
def test_no_film_comes_twice_under_two_titles(recommender: Recommender, count: int):
    titles = recommender.index.titles
    shown = [one.movie_index for one in recommender.recommend(many(recommender, count), NOW, 100)]
    plain = [re.sub(r"\b(the|a|an)\b|\W", "", titles.title[one].lower()) for one in shown]
    films = list(zip(plain, (titles.year[one] for one in shown), strict=True))
    assert len(set(films)) == len(films) == 100
