"""What stages hand to the library: to whom, of which events, in which direction."""

import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from marquee.data.tables import interactions
from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import TEST, TRAIN, VALIDATION, Interactions
from marquee.evaluation.measures import events
from marquee.pipeline import paths
from marquee.pipeline.params import Neighbours, read_best
from marquee.serving.export import held_out, trained
from tests.fixtures.tiny_pipeline import PARAMS, Tiny

LOG = logging.getLogger("test")


class StopHereError(Exception):
    """Enough of the stage has run."""


@pytest.fixture
def alone(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Interactions:
    """A folder with the tiny pipeline's tables and what its sweeps chose; returns the interactions."""
    monkeypatch.chdir(tmp_path)
    for folder in (paths.PROCESSED.folder, paths.RETRIEVAL.folder, paths.RANKING.folder):
        shutil.copytree(tiny.root / folder, folder)
    for model in (paths.NEIGHBOURS, paths.RECOMMENDER):
        model.folder.mkdir(parents=True)
        shutil.copy(tiny.root / model.best_params, model.best_params)
    return interactions.read(paths.PROCESSED.interactions)


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> Callable[[ModuleType], dict[str, Any]]:
    """Run a sweep's stage up to the search; returns what it hands over."""

    def run(stage: ModuleType) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def search(plan: Any, objective: Any, seed: int, direction: str, *_: Any) -> None:
            found.update(plan=plan, objective=objective, seed=seed, direction=direction)

        monkeypatch.setattr(stage.sweep, "require_events", lambda count, _: found.update(events=count))
        monkeypatch.setattr(stage.sweep, "search_and_write", search)
        stage.run(PARAMS, LOG)
        return found

    return run


@pytest.mark.parametrize(
    ("name", "direction"),
    [("retrieval", "maximize"), ("ranking", "minimize"), ("neighbours", "maximize")],
)
def test_an_accuracy_is_maximized_and_an_error_minimized(
    alone: Interactions, searched: Callable[[ModuleType], dict[str, Any]], name: str, direction: str
):
    stage = __import__(f"stages.tune_{name}", fromlist=["run"])
    assert searched(stage)["direction"] == direction


def test_the_ranking_sweep_is_asked_events_with_a_history_alone(
    alone: Interactions, searched: Callable[[ModuleType], dict[str, Any]]
):
    from stages import tune_ranking

    newcomer = alone.user_index[np.flatnonzero(alone.period == VALIDATION)[0]]
    period = np.where(alone.user_index == newcomer, VALIDATION, alone.period).astype(np.uint8)
    table = replace(alone, period=period)
    interactions.write(table, paths.PROCESSED.interactions)
    asked = events.of_period(table, VALIDATION, PARAMS.tune_ranking.max_users, PARAMS.seed)
    assert 0 < np.count_nonzero(asked.has_history) < len(asked)
    assert searched(tune_ranking)["events"] == np.count_nonzero(asked.has_history)


@pytest.mark.usefixtures("tensorflow")
def test_each_epoch_of_the_retrieval_sweep_is_reported_as_it_was_judged(
    alone: Interactions,
    searched: Callable[[ModuleType], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
):
    from marquee.models.retrieval import fitting
    from stages import tune_retrieval

    class Fitted:
        def scorer(self, _: Interactions) -> None:
            return None

    def fit(*given: Any) -> None:
        for epoch in (1, 2):
            given[-2](epoch, 0.0, Fitted())

    found, accuracies, reported = searched(tune_retrieval), iter([0.1, 0.2]), []
    monkeypatch.setattr(tune_retrieval.validation, "accuracy", lambda *_: next(accuracies))
    monkeypatch.setattr(fitting, "fit", fit)
    value = found["objective"](found["plan"].default(), lambda *given: reported.append(given))
    assert reported == [(1, 0.1), (2, 0.2)]
    assert value == 0.2


def test_ease_is_the_one_that_the_sweep_chose(alone: Interactions, monkeypatch: pytest.MonkeyPatch):
    from stages import evaluate_retrieval

    def fit(_: Interactions, preprocessing: Any, neighbours: Neighbours, recent_days: int) -> None:
        assert preprocessing == PARAMS.preprocess_data
        assert neighbours == read_best(Neighbours, paths.NEIGHBOURS.best_params)
        assert recent_days == PARAMS.evaluation.recent_days
        raise StopHereError

    monkeypatch.setattr(evaluate_retrieval.rankers, "fit", fit)
    with pytest.raises(StopHereError):
        evaluate_retrieval.run(PARAMS, LOG)


def test_the_held_out_bundle_knows_what_was_popular_when_training_ended(
    alone: Interactions, monkeypatch: pytest.MonkeyPatch
):
    from stages import tune_recommender

    tower = SimpleNamespace(
        model=SimpleNamespace(query_tower=SimpleNamespace(variables=[])),
        candidate_embeddings=lambda: np.zeros((alone.num_movies, 8), np.float32),
    )
    monkeypatch.setattr(held_out.retrieval_fitting, "fit", lambda *_: tower)
    monkeypatch.setattr(held_out, "_fit_dcn", lambda *_: None)
    monkeypatch.setattr(
        held_out, "ExportedDcn", lambda _: SimpleNamespace(predict=None, model=tower.model.query_tower)
    )
    monkeypatch.setattr(held_out.conversion, "query_function", lambda *_: None)
    monkeypatch.setattr(held_out.conversion, "to_bytes", lambda *_: b"")
    built = []

    def only_built(bundle: Any, _: Any) -> None:
        built.append(bundle)
        raise StopHereError

    monkeypatch.setattr(tune_recommender, "Recommender", only_built)
    with pytest.raises(StopHereError):
        tune_recommender.run(PARAMS, LOG)
    winners = held_out.Winners.read()
    left = trained.of_every_movie(
        alone.in_periods(TRAIN),
        (TRAIN,),
        Catalogue.read(paths.PROCESSED.movie_features),
        winners.ranking,
        PARAMS.preprocess_data,
        PARAMS.recommender["popular_days"],
        PARAMS.seed,
    )
    np.testing.assert_array_equal(built[0].index.popular, left.popular)
    assert left.popular[0] != left.popular[-1]


def test_the_recommender_is_asked_what_was_liked_and_nothing_else(
    alone: Interactions, monkeypatch: pytest.MonkeyPatch
):
    from stages import evaluate_recommender

    def answer(_: Any, table: Interactions, asked: events.Events, k: int) -> None:
        stars, period = table.rating[asked.rows], table.period[asked.rows]
        assert stars.min() >= PARAMS.preprocess_data.positive_rating
        assert set(period.tolist()) == {TEST}
        raise StopHereError

    assert alone.rating[alone.period == TEST].min() < PARAMS.preprocess_data.positive_rating
    monkeypatch.setattr(evaluate_recommender.histories, "answer", answer)
    monkeypatch.setattr(evaluate_recommender.bundle_files, "parts_of_pipeline", lambda additions: None)
    monkeypatch.setattr(evaluate_recommender.bundle, "read", lambda _: None)
    monkeypatch.setattr(evaluate_recommender, "Recommender", lambda *_: None)
    with pytest.raises(StopHereError):
        evaluate_recommender.run(PARAMS, LOG)
