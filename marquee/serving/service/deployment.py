"""Which bundles answer: the champion, perhaps a challenger beside it, each swapped when its folder changes.

A new bundle is verified, opened beside the old one, tried on recent requests, and takes its place between two
answers: an answer is computed from one `Opened`, so none mixes two bundles. A bad one is refused, and the old
one goes on.
"""

import gc
import hashlib
import json
import logging
import math
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from marquee.pipeline.params import ChallengerParams, Serving
from marquee.serving.recommender.bundle import open_packaged
from marquee.serving.recommender.manifest import MANIFEST, BundleError
from marquee.serving.service import limits, model_card
from marquee.serving.service.answers import Answers
from marquee.serving.service.schemas import RecommendRequest
from marquee.serving.telemetry import series

Arm = Literal["champion", "challenger"]
RECENT = 20
"""Requests kept to warm a new bundle with: the first answer of a model is its slowest."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opened:
    """One bundle, open and warm."""

    answers: Answers
    model_card: bytes
    serving: Serving
    coverage: series.Coverage

    @property
    def content_hash(self) -> str:
        """Of the bundle."""
        return self.answers.content_hash


class Deployment:
    """The bundles of one worker."""

    def __init__(self, champion: Path, challenger: Path) -> None:
        """Open the champion, and the challenger where there is one.

        Raises:
            BundleError: the champion cannot be served.
        """
        self._folders: dict[Arm, Path] = {"champion": champion, "challenger": challenger}
        self._recent: deque[RecommendRequest] = deque([RecommendRequest(history=[])], maxlen=RECENT)
        self._refused: dict[Arm, str] = {}
        self._opened: dict[Arm, Opened] = {"champion": self._open(champion)}
        series.observe_bundle("champion", self.champion.content_hash)
        self.look()
        _forget_garbage()

    @property
    def champion(self) -> Opened:
        """What answers unless an experiment says otherwise."""
        return self._opened["champion"]

    @property
    def shadow(self) -> Opened | None:
        """What answers too, shown to nobody."""
        return self._opened.get("challenger") if self._experiment.mode == "shadow" else None

    def arm_of(self, visitor_id: str | None) -> tuple[Arm, Opened]:
        """Who answers a visitor: in one experiment always the same; without an id, the champion."""
        challenger, experiment = self._opened.get("challenger"), self._experiment
        if challenger is None or experiment.mode != "split" or visitor_id is None:
            return "champion", self.champion
        if place_of(visitor_id, experiment.experiment) < experiment.share:
            return "challenger", challenger
        return "champion", self.champion

    def remember(self, request: RecommendRequest) -> None:
        """Keep a request to warm the next bundle with."""
        self._recent.append(request)

    def watch(self) -> None:
        """Look for new bundles now and then, in a thread of its own, until the process ends."""
        threading.Thread(target=self._watch, name="bundles", daemon=True).start()

    def look(self) -> None:
        """Take whatever bundle is new; one that cannot be served is refused once, and the old one goes on."""
        for arm, folder in self._folders.items():
            found, opened = _hash_in(folder), self._opened.get(arm)
            current = None if opened is None else opened.content_hash
            if found is None and arm == "challenger" and opened is not None:
                self._opened = {"champion": self.champion}
                series.observe_bundle(arm, None)
                log.info("the challenger %s is gone", opened.content_hash[:12])
            elif found not in (None, current, self._refused.get(arm)):
                self._swap(arm, folder, str(found))

    def _swap(self, arm: Arm, folder: Path, found: str) -> None:
        try:
            opened = self._open(folder)
        except (ValueError, OSError, KeyError) as error:
            self._refused[arm] = found
            series.observe_swap("refused")
            log.error("the bundle in %s is refused as %s, the old one goes on: %s", folder, arm, error)
            return
        before = self._opened.get(arm)
        self._opened = {**self._opened, arm: opened}
        self._refused.pop(arm, None)
        series.observe_swap("swapped")
        series.observe_bundle(arm, opened.content_hash)
        log.info(
            "%s: %s answers%s",
            arm,
            opened.content_hash[:12],
            "" if before is None else f" instead of {before.content_hash[:12]}",
        )
        del before
        _forget_garbage()

    def _open(self, folder: Path) -> Opened:
        answers = Answers(open_packaged(folder))
        for request in list(self._recent):
            _require_sound(folder, answers, request)
        return Opened(
            answers, _card(folder, answers), limits.read(folder), series.Coverage(answers.num_movies)
        )

    def _watch(self) -> None:
        while True:
            time.sleep(self.champion.serving.watch_seconds)
            try:
                self.look()
            except Exception:  # the thread must live as long as the service does
                log.exception("the folders of bundles could not be looked at")

    @property
    def _experiment(self) -> ChallengerParams:
        return self.champion.serving.challenger


def place_of(visitor_id: str, experiment: str) -> float:
    """A number in [0, 1) that is a visitor's own in an experiment, and another in the next."""
    digest = hashlib.sha256(f"{experiment}\n{visitor_id}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def _hash_in(folder: Path) -> str | None:
    """What the manifest says, unchecked; None where there is none, or not yet."""
    try:
        return str(json.loads((folder / MANIFEST).read_bytes())["content_hash"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _require_sound(folder: Path, answers: Answers, request: RecommendRequest) -> None:
    best = answers.recommend(request, now=int(time.time())).recommendations
    if not all(math.isfinite(movie.score) for movie in best):
        raise BundleError(f"{folder} gives scores that are no numbers: its models are broken.")


def _card(folder: Path, answers: Answers) -> bytes:
    card = model_card.ModelResponse(
        **model_card.read(folder).model_dump(),
        model=answers.content_hash,
        num_movies=answers.num_movies,
        genres=answers.genres,
        languages=answers.languages,
        sources=answers.sources,
    )
    return card.model_dump_json().encode()


def _forget_garbage() -> None:
    """What was opened stays: the garbage collector need not look through a catalogue again and again."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
