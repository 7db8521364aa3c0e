"""What goes in and out of the service: the documented contract."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

LATEST = 4_102_444_800  # 2100-01-01: a later time is in milliseconds
LONGEST_HISTORY = 10_000
MOST_MOVIES = 100

RECOMMEND_EXAMPLE: dict[str, Any] = {
    "history": [{"movie_id": 1, "rating": 4.5}, {"movie_id": 2571, "rating": 5.0}],
    "k": 10,
}


class Rated(BaseModel):
    """A movie somebody rated."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    movie_id: Annotated[int, Field(description="MovieLens' id")]
    rating: Annotated[float, Field(ge=0.5, le=5, description="stars")]
    timestamp: Annotated[
        int | None, Field(ge=0, le=LATEST, description="seconds since 1970; for every movie or for none")
    ] = None


class RecommendRequest(BaseModel):
    """Whom to recommend to: what they rated, in any order where times are given, else oldest first."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"example": RECOMMEND_EXAMPLE})

    history: Annotated[list[Rated], Field(max_length=LONGEST_HISTORY, description="may be empty")]
    k: Annotated[int, Field(ge=1, le=MOST_MOVIES, description="how many movies to return")] = 10

    @model_validator(mode="after")
    def _all_times_or_none(self) -> "RecommendRequest":
        timed = sum(rated.timestamp is not None for rated in self.history)
        if timed not in (0, len(self.history)):
            raise ValueError(
                f"history: give every movie a timestamp or none; {timed} of {len(self.history)} have one"
            )
        return self


class RecommendedMovie(BaseModel):
    """One movie of the answer."""

    movie_id: int
    title: str
    year: Annotated[int | None, Field(description="of release; null where unknown")]
    genres: list[str]
    score: Annotated[float, Field(description="what the list is ordered by; comparable within one answer")]
    predicted_rating: Annotated[float, Field(description="stars, 0.5 to 5")]


class RecommendResponse(BaseModel):
    """Movies the history does not hold, best first."""

    recommendations: list[RecommendedMovie]
    unknown_movie_ids: Annotated[list[int], Field(description="of the history; they were left out")]
    model: Annotated[str, Field(description="content hash of the bundle that answered")]
