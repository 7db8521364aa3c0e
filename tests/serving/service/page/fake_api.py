"""A service that answers in the real contract's shape, always the same, and fails when told to."""

import csv
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

import uvicorn
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from marquee.serving.service import model_card, responses, schemas
from tests.places import ROOT
from tests.serving.service.page.fake_card import CARD, MODEL

PAGE = ROOT / "marquee/serving/service/page"
ANSWER = "01a21106-99f2-7463-83d3-07409e38cb2f"
PREFIX = "/behind/a/prefix"
"""Where the whole service lies: the page must not assume the root."""
LONGEST_HELD = 30
"""Seconds after which an answer goes out that a failed test never let go."""

NASTY = "<img src=x onerror=alert(1)> & <b>Bold</b>"


Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True)
class Film:
    movie_id: int
    title: str
    year: int
    genres: tuple[str, ...]
    language: str
    directors: tuple[str, ...]
    cast: tuple[str, ...]

    def shown(self) -> dict[str, Any]:
        return {
            "movie_id": self.movie_id,
            "title": self.title,
            "year": self.year,
            "genres": list(self.genres),
        }


@dataclass
class Api:
    """The service: what it was asked, and how it is to misbehave."""

    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Path and body; feedback that a movie was shown goes under `shown`, apart from what somebody did."""
    failing: dict[str, tuple[int, Any]] = field(default_factory=dict)
    """By path: answer with this status and body."""
    held: list[threading.Event] = field(default_factory=list)
    """The next answers to /recommend wait for one of these each."""
    card: model_card.ModelResponse = CARD

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [body for asked, body in self.asked if asked == path]

    def app(self) -> Starlette:
        routes = [
            Route("/recommend", self._recommend, methods=["POST"]),
            Route("/similar", self._similar, methods=["POST"]),
            Route("/predict_ratings", self._predict_ratings, methods=["POST"]),
            Route("/feedback", self._feedback, methods=["POST"]),
            Route("/movies", self._movies),
            Route("/movies/{movie_id:int}", self._movie),
            Route("/model", self._model),
            Mount("/ui", StaticFiles(directory=PAGE, html=True)),
        ]
        return Starlette(routes=[Mount(PREFIX, routes=routes)])

    async def _read(self, request: Request, path: str, schema: type[Body]) -> Body:
        body = await request.json()
        self.asked.append((path, body))
        return schema.model_validate(body)

    def _failure(self, path: str) -> Response | None:
        if path not in self.failing:
            return None
        status, body = self.failing[path]
        return JSONResponse(body, status, headers={"Retry-After": "1"} if status == 503 else None)

    async def _recommend(self, request: Request) -> Response:
        try:
            wanted = await self._read(request, "recommend", schemas.RecommendRequest)
        except ValidationError as error:
            problems = [{"loc": list(problem["loc"]), "msg": problem["msg"]} for problem in error.errors()]
            return JSONResponse({"detail": problems}, 400)
        if self.held:
            await run_in_threadpool(self.held.pop(0).wait, LONGEST_HELD)
        return self._failure("recommend") or _json(recommend(wanted))

    async def _similar(self, request: Request) -> Response:
        wanted = await self._read(request, "similar", schemas.SimilarRequest)
        return self._failure("similar") or _json(similar(wanted))

    async def _predict_ratings(self, request: Request) -> Response:
        wanted = await self._read(request, "predict_ratings", schemas.PredictRatingsRequest)
        rows = [responses.Prediction(movie_id=movie, predicted_rating=3.5) for movie in wanted.movie_ids]
        answer = responses.PredictRatingsResponse(predictions=rows, unknown_movie_ids=[], model=MODEL)
        return self._failure("predict_ratings") or _json(answer)

    async def _feedback(self, request: Request) -> Response:
        told = schemas.FeedbackRequest.model_validate(await request.json())
        path = "shown" if told.event == "shown" else "feedback"
        await self._read(request, path, schemas.FeedbackRequest)
        return self._failure("feedback") or _json(responses.FeedbackResponse())

    async def _movies(self, request: Request) -> Response:
        title = request.query_params["title"].casefold()
        self.asked.append(("movies", {"title": title}))
        found = [film for film in films() if title in film.title.casefold()]
        found.sort(key=lambda film: len(film.title))  # the whole title before what only holds it
        movies = [responses.Movie(**film.shown()) for film in found[: int(request.query_params["k"])]]
        return self._failure("movies") or _json(responses.MoviesResponse(movies=movies))

    async def _movie(self, request: Request) -> Response:
        film = by_id()[request.path_params["movie_id"]]
        people = {"directors": list(film.directors), "cast": list(film.cast)}
        return _json(responses.MovieDetails(**film.shown(), language=film.language, **people, ratings=1234))

    async def _model(self, _: Request) -> Response:
        return self._failure("model") or _json(self.card)


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an ASGI app on a free port, in a thread; yields its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # whoever comes before the server is ready waits
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=10)


def _json(answer: BaseModel) -> Response:
    return Response(answer.model_dump_json(), media_type="application/json")


@cache
def films() -> list[Film]:
    """The embedded catalogue, the newest first, and a title that would be HTML if the page let it."""
    with (ROOT / "data/sample/films.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            Film(
                place,
                row["title"],
                int(row["year"]),
                tuple(row["genres"].split("|")),
                row["language"],
                tuple(row["director"].split("|")),
                tuple(row["cast"].split("|")),
            )
            for place, row in enumerate(csv.DictReader(file), start=1)
        ]
    nasty = Film(5000, NASTY, 2050, ("Comedy",), "en", ("Nobody",), ())
    return [nasty, *reversed(rows)]


@cache
def by_id() -> dict[int, Film]:
    return {film.movie_id: film for film in films()}


def _passes(film: Film, wanted: schemas.Filters) -> bool:
    return (
        (not wanted.genres or not set(wanted.genres).isdisjoint(film.genres))
        and (not wanted.languages or film.language in wanted.languages)
        and film.year >= (wanted.years.first or 0)
        and film.year <= (wanted.years.last or 9999)
        and film.movie_id not in wanted.exclude
    )


def reason_of(film: Film, liked: Film) -> responses.Liked:
    """The liked movie, and the first genres that both have."""
    shared = [genre for genre in film.genres if genre in liked.genres][:2]
    return responses.Liked(movie_id=liked.movie_id, title=liked.title, shared=shared)


def recommend(wanted: schemas.RecommendRequest) -> responses.RecommendResponse:
    """Movies that share most genres with the liked ones, the newest first."""
    history = {rated.movie_id: rated.rating for rated in wanted.history}
    liked = [by_id()[movie] for movie, rating in history.items() if rating >= 4 and movie in by_id()]
    candidates = [film for film in films() if film.movie_id not in history and _passes(film, wanted)]

    def shared(film: Film) -> int:
        return max((len(set(film.genres) & set(other.genres)) for other in liked), default=0)

    best = sorted(candidates, key=lambda film: -shared(film))[: wanted.k]
    movies = []
    for rank, film in enumerate(best, start=1):
        because = max(liked, key=lambda other: len(set(film.genres) & set(other.genres)), default=None)
        movies.append(
            responses.RecommendedMovie(
                **film.shown(),
                score=10 - rank / 10,
                predicted_rating=max(0.5, 4.6 - rank / 20),
                source="similar" if because else "two_tower" if history else "popular",
                because=reason_of(film, because) if because else None,
                propensity=1.0,
                explanation=responses.Explanation(
                    retrieval_score=0.9 - rank / 100, rank_by_retrieval=rank, rank_by_rating=rank
                ),
            )
        )
    unknown = sorted((set(history) | set(wanted.exclude)) - set(by_id()))
    return responses.RecommendResponse(
        recommendations=movies, unknown_movie_ids=unknown, model=MODEL, request_id=ANSWER, milliseconds=2.34
    )


def similar(wanted: schemas.SimilarRequest) -> responses.SimilarResponse:
    """Movies that share most genres with one."""
    film = by_id()[wanted.movie_id]
    others = [other for other in films() if other != film and _passes(other, wanted)]
    best = sorted(others, key=lambda other: -len(set(film.genres) & set(other.genres)))[: wanted.k]
    rows = [
        responses.SimilarMovie(**one.shown(), score=1, shared=reason_of(one, film).shared) for one in best
    ]
    return responses.SimilarResponse(movie_id=film.movie_id, similar=rows, unknown_movie_ids=[], model=MODEL)
