"""The BentoML service: thin, the work is in `answers.py`."""

import time
from pathlib import Path

import bentoml

import stages
from stages import paths
from stages.serving.answers import Answers
from stages.serving.bundle import open_packaged
from stages.serving.schemas import RecommendRequest, RecommendResponse

ROOT = Path(stages.__file__).parents[1]
"""The repository, or the Bento's `src`: the bundle lies in the same place in both."""


@bentoml.service(
    name="marquee",
    # numpy is imported before this module is: only the worker's environment comes early enough.
    envs=[{"name": "OPENBLAS_NUM_THREADS", "value": "1"}],
)
class Marquee:
    """Recommends movies to a history of ratings; readiness waits for a verified bundle."""

    def __init__(self) -> None:
        self.answers = Answers(open_packaged(ROOT / paths.BUNDLE))

    @bentoml.api(route="/recommend")  # type: ignore[untyped-decorator]
    def recommend(self, request: RecommendRequest, /) -> RecommendResponse:
        """Movies the history does not hold, best first."""
        return self.answers.recommend(request, now=int(time.time()))
