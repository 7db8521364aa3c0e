"""The model card: which data, under which licence, how good by which measure, what was required of it.

`package_service` builds it into the bundle, so it holds no commit, date or host: equal inputs, equal bytes.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from marquee.serving.recommender.bundle_files import MODEL_CARD
from marquee.serving.service.responses import Movie, SourceWords, YearsKnown
from marquee.serving.service.schemas import ContentHash

FILE = MODEL_CARD
DESCRIBED = ("evaluate_retrieval", "evaluate_ranking", "evaluate_recommender")
"""Stages whose metrics the card shows."""


class Part(BaseModel):
    """A part of the card."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Licence(Part):
    """Whose data, and what may be done with it."""

    data: str
    holder: str
    licence: str
    citation: str


class Data(Part):
    """What the models learned from."""

    source: Annotated[str, Field(description="as in params.yaml", examples=["ml-32m"])]
    simulated: Annotated[bool, Field(description="true: no rating is of a real person")]
    metadata: Annotated[str, Field(description="where facts of movies came from", examples=["included"])]
    md5: Annotated[dict[str, str], Field(description="of the files it was read from")]
    users: int
    movies: int
    ratings: int
    licences: list[Licence]


class Period(Part):
    """One part of the split."""

    ratings: int
    first_day: Annotated[str | None, Field(description="of its ratings, UTC", examples=["2017-10-09"])]


class Split(Part):
    """How ratings were held back to measure with."""

    kind: Annotated[str, Field(examples=["temporal"])]
    periods: Annotated[dict[str, Period], Field(description="train, validation, test")]


class Requirement(Part):
    """A gate of params.yaml that the bundle passed, or it would not have been packaged."""

    required: float
    passed: bool


class MeasuredScore(Part):
    """A measured number, a row of a metrics file."""

    metric: Annotated[str, Field(examples=["top_100_accuracy"])]
    model: Annotated[str, Field(description="or baseline; empty: a fact of the data", examples=["ease"])] = ""
    group: Annotated[
        str, Field(description="what it rests on; minus_x is the paired difference to x", examples=["all"])
    ] = "all"
    value: Annotated[float | None, Field(description="null where there was nothing to measure")]
    low: Annotated[float | None, Field(description="lower end of the 95 % interval")] = None
    high: Annotated[float | None, Field(description="upper end")] = None


class ModelCard(Part):
    """What is packaged."""

    data: Data
    split: Split
    metrics: Annotated[
        dict[str, list[MeasuredScore]], Field(description="by evaluation, on events nothing was fitted on")
    ]
    requirements: dict[str, Requirement]
    libraries: Annotated[
        list[str], Field(description="what the service runs on", examples=[["numpy==2.4.6"]])
    ]


class ModelResponse(ModelCard):
    """The card, and what may be asked of the bundle."""

    model: ContentHash
    num_movies: Annotated[int, Field(description="in the catalogue, those added later included")]
    genres: Annotated[list[str], Field(description="what the genres filter knows")]
    languages: Annotated[list[str], Field(description="what the languages filter knows")]
    years: Annotated[
        YearsKnown | None, Field(description="of the catalogue's movies; null: no movie's year is known")
    ]
    sources: Annotated[list[SourceWords], Field(description="what a recommendation's `source` may be")]
    first_titles: Annotated[
        list[Movie],
        Field(description="well-known movies to ask a new visitor about, the most telling first"),
    ]


def build(
    raw: Mapping[str, Any],
    processed: Mapping[str, Any],
    metrics: Mapping[str, Mapping[str, Any]],
    requirements: Mapping[str, Mapping[str, Any]],
    packages: Sequence[str],
) -> ModelCard:
    """Put the card together.

    Args:
        raw: data/raw/manifest.json.
        processed: data/processed/manifest.json.
        metrics: stage -> its metrics file; the scores of those in `DESCRIBED` are shown.
        requirements: name -> what was required, and whether it passed.
        packages: what the service's code imports, as its lock pins it.
    """
    counts = raw["counts"]
    return ModelCard(
        data=Data(
            source=raw["source"],
            simulated=raw.get("simulated", False),
            metadata=raw["metadata"]["source"],
            md5=raw["md5"],
            users=counts["users"],
            movies=counts["movies"],
            ratings=counts["interactions"],
            licences=[Licence(**licence) for licence in raw["licences"]],
        ),
        split=Split(
            kind=processed["split"],
            periods={
                name: Period(ratings=count, first_day=_day(processed["first_timestamp"].get(name)))
                for name, count in processed["interactions"].items()
            },
        ),
        metrics={stage: [MeasuredScore(**row) for row in metrics[stage]["scores"]] for stage in DESCRIBED},
        requirements={name: Requirement(**values) for name, values in requirements.items()},
        libraries=sorted(packages),
    )


def read(folder: Path) -> ModelCard:
    """The card of a bundle that was verified."""
    return ModelCard.model_validate_json((folder / FILE).read_bytes())


def _day(timestamp: int | None) -> str | None:
    return None if timestamp is None else datetime.fromtimestamp(timestamp, UTC).date().isoformat()
