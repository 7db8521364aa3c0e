"""What a source of candidates is, and what it is asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marquee.models.features.person import History
from marquee.pipeline.arrays import Float32
from marquee.pipeline.params import RecommenderParams
from marquee.serving.recommender.catalogue_index import CatalogueIndex

UNBOUNDED = float("-inf")


@dataclass(frozen=True)
class Part:
    """A file of the bundle that sources score with, beside the catalogue's index.

    Attributes:
        name: in the bundle, unlike any other file's.
        left_by: where the pipeline leaves the file.
        read: (path, number of movies in the catalogue) -> what `Asked.parts` holds.
    """

    name: str
    left_by: Path
    read: Callable[[Path, int], Any]


@dataclass(frozen=True)
class Asked:
    """One question, and all that sources may score the catalogue with.

    Attributes:
        history: in order of time, empty or not.
        strength: (len(history),) float32, how much each movie of it counts.
        query: (D,) float32, the query tower's answer to it.
        now: seconds since 1970, the moment of asking.
        index: the whole catalogue.
        parts: name of a `Part` -> what it read.
    """

    history: History
    strength: Float32
    query: Float32
    now: int
    index: CatalogueIndex
    parts: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A name that answers give for where a movie came from, and what a page makes of it.

    Attributes:
        name: in answers and in the API's document.
        shown: a few words beside a movie that has no liked movie as its reason.
        shown_at_first: the same for a visitor without a history; empty: `shown`.
        found_by: in full, to be read after "Found by".
    """

    name: str
    shown: str
    found_by: str
    shown_at_first: str = ""


@dataclass(frozen=True, kw_only=True)
class Source(Origin):
    """A source of candidates.

    Attributes:
        quota: how many candidates it gives, from the recommender's knobs.
        scores: (num_movies,) float32 of the whole catalogue, finite, higher is better.
        above: only movies with a score above this are candidates.
        weight: of its scores in the retrieval score, from the recommender's knobs; None: they only find.
        part: the file it scores with, if it has one of its own.
    """

    quota: Callable[[RecommenderParams], int]
    scores: Callable[[Asked], Float32]
    above: float = UNBOUNDED
    weight: Callable[[RecommenderParams], float] | None = None
    part: Part | None = None
