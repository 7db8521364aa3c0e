"""What goes into the service: the documented contract; what comes out is in `responses.py`.

Requests are strict: a text is no number, an unknown field is an error. Defaults are those of the API alone.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from marquee.serving.recommender.sources import registry

LATEST = 4_102_444_800
"""2100-01-01: a later time is in milliseconds."""
LONGEST_HISTORY = 10_000
"""Movies; whoever rated more sends the latest."""
MOST_MOVIES = 100
"""In one answer; `RecommenderParams.two_tower_quota` is never less, so that there are as many to give."""
MOST_PREDICTIONS = 500
LONGEST_TITLE = 200
LARGEST_ID = 2**31 - 1
REQUEST_ID = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
"""UUIDv7, as the event log has it."""
"""Ids are 32-bit numbers in the tables."""

HISTORY_EXAMPLE: list[Any] = [{"movie_id": 1, "rating": 4.5}, {"movie_id": 2, "rating": 2}]

MovieId = Annotated[int, Field(ge=0, le=LARGEST_ID, description="MovieLens' id", examples=[1])]
Stars = Annotated[float, Field(ge=0.5, le=5, description="stars, 0.5 to 5", examples=[4.5])]
K = Annotated[int, Field(ge=1, le=MOST_MOVIES, description="how many movies to return")]
Year = Annotated[int, Field(ge=1800, le=2200)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Known = Annotated[int | None, Field(description="year of release; null where unknown", examples=[1995])]
ContentHash = Annotated[str, Field(description="content hash of the bundle that answered")]


def _known_source(name: str) -> str:
    if name not in registry.names():
        raise ValueError(f"must be one of {', '.join(registry.names())}; received {name}")
    return name


def _list_sources(schema: dict[str, Any]) -> None:
    schema["enum"] = registry.names()


SourceName = Annotated[
    str,
    AfterValidator(_known_source),
    Field(description="where it came from; GET /model has words for it", json_schema_extra=_list_sources),
]
"""A name of the registry: another source is in the API's document as soon as it is there."""


class Request(BaseModel):
    """Whatever a caller sends."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


VisitorId = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=64,
        description="ties the requests of one visitor together; opaque, nothing personal",
        examples=["7f3a9c"],
    ),
]


class Rated(Request):
    """A movie somebody rated."""

    movie_id: MovieId
    rating: Stars
    timestamp: Annotated[
        int | None, Field(ge=0, le=LATEST, description="seconds since 1970; for every movie or for none")
    ] = None


def _all_times_or_none(history: list[Rated]) -> list[Rated]:
    timed = sum(rated.timestamp is not None for rated in history)
    if timed not in (0, len(history)):
        raise ValueError(f"give every movie a timestamp or none; {timed} of {len(history)} have one")
    return history


History = Annotated[
    list[Rated],
    AfterValidator(_all_times_or_none),
    Field(
        max_length=LONGEST_HISTORY,
        description=(
            "may be empty; in any order where times are given, else oldest first. A movie that comes "
            "twice counts twice. Unknown ids are reported and left out"
        ),
        examples=[HISTORY_EXAMPLE],
    ),
]


class Years(Request):
    """Years of release, both ends included; a movie whose year is unknown is in none."""

    first: Annotated[Year | None, Field(description="null: from the beginning")] = None
    last: Annotated[Year | None, Field(description="null: until today")] = None

    @model_validator(mode="after")
    def _in_order(self) -> "Years":
        if self.first is not None and self.last is not None and self.first > self.last:
            raise ValueError(f"first must be at most last; received {self.first} to {self.last}")
        return self


class Filters(Request):
    """Which movies may be answered; each left out or empty lets all of them through."""

    genres: Annotated[
        list[Name],
        Field(max_length=50, description="any of these, as GET /model lists them", examples=[["Drama"]]),
    ] = []
    years: Annotated[Years, Field(examples=[{"first": 1990, "last": 1999}])] = Years()
    languages: Annotated[
        list[Name],
        Field(max_length=50, description="any of these, as GET /model lists them", examples=[["en"]]),
    ] = []
    exclude: Annotated[
        list[MovieId], Field(max_length=LONGEST_HISTORY, description="movies not to show", examples=[[7]])
    ] = []
    visitor_id: VisitorId = None


class RecommendRequest(Filters):
    """Whom to recommend to, and which movies may be recommended."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"history": HISTORY_EXAMPLE, "k": 10, "years": {"first": 1990}}}
    )

    history: History
    k: K = 10
    explain: Annotated[bool, Field(description="say how each movie got its place")] = False
    explore_seed: Annotated[
        int | None,
        Field(
            ge=0,
            le=2**63 - 1,
            description="mix in some movies by chance, the same for the same seed; null: none",
        ),
    ] = None


class SimilarRequest(Filters):
    """Movies like which one, and which may be shown."""

    model_config = ConfigDict(json_schema_extra={"example": {"movie_id": 1, "k": 10}})

    movie_id: MovieId
    k: K = 10


class PredictRatingsRequest(Request):
    """Whose ratings of which movies to predict."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"history": HISTORY_EXAMPLE, "movie_ids": [3, 4, 5]}}
    )

    history: History
    movie_ids: Annotated[list[MovieId], Field(min_length=1, max_length=MOST_PREDICTIONS)]
    visitor_id: VisitorId = None


class FeedbackRequest(Request):
    """What somebody did with a movie they were shown."""

    model_config = ConfigDict(json_schema_extra={"example": {"movie_id": 1, "event": "clicked", "place": 3}})

    movie_id: MovieId
    event: Literal["shown", "clicked", "rated", "dismissed"]
    rating: Annotated[
        Stars | None, Field(validate_default=True, description="only and always where the event is rated")
    ] = None
    answer_id: Annotated[
        str | None,
        Field(pattern=REQUEST_ID, description="request_id of the answer that showed it"),
    ] = None
    place: Annotated[
        int | None, Field(ge=1, le=MOST_MOVIES, description="of the movie in that answer, from 1")
    ] = None
    visitor_id: VisitorId = None

    @field_validator("rating")
    @classmethod
    def _of_rated_alone(cls, rating: float | None, info: ValidationInfo) -> float | None:
        event = info.data.get("event")
        if event is not None and (event == "rated") != (rating is not None):
            raise ValueError(
                f"give it where the event is rated, and only there; received {rating} with {event}"
            )
        return rating


class MoviesQuery(Request):
    """A search by title."""

    title: Annotated[
        str,
        Field(
            min_length=1,
            max_length=LONGEST_TITLE,
            description="in part or whole; case, accents, a leading article and small typos do not matter",
            examples=["matrix"],
        ),
    ]
    k: K = 10
