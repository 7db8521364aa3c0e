"""Questions whose answers are known beforehand: two bundles, and what each says to some histories."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import bundles
from marquee.serving.recommender import bundle_files
from marquee.serving.recommender.bundle import open_packaged
from marquee.serving.service.answers import Answers
from marquee.serving.service.schemas import LATEST, Rated, RecommendRequest

COUNT = 40
FAR = LATEST - 1_000_000
"""Time of a history's last rating: the moment of asking is the second after it, whatever a clock says."""
OTHER_WEIGHT = 3.0
"""Times as much do predicted stars count in the other bundle: its lists are in another order."""


@dataclass(frozen=True)
class Probe:
    """A question and its answer by each bundle.

    Attributes:
        body: of POST /recommend.
        expected: content hash -> `recommendations`, as JSON says it.
    """

    body: bytes
    expected: Mapping[str, Any]


def lay_out(root: Path, folder: Path) -> tuple[Path, Path]:
    """A folder that `bentoml serve` takes for the repository; returns the packaged bundle and another one."""
    packaged, other = bundles.lay_out(root, folder), folder / "other"
    weight = bundles.read(packaged, bundle_files.RECOMMENDER)["rating_weight"]
    knobs = {"rating_weight": OTHER_WEIGHT * (weight or 1.0)}
    bundles.repackage(packaged, other, {bundle_files.RECOMMENDER: knobs})
    return packaged, other


def probes(packaged: tuple[Path, ...], seed: int) -> list[Probe]:
    """Questions by people with short and long histories, a third of them with a say for chance."""
    opened = {found.content_hash: Answers(found) for found in map(open_packaged, packaged)}
    first = next(iter(opened.values()))
    ids = first.recommender.index.titles.movie_id
    rng = np.random.default_rng(seed)
    asked = [_request(number, ids, rng) for number in range(COUNT)]
    return [
        Probe(
            request.model_dump_json(exclude_none=True).encode(),
            {name: _recommended(answers, request) for name, answers in opened.items()},
        )
        for request in asked
    ]


def _request(number: int, ids: list[int], rng: np.random.Generator) -> RecommendRequest:
    length = int(rng.integers(1, 60))
    movies = rng.choice(ids, length, replace=False).tolist()
    stars = (rng.integers(1, 11, length) / 2).tolist()
    history = [
        Rated(movie_id=movie, rating=rating, timestamp=FAR - length + place + 1)
        for place, (movie, rating) in enumerate(zip(movies, stars, strict=True))
    ]
    seed = number if number % 3 == 0 else None
    return RecommendRequest(history=history, explore_seed=seed, visitor_id=f"visitor {number}")


def _recommended(answers: Answers, request: RecommendRequest) -> Any:
    return json.loads(answers.recommend(request, FAR).model_dump_json())["recommendations"]
