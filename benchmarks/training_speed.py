"""Benchmark `training_speed`: examples per second of both models, ours beside the TFRS tutorials' way."""

from typing import Any

import numpy as np

from benchmarks import pictures, results, tutorial, workload
from benchmarks.clock import Moment, Rate
from benchmarks.workload import Workload
from marquee.data.tables.interactions import TRAIN, VALIDATION, Interactions
from marquee.evaluation.measures import events, metrics
from marquee.evaluation.measures.events import Events
from marquee.models.ranking import fitting as ranking_fitting
from marquee.models.ranking import rows as data
from marquee.models.ranking.dcn import Dcn
from marquee.models.ranking.rows import Rows
from marquee.models.retrieval import fitting as retrieval_fitting
from marquee.models.retrieval.batches import Histories, target_weights, training_batches, training_windows
from marquee.models.retrieval.fitting import FittedTwoTower
from marquee.models.training.runtime import start_tensorflow, tf
from marquee.pipeline.params import Params
from marquee.pipeline.stage import Log, run_stage

NAME = "training_speed"
DCN_SECONDS = 10.0
"""Seconds at least for each way of feeding it: an epoch of ours takes less than one."""

Numbers = dict[str, Any]


class Epochs:
    """An `after_epoch` that reads the clock; the first epoch traces the graph and is left out of rates."""

    def __init__(self) -> None:
        self.start = Moment.now()
        self.ends: list[Moment] = []

    def __call__(self, *_: object) -> None:
        self.ends.append(Moment.now())

    @property
    def seconds(self) -> float:
        """From the start of the fit to the end of the last epoch."""
        return self.ends[-1].wall - self.start.wall

    def rate(self, examples: int) -> Rate:
        """Examples of one epoch, over all epochs but the first."""
        return Rate.between(self.ends[0], self.ends[-1], examples * (len(self.ends) - 1))


def two_tower(work: Workload, log: Log) -> Numbers:
    """Ours for all of its epochs, then the others for the same time, and each on validation."""
    fitted, asked = work.table.in_periods(TRAIN), work.positive_events(VALIDATION)
    knobs = work.retrieval.model_copy(update={"epochs": max(2, work.retrieval.epochs)})
    epochs = Epochs()
    ours = retrieval_fitting.fit(fitted, work.movies, knobs, work.preprocessing, work.seed, epochs)
    numbers: Numbers = {
        "ours": _timed(work, epochs.rate(examples_an_epoch(work, fitted)), ours.scorer(work.table), asked)
    }
    log.info("two-tower, ours: %s", numbers["ours"])
    for name, fit in (("tutorial_same_towers", _same_towers), ("tutorial_ids", _id_towers)):
        rate, scorer = fit(work, fitted, epochs.seconds)
        numbers[name] = _timed(work, rate, scorer, asked)
        numbers |= _ratios(numbers, name, "examples")
        log.info("two-tower, %s: %s", name, numbers[name])
    return numbers | {"seconds_each": round(epochs.seconds, 1)}


def examples_an_epoch(work: Workload, fitted: Interactions) -> int:
    """How many movies one epoch of ours asks for; each is one example of the tutorial's too."""
    windows = training_windows(
        fitted, work.retrieval.history_length, work.preprocessing.min_user_interactions
    )
    weights = target_weights(fitted, work.retrieval, work.preprocessing.positive_rating)
    rng = np.random.default_rng(work.seed)
    batches = training_batches(Histories(fitted, work.movies), windows, weights, work.retrieval, rng)
    return sum(len(batch["target"]) for batch in batches)


def _same_towers(work: Workload, fitted: Interactions, seconds: float) -> tuple[Rate, Any]:
    start_tensorflow(work.seed, work.threads)
    built = retrieval_fitting.build(fitted, work.movies, work.retrieval, work.preprocessing)
    rows = np.arange(len(fitted))
    asked = Events(rows, fitted.history_start, fitted.history_end)
    columns = tutorial.history_columns(Histories(fitted, work.movies), asked, work.retrieval.history_length)
    model = tutorial.PaddedHistories(built.model)
    model.compile(tf.keras.optimizers.AdamW(work.retrieval.learning_rate, work.retrieval.weight_decay))
    batches = tutorial.shuffled_batches(columns, tutorial.BATCH_SIZE, work.seed)
    rate = tutorial.fit_for(model, batches, tutorial.BATCH_SIZE, seconds)
    return rate, FittedTwoTower(model.towers, work.movies, work.retrieval).scorer(work.table)


def _id_towers(work: Workload, fitted: Interactions, seconds: float) -> tuple[Rate, Any]:
    start_tensorflow(work.seed, work.threads)
    model = tutorial.IdTowers(fitted, work.retrieval.embedding_dim)
    model.compile(tf.keras.optimizers.Adagrad(tutorial.LEARNING_RATE))
    batches = tutorial.shuffled_batches(tutorial.id_columns(fitted), tutorial.BATCH_SIZE, work.seed)
    return tutorial.fit_for(model, batches, tutorial.BATCH_SIZE, seconds), model.scorer(work.table)


