"""Requests answered without a server, over a bundle made by hand."""

from typing import Any

import numpy as np
import pytest

from marquee.models.features.person import History
from marquee.serving.recommender import recommender
from marquee.serving.recommender.catalogue_filter import Wanted
from marquee.serving.service.answers import Answers
from marquee.serving.service.refusal import Refused
from marquee.serving.service.responses import RecommendResponse
from marquee.serving.service.schemas import (
    MoviesQuery,
    PredictRatingsRequest,
    RecommendRequest,
    SimilarRequest,
)
from tests.serving import small
from tests.serving.small import MOVIES, NOW, id_of


@pytest.fixture(scope="module")
def answers() -> Answers:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recommender, "LiteRtModel", small.Arithmetic)
        return Answers(small.packaged())


def rated(*rows: int, rating: float = 5.0) -> list[dict[str, Any]]:
    return [{"movie_id": id_of(row), "rating": rating} for row in rows]


def recommend(answers: Answers, now: int = NOW, **fields: Any) -> RecommendResponse:
    return answers.recommend(RecommendRequest.model_validate({"history": [], **fields}), now)


def without_time(response: RecommendResponse) -> dict[str, Any]:
    return response.model_dump(exclude={"milliseconds"})


def test_an_answer_is_what_the_recommender_says_with_names(answers: Answers):
    fields = {"history": rated(0, 7), "k": 6, "genres": ["Drama"], "years": {"last": 1990}, "exclude": [105]}
    response = recommend(answers, explore_seed=3, **fields)
    history, _ = answers.recommender.history([5, 75], [5.0, 5.0], None, NOW)
    wanted = Wanted(frozenset({"Drama"}), None, 1990, frozenset(), [10])
    expected = answers.recommender.recommend(history, NOW, 6, wanted, 3)
    assert [movie.movie_id for movie in response.recommendations] == [
        id_of(one.movie_index) for one in expected
    ]
    for movie, one in zip(response.recommendations, expected, strict=True):
        assert (movie.score, movie.predicted_rating, movie.source) == (
            one.score,
            one.predicted_rating,
            one.source,
        )
        assert "Drama" in movie.genres
        assert movie.year is not None
        assert movie.year <= 1990
        assert movie.movie_id != 105
    assert response.model == small.HASH
    assert response.milliseconds > 0


def test_who_asks_as_offline_evaluation_does_gets_the_same(answers: Answers):
    history = History(
        np.array([3, 9, 1], np.int32), np.array([4.5, 1.0, 5.0], np.float32), np.array([10, 10, 20])
    )
    request, now = answers.request_of(history, NOW)
    assert [(one.movie_id, one.rating, one.timestamp) for one in request.history] == [
        (35, 4.5, 10),
        (95, 1.0, 10),
        (15, 5.0, 20),
    ]
    offline = answers.recommender.recommend(history, NOW, 10)
    live = answers.recommend(request, now).recommendations
    assert [(movie.movie_id, movie.score) for movie in live] == [
        (id_of(one.movie_index), one.score) for one in offline
    ]


def test_a_reason_is_a_movie_of_the_history_by_name_and_what_both_share(answers: Answers):
    (movie,) = recommend(answers, history=rated(0, 40), genres=["Romance"]).recommendations
    assert movie.title.startswith("Amélie")
    assert movie.because is not None
    assert (movie.because.movie_id, movie.because.title) == (405, "Film Number 40")
    assert movie.because.shared == ["Comedy"]


def test_a_liked_movie_that_shares_nothing_is_no_reason(answers: Answers):
    (movie,) = recommend(answers, history=rated(0), genres=["Romance"]).recommendations
    assert movie.because is None


def test_nobody_is_named_as_the_reason_where_nothing_was_liked(answers: Answers):
    shown = recommend(answers, history=rated(0, 3, rating=0.5)).recommendations
    assert [movie.because for movie in shown] == [None] * 10


def test_an_explanation_gives_places_within_the_answer(answers: Answers):
    shown = recommend(answers, history=rated(0, 7), explain=True, k=5).recommendations
    explained = [movie.explanation for movie in shown if movie.explanation is not None]
    by_retrieval = sorted(explained, key=lambda one: -one.retrieval_score)
    assert [one.rank_by_retrieval for one in by_retrieval] == [1, 2, 3, 4, 5]
    by_rating = sorted(shown, key=lambda movie: -movie.predicted_rating)
    assert [movie.explanation and movie.explanation.rank_by_rating for movie in by_rating] == [1, 2, 3, 4, 5]
    assert [movie.explanation for movie in recommend(answers, k=5).recommendations] == [None] * 5


def test_unknown_ids_of_history_and_exclude_are_reported_once(answers: Answers):
    history = [*rated(0), {"movie_id": 6, "rating": 3}, {"movie_id": 7, "rating": 3}]
    response = recommend(answers, history=history, exclude=[7, 8, 15])
    assert response.unknown_movie_ids == [6, 7, 8]


