"""Every source of candidates, listed once.

The recommender, its tuning, the bundle, the API's document and the page read this table. Another source is
a module of its own beside this one, a line here, and its knobs (`RecommenderParams` and `recommender` in
params.yaml).
"""

from functools import reduce

import numpy as np

from marquee.pipeline.arrays import Float32
from marquee.pipeline.params import RecommenderParams
from marquee.serving.recommender.sources import popular, similar, two_tower
from marquee.serving.recommender.sources.source import Origin, Part, Source

SOURCES = (
    Source(
        name="two_tower",
        quota=lambda params: params.two_tower_quota,
        scores=two_tower.scores,
        weight=lambda params: 1.0,
        shown="fits your history",
        shown_at_first="a good first guess",
        found_by="two-tower retrieval over the whole catalogue",
    ),
    Source(
        name="similar",
        quota=lambda params: params.similar_quota,
        scores=similar.scores,
        above=0.0,
        weight=lambda params: params.similar_weight,
        part=similar.NEIGHBOURS,
        shown="close to what you watched",
        found_by="movies watched by people who watched what you did",
    ),
    Source(
        name="popular",
        quota=lambda params: params.popular_quota,
        scores=popular.scores,
        shown="popular now",
        found_by="what is popular now",
    ),
)
"""The order matters: of two sources that put a movie equally high, the first is named."""
EXPLORATION = Origin(
    name="exploration", shown="something different", found_by="a little exploration, by chance"
)
"""Not a source: a place of the list filled by chance, whatever source gave the movie."""


def origins() -> tuple[Origin, ...]:
    """Whatever an answer may name as where a movie came from."""
    return (*SOURCES, EXPLORATION)


def names() -> list[str]:
    """The names of `origins`."""
    return [origin.name for origin in origins()]


def parts() -> dict[str, Part]:
    """Name in the bundle -> the file, for every source that has one of its own."""
    return {source.part.name: source.part for source in SOURCES if source.part is not None}


def quotas(params: RecommenderParams) -> list[int]:
    """How many candidates each source gives."""
    return [source.quota(params) for source in SOURCES]


def retrieval_score(scores: Float32, params: RecommenderParams) -> Float32:
    """Add up what the sources say of each movie, each at its weight.

    Args:
        scores: (sources, ...) float32, in the order of SOURCES.
        params: the weights.

    Returns:
        (...) float32.
    """
    weighed = [
        np.float32(source.weight(params)) * of_source
        for source, of_source in zip(SOURCES, scores, strict=True)
        if source.weight is not None
    ]
    total: Float32 = reduce(np.add, weighed)
    return total
