"""Benchmark `ablation`: what each part of the two-tower is worth, on the validation period.

Every line is a two-tower of its own, fitted on train. A part is taken away by hiding its data, for fitting
and for scoring alike, so that nothing in the model exists for this comparison's sake. Test is never read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from benchmarks import ablation_report, results, workload
from benchmarks.workload import Workload
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import CONTEXT, TRAIN, VALIDATION, Interactions
from marquee.evaluation.measures import ranks, report
from marquee.evaluation.measures.events import Events
from marquee.evaluation.measures.rank_metrics import HIT_K, in_top_k
from marquee.models.retrieval import fitting
from marquee.models.training.runtime import start_tensorflow
from marquee.pipeline.arrays import Bool
from marquee.pipeline.params import Params, Retrieval
from marquee.pipeline.stage import Log, run_stage

NAME = "ablation"
CONTENT, TEXT, NAMES, RATINGS, TIME = "content", "text", "names", "ratings", "time"


@dataclass(frozen=True)
class Variant:
    """One two-tower: the sweep's winner but for what is named here.

    Attributes:
        name: for people.
        knobs: of `retrieval`, those that differ.
        hidden: which of the parts above it does without; TEXT and NAMES are parts of CONTENT.
        seeds_on: added to the seed.
    """

    name: str
    knobs: Mapping[str, Any] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    seeds_on: int = 0


# With ids alone nothing could stand in for a hidden id: they are not hidden. Without a block of attention a
# query is read off the latest movie and the running sum of all.
STEPS = (
    Variant("learned ids", {"blocks": 0, "id_dropout": 0.0}, (CONTENT, RATINGS, TIME)),
    Variant("+ metadata and text", {"blocks": 0}, (RATINGS, TIME)),
    Variant("+ attention", {}, (RATINGS, TIME)),
    Variant("+ ratings", {}, (TIME,)),
    Variant("+ time: the model", {}),
)


def changed(**knobs: Any) -> Variant:
    """The winner with other knobs, named after them."""
    return Variant(", ".join(f"{name} {value:g}" for name, value in knobs.items()), knobs)


CHANGES = (
    Variant("only the seed", seeds_on=1),
    changed(embedding_dim=128),
    changed(blocks=2),
    changed(history_length=100),
    changed(id_dropout=0.0),
    changed(id_dropout=0.6),
    changed(half_life_years=2.0),
    changed(other_weight=0.0),
    changed(other_weight=1.0),
    changed(uniform_negatives=200),
    changed(cold_bonus=0.0),
    Variant("without text", hidden=(TEXT,)),
    Variant("without names", hidden=(NAMES,)),
)


def without_content(movies: Catalogue) -> Catalogue:
    """All that is known of a movie zeroed, and one release for all: that is metadata too."""
    hidden = {one.name: np.zeros_like(getattr(movies, one.name)) for one in fields(Catalogue)}
    return Catalogue(**hidden | {"release": np.full_like(movies.release, np.median(movies.release))})


def without_ratings(table: Interactions, positive_rating: float) -> Interactions:
    """Everybody rated everything `positive_rating`: what is left is who watched what, and when."""
    return replace(table, half_stars=np.full_like(table.half_stars, int(np.ceil(2 * positive_rating))))


def without_time(table: Interactions) -> Interactions:
    """Everything happened as the train period ended, a second apart: order and ties are all that is left."""
    moment = np.cumsum(table.history_end == np.arange(len(table)))
    rank = moment - moment[table.history_start]
    return replace(table, timestamp=table.timestamp[table.period == TRAIN].max() + rank)


def masked(work: Workload, hidden: tuple[str, ...]) -> tuple[Interactions, Catalogue]:
    """The tables without what is hidden; test rows are left out."""
    table, movies = work.table.in_periods(TRAIN, VALIDATION, CONTEXT), work.movies
    if CONTENT in hidden:
        movies = without_content(movies)
    for part in {TEXT, NAMES} & set(hidden):
        movies = replace(movies, **{part: np.zeros_like(getattr(movies, part))})
    if RATINGS in hidden:
        table = without_ratings(table, work.preprocessing.positive_rating)
    if TIME in hidden:
        table = without_time(table)
    return table, movies


def found(work: Workload, variant: Variant, asked: Events) -> Bool:
    """(e,) whether the movie of each event is among the 100 best unseen.

    Args:
        work: data and the knobs that the variant starts from.
        variant: what is fitted.
        asked: events on the table without test rows, chosen by the true ratings.
    """
    table, movies = masked(work, variant.hidden)
    seed = work.seed + variant.seeds_on
    values = Retrieval.model_validate(work.retrieval.model_dump() | dict(variant.knobs))
    start_tensorflow(seed, work.threads)
    two_tower = fitting.fit(
        table.in_periods(TRAIN), movies, values, work.preprocessing, seed, lambda *_: None
    )
    return in_top_k(ranks.rank_events(two_tower.scorer(table), table, asked), HIT_K)


def run(params: Params, log: Log) -> None:
    """Fit and score every variant, then write numbers, tables and the picture."""
    work = workload.read(params, most_interactions=None)
    work = replace(work, table=work.table.in_periods(TRAIN, VALIDATION, CONTEXT))
    asked = work.positive_events(VALIDATION)
    answers: dict[str, Bool] = {}
    for variant in STEPS + CHANGES:
        answers[variant.name] = found(work, variant, asked)
        log.info("%s: top_100_accuracy %.4f", variant.name, np.mean(answers[variant.name]))

    positive_rating = work.preprocessing.positive_rating
    described = report.describe(work.table, work.table.in_periods(TRAIN), asked, positive_rating)
    names = [variant.name for variant in STEPS]
    before = dict(zip(names[1:], names, strict=False)) | {variant.name: names[-1] for variant in CHANGES}
    lines = ablation_report.lines(answers, before, described, work.evaluation.bootstrap_samples, work.seed)
    counts = ablation_report.counts(described)
    numbers = {"variants": lines, "events": counts, **work.described()}
    results.write(NAME, lines[names[-1]][ablation_report.ACCURACY], results.rows(numbers))
    ablation_report.write(lines, names, counts, params.data.source)


if __name__ == "__main__":
    run_stage(run)
