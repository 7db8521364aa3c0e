"""Benchmark `peers`: top-100 accuracy of other recommenders on the test events, beside our two-tower.

Each peer tries a few knobs, fitted on train and judged on validation as ours was tuned; the best is fitted on
both and reads the test period once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks import pictures, results, tutorial, workload
from benchmarks.ials import fit_ials
from benchmarks.neighbours import fit_neighbours
from benchmarks.workload import Workload
from marquee.data.tables.interactions import TEST, TRAIN, VALIDATION, Interactions
from marquee.evaluation.measures import events, ranks, report
from marquee.evaluation.measures.events import Events
from marquee.evaluation.measures.rank_metrics import TOP_100
from marquee.evaluation.measures.ranks import Scorer
from marquee.models.baselines import baselines
from marquee.models.retrieval import fitting
from marquee.models.training import weights
from marquee.models.training.runtime import start_tensorflow, tf
from marquee.pictures import plots
from marquee.pipeline import paths
from marquee.pipeline.arrays import Int32
from marquee.pipeline.files import write_text
from marquee.pipeline.params import Params
from marquee.pipeline.scores import EVERYTHING, Score
from marquee.pipeline.stage import Log, run_stage

NAME = "peers"
ALS_ITERATIONS = 15
ALSO_SHOWN = ("hit_rate_at_10", "ndcg_at_10", "mrr")

Knobs = dict[str, float]
Fit = Callable[[Workload, Interactions, Events, Knobs], Scorer]
"""Fit on some interactions and return a scorer of these events on the whole table."""


@dataclass(frozen=True)
class Peer:
    """One recommender and the knobs it may choose from."""

    fit: Fit
    grid: tuple[Knobs, ...] = ({},)


def _popularity(work: Workload, fitted: Interactions, _: Events, __: Knobs) -> Scorer:
    return baselines.fit_popularity(fitted, work.preprocessing.positive_rating).scorer(work.table)


def _recent_popularity(work: Workload, fitted: Interactions, _: Events, knobs: Knobs) -> Scorer:
    return baselines.fit_recent_popularity(fitted, int(knobs["days"])).scorer(work.table)


def _ease(work: Workload, fitted: Interactions, _: Events, knobs: Knobs) -> Scorer:
    ease = baselines.fit_ease(fitted, knobs["regularization"], work.neighbours.max_movies)
    return ease.scorer(work.table)


def _item_knn(work: Workload, fitted: Interactions, _: Events, knobs: Knobs) -> Scorer:
    return fit_neighbours(fitted, int(knobs["k"]), knobs["shrink"]).scorer(work.table)


def _tutorial(work: Workload, fitted: Interactions, _: Events, knobs: Knobs) -> Scorer:
    start_tensorflow(work.seed, work.threads)
    model = tutorial.IdTowers(fitted, work.retrieval.embedding_dim)
    model.compile(tf.keras.optimizers.Adagrad(tutorial.LEARNING_RATE))
    batches = tutorial.shuffled_batches(tutorial.id_columns(fitted), tutorial.BATCH_SIZE, work.seed)
    model.fit(batches, epochs=int(knobs["epochs"]), verbose=0)
    return model.scorer(work.table)


def _ials(work: Workload, fitted: Interactions, asked: Events, knobs: Knobs) -> Scorer:
    fixed = {"iterations": ALS_ITERATIONS, "seed": work.seed, "threads": work.threads}
    return fit_ials(fitted, work.table, asked, knobs | fixed)


PEERS: dict[str, Peer] = {
    "popularity": Peer(_popularity),
    "recent_popularity": Peer(_recent_popularity, tuple({"days": days} for days in (90, 365, 730))),
    "item_knn": Peer(
        _item_knn, tuple({"k": k, "shrink": shrink} for k in (20, 50, 200) for shrink in (0.0, 10.0))
    ),
    "ease": Peer(_ease, tuple({"regularization": value} for value in (50.0, 200.0, 800.0, 3200.0))),
    "implicit_als": Peer(
        _ials,
        tuple(
            {"factors": factors, "regularization": regularization, "alpha": alpha}
            for factors in (32, 96)
            for regularization in (3.0, 30.0)
            for alpha in (1.0, 5.0, 20.0)
        ),
    ),
    "tfrs_tutorial": Peer(_tutorial, tuple({"epochs": epochs} for epochs in (3, 10, 30))),
}


def best_knobs(work: Workload, peer: Peer) -> Knobs:
    """The knobs of the grid that find most on validation, fitted on train."""
    if len(peer.grid) == 1:
        return peer.grid[0]
    fitted, asked = work.table.in_periods(TRAIN), work.positive_events(VALIDATION)
    found = [work.top_100_accuracy(peer.fit(work, fitted, asked, knobs), asked) for knobs in peer.grid]
    return peer.grid[int(np.argmax(found))]


def compare(work: Workload, asked: Events, log: Log) -> tuple[dict[str, Int32], dict[str, Knobs]]:
    """Ranks of the events under ours and every peer, and the knobs each peer chose."""
    fitted = work.table.in_periods(TRAIN, VALIDATION)
    start_tensorflow(work.seed, work.threads)
    two_tower = fitting.build(fitted, work.movies, work.retrieval, work.preprocessing)
    weights.read(two_tower.model, paths.RETRIEVAL.weights)
    ranked = {"two_tower": ranks.rank_events(two_tower.scorer(work.table), work.table, asked)}
    chosen: dict[str, Knobs] = {}
    for name, peer in PEERS.items():
        chosen[name] = best_knobs(work, peer)
        log.info("%s: %s", name, chosen[name] or "no knobs")
        ranked[name] = ranks.rank_events(peer.fit(work, fitted, asked, chosen[name]), work.table, asked)
    return ranked, chosen


def table_of(measured: Sequence[Score]) -> pd.DataFrame:
    """One line per model, best first, with intervals."""
    found = {(score.model, score.metric, score.group): score for score in measured}
    rows = {}
    for name in ("two_tower", *PEERS):
        headline = found[name, TOP_100.name, EVERYTHING]
        rows[name] = {
            TOP_100.name: headline.value,
            f"{TOP_100.name}_low": headline.low,
            f"{TOP_100.name}_high": headline.high,
            **{
                f"{TOP_100.name}_{part}": found[name, TOP_100.name, part].value
                for part in ("by_user", "cold")
            },
            **{other: found[name, other, EVERYTHING].value for other in ALSO_SHOWN},
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")
    return table.sort_values(TOP_100.name, ascending=False, kind="stable")


def draw(table: pd.DataFrame) -> None:
    """Accuracy of each model with its 95 % interval, best on top."""
    values = table["top_100_accuracy"]
    names = [str(name).replace("_", " ") for name in table.index]
    figure, (axes,) = plots.new(7.5, 1.2 + 0.42 * len(table))
    title, unit = "Test period: top-100 accuracy, whole catalogue", "share of positive events"
    pictures.bars(axes, dict(zip(names, values, strict=True)), title, unit, ours="two tower")
    ends = [values - table["top_100_accuracy_low"], table["top_100_accuracy_high"] - values]
    axes.errorbar(values, names, xerr=ends, fmt="none", ecolor=plots.INK, elinewidth=1, capsize=3)
    plots.save(figure, results.REPORTS / f"{NAME}.png")


def run(params: Params, log: Log) -> None:
    """Compare on the test events, then write numbers, the table and the picture."""
    work = workload.read(params, most_interactions=None)
    asked = events.of_period(work.table, TEST, work.evaluation.max_users, work.seed)
    asked = asked.only(work.table.rating[asked.rows] >= work.preprocessing.positive_rating)
    ranked, chosen = compare(work, asked, log)
    fitted = work.table.in_periods(TRAIN, VALIDATION)
    described = report.describe(work.table, fitted, asked, work.preprocessing.positive_rating)
    measured = report.rank_scores(
        ranked, described, tuple(PEERS), work.evaluation.bootstrap_samples, work.seed
    )
    knobs = [
        Score(knob, value, name, "knob") for name, ones in chosen.items() for knob, value in ones.items()
    ]
    results.write(NAME, report.values_of(measured, TOP_100.name)["two_tower"], measured + knobs)
    table = table_of(measured)
    write_text(results.REPORTS / f"{NAME}.csv", table.to_csv(float_format="%.6f", lineterminator="\n"))
    draw(table)
    log.info("top-100 accuracy:\n%s", table[TOP_100.name].to_string(float_format="%.4f"))


if __name__ == "__main__":
    run_stage(run)
