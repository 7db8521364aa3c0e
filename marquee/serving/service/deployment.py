"""Which bundles answer: the champion, perhaps a challenger beside it, each swapped when its folder changes.

A new bundle is verified, opened beside the old one, tried on recent requests, and takes its place between two
answers: an answer is computed from one `Opened`, so none mixes two bundles. A bad one is refused, and the old
one goes on.
"""

import ctypes
import gc
import hashlib
import json
import logging
import math
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from marquee.pipeline import paths
from marquee.pipeline.params import ChallengerParams, Serving
from marquee.serving.recommender import shared_arrays
from marquee.serving.recommender.bundle import open_packaged
from marquee.serving.recommender.manifest import MANIFEST, BundleError
from marquee.serving.service import model_card, soundness
from marquee.serving.service.answers import Answers
from marquee.serving.service.guard import limits
from marquee.serving.service.model_card import ModelCard
from marquee.serving.service.refusal import Refused
from marquee.serving.service.schemas import RecommendRequest
from marquee.serving.telemetry import series

Arm = Literal["champion", "challenger"]
Files = tuple[tuple[str, int, int, int], ...]
RECENT = 20
"""Requests kept to warm a new bundle with: the first answer of a model is its slowest."""
LONGEST_KEPT = 500
"""Movies in the history of a request that is kept: twenty of the longest allowed would take 100 MB."""
COLLECT_AFTER = 20_000
"""New objects until the garbage collector looks at them: with Python's 700, recording takes twice as long."""
TRIES = 2
"""Looks at the same files before a bundle is refused: at the first one it may be half copied."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Folders:
    """Where bundles are, in a folder laid out as the repository is."""

    root: Path

    @property
    def champion(self) -> Path:
        """The bundle that was promoted; as long as none was, what the pipeline packaged last."""
        promoted = self.root / paths.CHAMPION
        return promoted if _hash_in(promoted) is not None else self.root / paths.BUNDLE

    @property
    def before(self) -> list[Path]:
        """What may have answered before the champion, the latest first."""
        return [self.root / paths.PREVIOUS, self.root / paths.BUNDLE]

    @property
    def challenger(self) -> Path:
        """The bundle to compare with the champion."""
        return self.root / paths.CHALLENGER


@dataclass(frozen=True)
class Opened:
    """One bundle, open and warm."""

    answers: Answers
    model_card: bytes
    serving: Serving

    @property
    def content_hash(self) -> str:
        """Of the bundle."""
        return self.answers.content_hash


class Deployment:
    """The bundles of one worker; `look` is for one thread, all else for any.

    Attributes:
        coverage: the movies that the champion showed.
    """

    coverage: series.Coverage

    def __init__(self, folders: Folders) -> None:
        """Open the champion, and the challenger where there is one.

        A worker that starts again while the champion is broken answers as the others do that went on.

        Raises:
            BundleError: the champion cannot be served, and nothing that was before it.
        """
        self._places = folders
        self._folders: dict[Arm, Path] = {"champion": folders.champion, "challenger": folders.challenger}
        self._recent: deque[RecommendRequest] = deque([RecommendRequest(history=[])], maxlen=RECENT)
        self._failed: dict[Arm, tuple[Files, int]] = {}
        self._over = threading.Event()
        self._opened: dict[Arm, Opened] = {}
        self._take("champion", self._open_first())
        self.look()

    @property
    def champion(self) -> Opened:
        """What answers unless an experiment says otherwise."""
        return self._opened["champion"]

    @property
    def shadow(self) -> Opened | None:
        """What answers too, shown to nobody."""
        return self._opened.get("challenger") if self._experiment.mode == "shadow" else None

    @property
    def detail(self) -> dict[str, Any]:
        """What answers, and which new bundles were refused, for people."""
        refused = [arm for arm, (_, times) in self._failed.items() if times >= TRIES]
        bundles = {arm: opened.content_hash for arm, opened in self._opened.items()}
        return {"bundles": bundles, "refused": refused}

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
        if len(request.history) <= LONGEST_KEPT:
            self._recent.append(request)

    def watch(self) -> None:
        """Look for new bundles now and then, in a thread of its own, until `close`."""
        threading.Thread(target=self._watch, name="bundles", daemon=True).start()

    def close(self) -> None:
        """Look no longer, and leave nothing behind."""
        self._over.set()
        for opened in self._opened.values():
            shared_arrays.OF_THIS_USER.forget(opened.content_hash)

    def look(self) -> None:
        """Take whatever bundle is new; one that cannot be served is refused once, and the old one goes on."""
        if self._folders["champion"] in self._places.before:  # perhaps one was promoted since
            self._folders["champion"] = self._places.champion
        for arm, folder in self._folders.items():
            found, opened = _hash_in(folder), self._opened.get(arm)
            if opened is not None and found == opened.content_hash:
                self._failed.pop(arm, None)
            elif found is not None:
                self._try(arm, folder)
            elif arm == "challenger" and opened is not None:
                self._drop_challenger(opened)

    def _open_first(self) -> Opened:
        try:
            return self._open(self._places.champion)
        except Exception as error:
            for folder in self._places.before:
                with suppress(Exception):
                    opened = self._open(folder)
                    log.error(
                        "%s cannot be served, %s answers instead: %s", self._places.champion, folder, error
                    )
                    return opened
            raise

    def _try(self, arm: Arm, folder: Path) -> None:
        files = _files(folder)
        failed, times = self._failed.get(arm, (None, 0))
        times = times if failed == files else 0
        if times >= TRIES:
            return
        try:
            opened = self._open(folder)
            if _files(folder) != files:
                raise BundleError(f"{folder} changed while it was read")
        except Exception as error:  # whatever is wrong with the new one, the old one goes on
            self._failed[arm] = files, times + 1
            if times + 1 < TRIES:
                log.info("%s is whole at the next look, or refused: %s", folder, error)
            else:
                series.observe_swap("refused")
                log.error("the bundle in %s is refused as %s, the old one goes on: %s", folder, arm, error)
            return
        self._failed.pop(arm, None)
        self._take(arm, opened)
        series.observe_swap("swapped")

    def _take(self, arm: Arm, opened: Opened) -> None:
        before = self._opened.get(arm)
        self._opened = {**self._opened, arm: opened}  # one assignment: whoever reads sees all or nothing
        series.observe_bundle(arm, opened.content_hash)
        if arm == "champion":
            self.coverage = series.Coverage(opened.answers.num_movies)
        instead = "" if before is None else f" instead of {before.content_hash[:12]}"
        log.info("%s: bundle %s answers%s", arm, opened.content_hash[:12], instead)
        del before
        _forget_garbage()

    def _drop_challenger(self, opened: Opened) -> None:
        self._opened = {"champion": self.champion}
        series.observe_bundle("challenger", None)
        log.info("challenger: bundle %s is gone", opened.content_hash[:12])

    def _open(self, folder: Path) -> Opened:
        opened = open_sound(folder)
        for request in list(self._recent):
            _require_finite(folder, opened.answers, request)
        return opened

    def _watch(self) -> None:
        while not self._over.wait(self.champion.serving.watch_seconds):
            try:
                self.look()
            except Exception:  # the thread must live as long as the service does
                log.exception("the folders of bundles could not be looked at")

    @property
    def _experiment(self) -> ChallengerParams:
        return self.champion.serving.challenger


def open_sound(folder: Path) -> Opened:
    """Verify a bundle, open it, and try its models.

    Raises:
        BundleError: it cannot be served; the message says why.
    """
    answers, card = Answers(open_packaged(folder, shared_arrays.OF_THIS_USER)), model_card.read(folder)
    soundness.require_sound(answers.recommender, card)
    return Opened(answers, _card(card, answers), limits.read(folder))


def place_of(visitor_id: str, experiment: str) -> float:
    """A number in [0, 1) that is a visitor's own in an experiment, and another in the next."""
    digest = hashlib.sha256(f"{experiment}\n{visitor_id}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def _hash_in(folder: Path) -> str | None:
    """What the manifest says, unchecked; None where there is none, or not yet, "" where it says nothing."""
    try:
        return str(json.loads((folder / MANIFEST).read_bytes())["content_hash"])
    except OSError:
        return None
    except (ValueError, KeyError, TypeError):
        return ""


def _files(folder: Path) -> Files:
    """What is another one after any file changed: of each its name, number, size and time, unread."""
    try:
        stats = [(path, path.stat()) for path in sorted(folder.rglob("*")) if path.is_file()]
    except OSError:  # it is being replaced
        return ()
    return tuple((str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns) for path, stat in stats)


def _require_finite(folder: Path, answers: Answers, request: RecommendRequest) -> None:
    try:
        best = answers.recommend(request, now=int(time.time())).recommendations
    except Refused:  # a genre or language that only the old catalogue has
        return
    if not all(math.isfinite(movie.score) for movie in best):
        raise BundleError(f"{folder} gives scores that are no numbers: its models are broken.")


def _card(packaged: ModelCard, answers: Answers) -> bytes:
    card = model_card.ModelResponse(
        **packaged.model_dump(),
        model=answers.content_hash,
        num_movies=answers.num_movies,
        genres=answers.genres,
        languages=answers.languages,
        years=answers.years,
        sources=answers.sources,
        first_titles=answers.first_titles,
    )
    return card.model_dump_json().encode()


def _forget_garbage() -> None:
    """What was opened stays: no need to look through it again. What opening took for a while goes back."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
