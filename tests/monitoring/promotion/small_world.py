"""A small world whose people change their taste, and a repository of Git and DVC that serves them.

Its pipeline is one stage, this module run as a script, so that only one process has to start: `fetch_data`
and `preprocess_data` as they are, then a bundle of models with random weights and, fitted anew, what counts
who likes what together.
"""

import logging
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import yaml

from marquee.data.tables import interactions
from marquee.data.tables.interactions import TRAIN, VALIDATION
from marquee.events import records
from marquee.events.segments import SegmentWriter
from marquee.models.baselines import baselines
from marquee.models.features.movies import Movies
from marquee.models.neighbours import fitting, item_item
from marquee.models.ranking import movie_statistics
from marquee.pipeline import params, paths
from marquee.pipeline.arrays import Int64
from marquee.pipeline.files import read_json, write_json
from marquee.serving.recommender import bundle_files, catalogue_index, manifest
from marquee.serving.recommender.recommender import Recommendation, Recommender
from stages import fetch_data, preprocess_data
from tests.fixtures.tiny_pipeline import NEIGHBOURS, VALUES, Tiny
from tests.places import ROOT
from tests.serving import live
from tests.serving.provenance import scratch

DAY = 86_400
START = 1_577_836_800
"""2020-01-01."""
OLD, NEW = np.arange(24), np.arange(100, 112)
"""Rows of the movies that people like, before their taste changes and after."""
READERS, VISITORS, SHOWN, SAID = 120, 30, 10, 8
STABLE = range(100, 106)
CHANGED = range(106, 114)
LATER = range(114, 118)
"""Days since START."""
MADE_BY_HAND = Path("source/bundle")
LIKED, DISLIKED = 4.5, 1.5
KNOBS = {
    "window_requests": VISITORS, "expected_run_time": 4000, "null_windows": 1000, "max_windows": 20,
    "recent_windows": 4, "cool_down_requests": 10, "min_feedback": 20, "max_visitors": 100,
}  # fmt: skip
PROMOTION = {"compare_days": 2, "validation_days": 2, "min_users": 20}
DVC_YAML = {
    "stages": {
        "package_service": {
            "cmd": f"{sys.executable} -m tests.monitoring.promotion.small_world",
            "deps": ["own", MADE_BY_HAND.as_posix()],
            "params": ["seed", "data", "preprocess_data"],
            "outs": [
                "data/raw",
                "data/processed",
                "models/bundle",
                {paths.PACKAGED.parent.as_posix(): {"cache": False}},
            ],
        }
    },
    "artifacts": {"bundle": {"path": "models/bundle", "type": "model", "desc": "what answers"}},
}
GIT_IGNORE = """
/data/events
/metrics
/models/.parts
/models/[!b]*
/reports/monitor_service
/reports/retrain_bundle
__pycache__
"""


def make(root: Path, tiny: Tiny) -> None:
    """A repository whose last commit packaged a bundle fitted on the old taste."""
    (root / "own").mkdir(parents=True)
    for house in ("marquee", "stages", "tests"):
        (root / house).symlink_to(ROOT / house)
    values = VALUES.model_copy(update={"similar_weight": 20.0, "rating_weight": 0.0})
    live.write_bundle(tiny, root / MADE_BY_HAND, values)
    _write_source(root / "own", tiny)
    (root / "params.yaml").write_text(yaml.safe_dump(_params()))
    (root / "dvc.yaml").write_text(yaml.safe_dump(DVC_YAML))
    (root / ".gitignore").write_text(GIT_IGNORE)
    scratch.run(root, "git", "init", "--quiet", "--initial-branch=main")
    scratch.dvc(root, "init", "--quiet")
    scratch.dvc(root, "repro", "--quiet")
    scratch.commit(root, "Serve the old taste")


def package() -> None:
    """What `package_service` does here: counts fitted anew, all else as it was made by hand."""
    fitted = interactions.read(paths.PROCESSED.interactions).in_periods(TRAIN, VALIDATION)
    index = catalogue_index.read(bundle_files.parts_of(MADE_BY_HAND).catalogue)
    facts = index.movies.catalogue
    statistics = movie_statistics.fit(fitted, facts, index.movies.statistics.factors.shape[1], seed=1)
    popular = baselines.fit_recent_popularity(fitted, recent_days=30).scores
    changed = catalogue_index.CatalogueIndex(
        index.candidates, index.ranking_id_row, popular, Movies(facts, statistics), index.titles
    )
    made_anew = Path("models/.parts")
    parts = bundle_files.parts_of(made_anew)
    shutil.copytree(MADE_BY_HAND, made_anew, dirs_exist_ok=True)
    catalogue_index.write(changed, parts.catalogue)
    item_item.write(fitting.fit(fitted, NEIGHBOURS), parts.of_sources["neighbours.npz"])
    names = read_json(MADE_BY_HAND / manifest.MANIFEST)["files"]
    manifest.write({name: made_anew / name for name in names}, paths.BUNDLE)
    write_json(paths.PACKAGED, read_json(paths.BUNDLE / manifest.MANIFEST))


