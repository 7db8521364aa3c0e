"""What comes out of the service: the documented contract, beside what goes in (`schemas.py`)."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from marquee.serving.service.schemas import ContentHash, Known, MovieId, SourceName, Stars

RequestId = Annotated[
    str | None, Field(description="names this answer in the event log: send it with feedback as answer_id")
]


class Movie(BaseModel):
    """A movie as every answer shows it."""

    movie_id: MovieId
    title: Annotated[str, Field(examples=["Toy Story"])]
    year: Known
    genres: Annotated[list[str], Field(examples=[["Animation", "Comedy"]])]


Shared = Annotated[
    list[str], Field(description="what both have: directors and cast first, then genres; two at most")
]


class Liked(BaseModel):
    """The movie of the history that led to a recommendation."""

    movie_id: MovieId
    title: str
    shared: Shared


class Explanation(BaseModel):
    """How a movie got its place."""

    retrieval_score: Annotated[
        float, Field(description="the sources' scores together; comparable within one answer")
    ]
    rank_by_retrieval: Annotated[int, Field(description="place in this answer by that score, from 1")]
    rank_by_rating: Annotated[int, Field(description="place in this answer by predicted rating, from 1")]


class RecommendedMovie(Movie):
    """One movie of an answer."""

    score: Annotated[float, Field(description="what the list is ordered by; comparable within one answer")]
    predicted_rating: Stars
    source: SourceName
    because: Annotated[
        Liked | None,
        Field(description="a liked movie that speaks for it and shares a genre; null: none does"),
    ]
    propensity: Annotated[
        float,
        Field(gt=0, le=1, description="probability that this place got it, given those above; 1: no chance"),
    ]
    explanation: Annotated[Explanation | None, Field(description="null unless explain was true")] = None


class RecommendResponse(BaseModel):
    """Movies the history does not hold, best first."""

    recommendations: list[RecommendedMovie]
    unknown_movie_ids: Annotated[list[int], Field(description="of history and exclude; they were left out")]
    model: ContentHash
    request_id: RequestId = None
    milliseconds: Annotated[float, Field(description="spent in the service on this answer")]


class SimilarMovie(Movie):
    """One movie of an answer."""

    score: Annotated[float, Field(description="likeness; comparable within one answer")]
    shared: Shared


class SimilarResponse(BaseModel):
    """Movies close to one, the closest first."""

    movie_id: MovieId
    similar: list[SimilarMovie]
    unknown_movie_ids: Annotated[list[int], Field(description="of exclude; they were left out")]
    model: ContentHash
    request_id: RequestId = None


class Prediction(BaseModel):
    """What the person would rate a movie."""

    movie_id: MovieId
    predicted_rating: Stars


class PredictRatingsResponse(BaseModel):
    """Predictions in the order asked; unknown movies have none."""

    predictions: list[Prediction]
    unknown_movie_ids: Annotated[list[int], Field(description="of history and movie_ids")]
    model: ContentHash
    request_id: RequestId = None


class FeedbackResponse(BaseModel):
    """The event was taken; it is written within a second."""

    recorded: Literal[True] = True


class YearsKnown(BaseModel):
    """First and last year of release in the catalogue."""

    first: int
    last: int


class SourceWords(BaseModel):
    """Where recommendations come from, in words that a page may show."""

    name: SourceName
    shown: Annotated[str, Field(description="beside a movie without `because`")]
    shown_at_first: Annotated[str, Field(description="the same for a visitor without a history")]
    found_by: Annotated[str, Field(description="in full, after the words: found by")]


class MoviesResponse(BaseModel):
    """Movies found, the best match first."""

    movies: list[Movie]


class MovieDetails(Movie):
    """All that the catalogue shows of a movie."""

    language: Annotated[str | None, Field(description="null where unknown", examples=["en"])]
    directors: list[str]
    cast: list[str]
    ratings: Annotated[int, Field(description="ratings the model learned from; 0: added later")]


class Problem(BaseModel):
    """One rule that a request breaks."""

    loc: Annotated[list[str | int], Field(description="the field; empty: the whole request")]
    msg: Annotated[str, Field(description="the rule")]


class ErrorResponse(BaseModel):
    """Every answer that is not 200."""

    detail: list[Problem]