def test_a_clock_behind_the_history_is_put_after_it(answers: Answers):
    history = [{"movie_id": 5, "rating": 4, "timestamp": NOW}]
    one, other = (recommend(answers, now, history=history) for now in (NOW - 100, NOW + 1))
    assert without_time(one) == without_time(other)
    assert without_time(recommend(answers, NOW + 10**8, history=history)) != without_time(one)


@pytest.mark.parametrize(
    ("fields", "loc", "rule"),
    [
        (
            {"genres": ["Drama", "Jazz"]},
            ["genres", 1],
            "must be one of Action, Comedy, Drama, Romance, Sci-Fi",
        ),
        ({"languages": ["English"]}, ["languages", 0], "must be one of en, fr; received English"),
    ],
)
def test_a_name_the_catalogue_does_not_know_is_refused_with_those_it_knows(
    answers: Answers, fields: dict[str, Any], loc: list[Any], rule: str
):
    with pytest.raises(Refused) as refusal:
        recommend(answers, **fields)
    (problem,) = refusal.value.problems
    assert refusal.value.status == 400
    assert problem.loc == loc
    assert rule in problem.msg


def test_filters_leave_only_what_they_name(answers: Answers):
    french = recommend(answers, languages=["fr"]).recommendations
    assert [movie.movie_id for movie in french] == [15]
    nineties = recommend(answers, years={"first": 1999, "last": 1999}).recommendations
    assert {movie.year for movie in nineties} == {1999}
    assert recommend(answers, exclude=[id_of(row) for row in range(MOVIES)]).recommendations == []


def test_a_movie_without_a_year_or_language_has_none(answers: Answers):
    movie = answers.movie(id_of(3))
    assert (movie.title, movie.year, movie.language) == ("An Untitled Film", None, None)
    (shown,) = recommend(answers, history=rated(*(row for row in range(MOVIES) if row != 3))).recommendations
    assert (shown.title, shown.year) == ("An Untitled Film", None)


def test_a_movie_comes_with_its_people_and_the_ratings_it_was_learned_from(answers: Answers):
    movie = answers.movie(5)
    assert (movie.directors, movie.cast, movie.language) == (["Lana Wachowski"], ["Keanu Reeves"], "en")
    assert movie.ratings == 60


def test_similar_movies_leave_out_the_movie_itself_and_what_is_filtered(answers: Answers):
    request = SimilarRequest.model_validate({"movie_id": 5, "k": 5, "exclude": [25, 6], "genres": ["Action"]})
    response = answers.similar(request)
    rows, scores = answers.recommender.similar(0, 5, Wanted(frozenset({"Action"}), excluded=[2]))
    assert [movie.movie_id for movie in response.similar] == [id_of(row) for row in rows.tolist()]
    assert [movie.score for movie in response.similar] == scores.tolist()
    assert [movie.shared[0] for movie in response.similar] == ["Action"] * 5
    assert response.unknown_movie_ids == [6]
    with pytest.raises(Refused, match="is not in the catalogue"):
        answers.similar(SimilarRequest(movie_id=6))


def test_predictions_come_in_the_order_asked_without_unknown_movies(answers: Answers):
    request = PredictRatingsRequest.model_validate(
        {"history": [*rated(0), {"movie_id": 1, "rating": 2}], "movie_ids": [35, 6, 25, 35]}
    )
    response = answers.predict_ratings(request, NOW)
    history, _ = answers.recommender.history([5], [5.0], [NOW - 2], NOW)
    stars = answers.recommender.predict_ratings(history, np.array([3, 2], np.int32), NOW).tolist()
    assert [(one.movie_id, one.predicted_rating) for one in response.predictions] == [
        (35, stars[0]),
        (25, stars[1]),
        (35, stars[0]),
    ]
    assert response.unknown_movie_ids == [1, 6]


def test_only_unknown_movies_have_no_predictions(answers: Answers):
    request = PredictRatingsRequest.model_validate({"history": [], "movie_ids": [6]})
    assert answers.predict_ratings(request, NOW).predictions == []


def test_movies_are_found_by_title(answers: Answers):
    found = answers.movies(MoviesQuery(title="amelie", k=3)).movies
    assert [(movie.movie_id, movie.year) for movie in found] == [(15, 2001)]


def test_of_a_history_that_is_too_long_the_newest_is_sent(answers: Answers, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("marquee.serving.service.answers.LONGEST_HISTORY", 2)
    rows, stars = np.array([4, 5, 6], np.int32), np.array([1.0, 2.0, 3.0], np.float32)
    request, _ = answers.request_of(History(rows, stars, np.array([NOW - 3, NOW - 2, NOW - 1])), NOW)
    assert [(one.movie_id, one.rating) for one in request.history] == [(id_of(5), 2.0), (id_of(6), 3.0)]
