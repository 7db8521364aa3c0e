"""Benchmark `evaluation_speed`: events per second over the whole catalogue, beside `FactorizedTopK` of TFRS.

FactorizedTopK cannot remove what was seen, so agreement is checked on ranks without removal; ours is timed
with it, as every metric of the pipeline is.
"""

from collections.abc import Callable, Mapping, Sized
from functools import partial
from typing import Any

import numpy as np

from benchmarks import pictures, results, tutorial, workload
from benchmarks.clock import fastest
from benchmarks.workload import Workload
from marquee.data.tables.interactions import TEST, TRAIN, VALIDATION, Interactions
from marquee.evaluation.measures import ranks
from marquee.evaluation.measures.events import Events
from marquee.evaluation.measures.rank_metrics import HIT_K, TOP_100, in_top_k, target_ranks
from marquee.models.retrieval import fitting
from marquee.models.retrieval.batches import Histories
from marquee.models.retrieval.fitting import FittedTwoTower
from marquee.models.training import weights
from marquee.models.training.runtime import start_tensorflow, tf, tfrs
from marquee.pipeline import paths
from marquee.pipeline.arrays import Bool, Float32, Int32
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage

NAME = "evaluation_speed"
MOST_EVENTS, ROUNDS = 10_000, 3
CANDIDATE_BATCH, QUERY_BATCH = 128, 512
THEIR_TOP_100 = "factorized_top_k/top_100_categorical_accuracy"

Numbers = dict[str, Any]


def whole(work: Workload, model: FittedTwoTower, asked: Events) -> Numbers:
    """From histories to accuracy: our evaluator, and the tutorial's `model.evaluate`."""
    scorer = model.scorer(work.table)
    columns = tutorial.history_columns(
        Histories(work.table, work.movies), asked, work.retrieval.history_length
    )
    rows = tf.data.Dataset.from_tensor_slices(dict(columns)).batch(QUERY_BATCH)

    def ours() -> float:
        ranked = ranks.rank_events(scorer, work.table, asked, progress=False)
        return round(TOP_100.mean(ranked), 6)

    def theirs(evaluated: tutorial.PaddedHistories) -> float:
        return round(float(evaluated.evaluate(rows, return_dict=True, verbose=0)[THEIR_TOP_100]), 6)

    calls: dict[str, Callable[[], float]] = {"ours": ours}
    for name, candidates in (("streaming", streaming(model)), ("brute_force", brute_force(model))):
        evaluated = tutorial.PaddedHistories(model.model, tfrs.metrics.FactorizedTopK(candidates))
        evaluated.compile()
        calls[name] = partial(theirs, evaluated)
    return compared(calls, len(asked), ours_keeps_seen=False)


def ranking_only(model: FittedTwoTower, table: Interactions, asked: Events) -> Numbers:
    """From query embeddings to accuracy: no tower, no input pipeline, just the search."""
    queries = model.queries(Histories(table, model.catalogue), asked)
    embeddings = model.candidate_embeddings()
    targets = table.movie_index[asked.rows]

    def theirs(metric: tfrs.metrics.FactorizedTopK) -> float:
        metric.reset_states()
        for part in _parts(asked):
            metric.update_state(queries[part], embeddings[targets[part]], true_candidate_ids=targets[part])
        return round(float(metric.result()[-1]), 6)

    calls: dict[str, Callable[[], float]] = {
        "ours": lambda: _accuracy(hits_seen_kept(queries, embeddings, targets))
    }
    for name, candidates in (("streaming", streaming(model)), ("brute_force", brute_force(model))):
        calls[name] = partial(theirs, tfrs.metrics.FactorizedTopK(candidates))
    return compared(calls, len(asked), ours_keeps_seen=True)


def compared(calls: Mapping[str, Callable[[], float]], count: int, ours_keeps_seen: bool) -> Numbers:
    """Rates, accuracies and how many times the others' rate ours is, by both clocks."""
    numbers: Numbers = {}
    for name, (accuracy, rate) in fastest(calls, count, ROUNDS).items():
        removed = name == "ours" and not ours_keeps_seen
        label = "top_100_accuracy" if removed else "top_100_accuracy_seen_kept"
        numbers[name] = rate.named("events") | {label: accuracy}
    for name in [name for name in numbers if name != "ours"]:
        for unit in ("second", "processor_second"):
            ratio = numbers["ours"][f"events_per_{unit}"] / numbers[name][f"events_per_{unit}"]
            numbers[f"times_{name}_per_{unit}"] = round(ratio, 2)
    return numbers


def hits_seen_kept(queries: Float32, embeddings: Float32, targets: Int32) -> Bool:
    """(e,) whether the movie is among the 100 best of the whole catalogue, what was seen included."""
    candidates, nothing = embeddings.T.copy(), np.empty(0, dtype=np.int64)
    ranked = [
        target_ranks(queries[part] @ candidates, targets[part], (nothing, nothing))
        for part in _parts(targets)
    ]
    return in_top_k(np.concatenate(ranked), HIT_K)


def _parts(many: Sized) -> list[slice]:
    return [slice(at, at + QUERY_BATCH) for at in range(0, len(many), QUERY_BATCH)]


def streaming(model: FittedTwoTower) -> tf.data.Dataset:
    """Candidates as the tutorials give them: a data set mapped through the tower at every batch."""
    movies = tf.data.Dataset.range(len(model.catalogue), output_type=tf.int32).batch(CANDIDATE_BATCH)
    return movies.map(lambda ids: (ids, model.model.candidates(ids)))


def brute_force(model: FittedTwoTower) -> tfrs.layers.factorized_top_k.TopK:
    """Candidates embedded once and kept, the fastest exact search of TFRS."""
    index = tfrs.layers.factorized_top_k.BruteForce(k=HIT_K)
    return index.index_from_dataset(streaming(model))


def _accuracy(hits: Any) -> float:
    return round(float(np.mean(hits)), 6)


def draw(numbers: Numbers) -> None:
    """Rates of both comparisons."""
    labels = {
        "ours": "ours",
        "brute_force": "FactorizedTopK, BruteForce",
        "streaming": "FactorizedTopK, Streaming",
    }
    titles = {"whole": "Evaluation from histories to accuracy", "ranking_only": "The search alone"}
    pictures.draw(
        [
            (
                title,
                "events per second",
                {label: numbers[part][name]["events_per_second"] for name, label in labels.items()},
            )
            for part, title in titles.items()
        ],
        results.REPORTS / f"{NAME}.png",
    )


def run(params: Params, log: Log) -> None:
    """Time both ways on the test events, then write numbers and the picture."""
    work = workload.read(params, most_interactions=None)
    start_tensorflow(work.seed, work.threads)
    fitted = work.table.in_periods(TRAIN, VALIDATION)
    model = fitting.build(fitted, work.movies, work.retrieval, work.preprocessing)
    weights.read(model.model, paths.RETRIEVAL.weights)
    asked = work.positive_events(TEST)
    asked = asked.only(np.arange(len(asked)) < MOST_EVENTS)
    numbers = {
        "whole": whole(work, model, asked),
        "ranking_only": ranking_only(model, work.table, asked),
        "workload": {"events": len(asked), "movies": len(work.movies)},
    }
    results.write(NAME, numbers["whole"]["times_streaming_per_second"], results.rows(numbers))
    draw(numbers)
    log.info("ours is %s times FactorizedTopK's speed", numbers["whole"]["times_brute_force_per_second"])


if __name__ == "__main__":
    run_stage(run)