def dcn(work: Workload, log: Log) -> Numbers:
    """Ours and the same model fed row by row: as one column per feature, and as one array."""
    rows = _ranking_rows(work, work.table, (TRAIN,))
    known = data.known_movies(work.table, (TRAIN,), work.preprocessing)
    knobs = work.ranking.model_copy(update={"epochs": max(2, work.ranking.epochs)})
    epochs = Epochs()
    ours = ranking_fitting.fit(rows, work.movies, known, knobs, work.seed, epochs)
    numbers: Numbers = {"ours": epochs.rate(len(rows)).named("rows") | {"rmse": _rmse(work, ours)}}
    log.info("DCN, ours: %s", numbers["ours"])
    size = knobs.batch_size
    by_column = tutorial.shuffled_batches(tutorial.feature_columns(rows), size, work.seed)
    arrays = {"features": rows.features, "movie_index": rows.movie_index, "rating": rows.rating}
    arrays["weight"] = np.ones(len(rows), dtype=np.float32)
    fed = {
        "tutorial_columns": by_column.map(tutorial.gathered),
        "tutorial_array": tutorial.shuffled_batches(arrays, size, work.seed),
    }
    for name, batches in fed.items():
        start_tensorflow(work.seed, work.threads)
        theirs = Dcn(work.movies, known, knobs)
        theirs.learn_scale(rows.features)
        model = tutorial.FedByFit(theirs)
        model.compile(tf.keras.optimizers.AdamW(knobs.learning_rate, knobs.weight_decay, jit_compile=False))
        rate = tutorial.fit_for(model, batches, size, max(DCN_SECONDS, epochs.seconds))
        numbers[name] = rate.named("rows") | {"rmse": _rmse(work, theirs)}
        numbers |= _ratios(numbers, name, "rows")
        log.info("DCN, %s: %s", name, numbers[name])
    return numbers


def _ranking_rows(work: Workload, table: Interactions, periods: tuple[int, ...]) -> Rows:
    knobs = work.ranking
    return data.training_rows(
        table, periods, work.movies, knobs.factors, knobs.blocks, work.preprocessing, work.seed
    )


def _rmse(work: Workload, model: Dcn) -> float:
    movies = data.final_movies(work.table, (TRAIN,), work.movies, work.ranking.factors, work.seed)
    asked = events.of_period(work.table, VALIDATION, work.evaluation.max_users, work.seed)
    scored = data.event_rows(work.table, asked.only(asked.has_history), movies)
    return round(metrics.rmse(ranking_fitting.predict(model, scored), scored.rating), 4)


def _timed(work: Workload, rate: Rate, scorer: Any, asked: Events) -> Numbers:
    return rate.named("examples") | {"top_100_accuracy": work.top_100_accuracy(scorer, asked)}


def _ratios(numbers: Numbers, name: str, things: str) -> Numbers:
    """How many times the other's rate ours is: what a person waits, and what the processors do."""
    return {
        f"times_{name}_per_{unit}": round(
            numbers["ours"][f"{things}_per_{unit}"] / numbers[name][f"{things}_per_{unit}"], 2
        )
        for unit in ("second", "processor_second")
    }


def draw(numbers: Numbers) -> None:
    """Rates of both models side by side."""
    towers, ranker = numbers["two_tower"], numbers["dcn"]
    pictures.draw(
        [
            (
                "Two-tower: training",
                "examples per second",
                {
                    "ours": towers["ours"]["examples_per_second"],
                    "same towers, tutorial's way": towers["tutorial_same_towers"]["examples_per_second"],
                    "user and movie ids": towers["tutorial_ids"]["examples_per_second"],
                },
            ),
            (
                "Two-tower: validation after the same time",
                "top-100 accuracy",
                {
                    "ours": towers["ours"]["top_100_accuracy"],
                    "same towers, tutorial's way": towers["tutorial_same_towers"]["top_100_accuracy"],
                    "user and movie ids": towers["tutorial_ids"]["top_100_accuracy"],
                },
            ),
            (
                "DCN: training",
                "rows per second",
                {
                    "ours": ranker["ours"]["rows_per_second"],
                    "rows of an array": ranker["tutorial_array"]["rows_per_second"],
                    "one column per feature": ranker["tutorial_columns"]["rows_per_second"],
                },
            ),
        ],
        results.REPORTS / f"{NAME}.png",
    )


def run(params: Params, log: Log) -> None:
    """Time both models, then write numbers and the picture."""
    work = workload.read(params)
    start_tensorflow(work.seed, work.threads)
    numbers = {"two_tower": two_tower(work, log), "dcn": dcn(work, log), "workload": work.described()}
    times = numbers["two_tower"]["times_tutorial_same_towers_per_second"]
    results.write(NAME, times, results.rows(numbers))
    draw(numbers)


if __name__ == "__main__":
    run_stage(run)