@dataclass
class Visitor:
    """Somebody who visits once a day, and what they have rated so far."""

    name: str
    order: dict[str, Int64]
    movies: list[int] = field(default_factory=list)
    ratings: list[float] = field(default_factory=list)
    times: list[int] = field(default_factory=list)

    def next_liked(self, taste: str) -> int:
        """Row of a movie to like that was not rated yet."""
        return next(int(row) for row in self.order[taste] if row not in self.movies)

    def rate(self, row: int, rating: float, time: int) -> None:
        """Keep a rating in the history."""
        self.movies.append(row)
        self.ratings.append(rating)
        self.times.append(time)


def people(seed: int, brought: dict[str, int]) -> list[Visitor]:
    """Visitors, each with their own order of what they like, and some of it liked elsewhere before."""
    rng = np.random.default_rng(seed)
    orders = [{"old": rng.permutation(OLD), "new": rng.permutation(NEW)} for _ in range(VISITORS)]
    visitors = [Visitor(f"visitor-{seed}-{number}", order) for number, order in enumerate(orders)]
    for number, visitor in enumerate(visitors):
        for day, taste in enumerate(taste for taste, count in brought.items() for _ in range(count)):
            visitor.rate(visitor.next_liked(taste), LIKED, START + (80 + 2 * day) * DAY + number)
    return visitors


def live_through(
    days: range, taste: str, visitors: list[Visitor], recommender: Recommender, name: str
) -> float:
    """Visitors ask, rate the first movie shown, and one they found by themselves; all of it is recorded.

    Returns:
        The share of the movies found by themselves that stood among the first ten.
    """
    hits = []
    for day in days:
        writer = SegmentWriter(paths.EVENTS.segments, (START + day * DAY) * 1000)
        for number, visitor in enumerate(visitors):
            hits.append(_visit(visitor, taste, START + day * DAY + 60 * number, recommender, name, writer))
        writer.close()
    return float(np.mean(hits))


def _visit(
    visitor: Visitor, taste: str, now: int, recommender: Recommender, name: str, writer: SegmentWriter
) -> bool:
    movie_id = recommender.index.titles.movie_id
    latest = slice(-SAID - visitor.times[0] % 2, None)
    movies, ratings, times = visitor.movies[latest], visitor.ratings[latest], visitor.times[latest]
    ids = [movie_id[row] for row in movies]
    said = [
        {"movie_id": one, "rating": rating, "timestamp": time}
        for one, rating, time in zip(ids, ratings, times, strict=True)
    ]
    history, _ = recommender.history(ids, ratings, times, now)
    shown = recommender.recommend(history, now, SHOWN)
    answer = _answer(visitor, name, said, now, shown, movie_id)
    writer.append(records.to_line(answer))
    own = visitor.next_liked(taste)
    liked = set((OLD if taste == "old" else NEW).tolist())
    given = [(movie.movie_index, answer["request_id"]) for movie in shown[:1] if movie.movie_index != own]
    for later, (row, answer_id) in enumerate([*given, (own, None)], 1):
        if row in visitor.movies:
            continue
        rating = LIKED if row in liked else DISLIKED
        visitor.rate(row, rating, now + later)
        feedback = records.feedback(
            request_id=records.request_id(), answer_id=answer_id, visitor_id=visitor.name, bundle=name,
            time=float(now + later), movie_id=movie_id[row], event="rated", rating=rating, place=None,
        )  # fmt: skip
        writer.append(records.to_line(feedback))
    return own in [movie.movie_index for movie in shown]


def _answer(
    visitor: Visitor, name: str, said: list, now: int, shown: list[Recommendation], movie_id: list[int]
) -> dict:
    return records.answer(
        "recommend",
        request_id=records.request_id(),
        time=float(now),
        bundle=name,
        arm="champion",
        visitor_id=visitor.name,
        request={"history": said, "k": SHOWN, "now": now},
        results=records.results(
            [movie_id[movie.movie_index] for movie in shown],
            scores=[movie.score for movie in shown],
            predicted_ratings=[movie.predicted_rating for movie in shown],
        ),
        steps={"total": 1.0},
    )


def _write_source(folder: Path, tiny: Tiny) -> None:
    """Readers who like the old movies, ten of them each, over the hundred days before."""
    rng = np.random.default_rng(0)
    movie_id = tiny.bundle.titles.movie_id[: tiny.interactions.num_movies]
    with (folder / "movies.csv").open("w") as file:
        file.write("movieId,title,genres\n")
        file.writelines(f"{one},Film {one} (1999),Drama\n" for one in movie_id)
    with (folder / "ratings.csv").open("w") as file:
        file.write("userId,movieId,rating,timestamp\n")
        for user in range(READERS):
            days = np.sort(rng.choice(100, 10, replace=False))
            for day, row in zip(days, rng.permutation(OLD)[:10], strict=True):
                file.write(f"{user},{movie_id[row]},{LIKED},{START + day * DAY + user}\n")


def _params() -> dict:
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["data"] |= {"source": "own", "metadata": "none"}
    values["preprocess_data"] |= {"text_dim": 0, "min_word_count": 1}
    values["evaluation"] |= {"bootstrap_samples": 200}
    values["monitoring"] |= KNOBS
    values["monitoring"]["promotion"] |= PROMOTION
    values["monitoring"]["promotion"]["margins"]["rmse"] = 0.1  # the ranker's weights are random here
    return values


if __name__ == "__main__":
    read = params.read()
    fetch_data.run(read, logging.getLogger("fetch_data"))
    preprocess_data.run(read, logging.getLogger("preprocess_data"))
    package()
