import contextlib
import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from marquee.data.tables.catalogue import Catalogue
from marquee.data.tables.interactions import TRAIN, VALIDATION
from marquee.pipeline import paths
from marquee.pipeline.params import Ranking, Retrieval, read_best
from marquee.serving.recommender import catalogue_index
from marquee.serving.recommender.bundle import Settings
from marquee.serving.recommender.litert import LiteRtModel
from marquee.serving.variants.runtimes import open_model
from marquee.serving.variants.variants import VARIANTS
from tests.fixtures.tiny_pipeline import MOVIES, NEIGHBOURS, PARAMS, VALUES, Tiny


def exported(tiny: Tiny) -> paths.Exported:
    return paths.Exported(tiny.root / paths.EXPORTED.folder)


def scores_of(tiny: Tiny) -> dict[tuple[str, str], float]:
    """(variant, metric) -> value."""
    with (tiny.root / paths.reports("export_models") / "scores.csv").open() as file:
        return {(row["model"], row["metric"]): float(row["value"]) for row in csv.DictReader(file)}


def test_every_variant_is_measured_on_the_same_events(tiny: Tiny):
    numbers = scores_of(tiny)
    assert numbers["", "events"] == int((tiny.interactions.period == VALIDATION).sum())
    assert {model for model, _ in numbers if model} == set(VARIANTS)
    bounds = ("retrieval_score_difference_at_most", "predicted_rating_difference_at_most")
    for name in ("saved_model", "onnx", "float32"):
        assert [numbers[name, bound] for bound in bounds] == [1e-3, 1e-3]
    assert numbers["int8", bounds[0]] > numbers["float32", bounds[0]]
    assert 0.4 < numbers["int8", "rmse"] < 3


def test_bytes_are_those_of_the_files_and_of_the_embeddings(tiny: Tiny):
    numbers, folder = scores_of(tiny), exported(tiny)
    columns = tiny.bundle.index.candidates.shape[1]
    for name, itemsize in (("float32", 4), ("int8", 2)):
        tower, dcn = (folder.variant(name) / f"{part}.tflite" for part in ("query_tower", "dcn"))
        assert numbers[name, "query_tower_bytes"] == tower.stat().st_size
        assert numbers[name, "dcn_bytes"] == dcn.stat().st_size
        assert numbers[name, "embedding_bytes"] == MOVIES * columns * itemsize
    saved = [path for path in (folder.variant("saved_model") / "dcn").rglob("*") if path.is_file()]
    assert numbers["saved_model", "dcn_bytes"] == sum(path.stat().st_size for path in saved)


def test_the_winner_is_named_with_the_type_of_its_embeddings(tiny: Tiny):
    winner = json.loads(exported(tiny).winner.read_text())
    served = {name: found for (name, metric), found in scores_of(tiny).items() if metric == "served"}
    assert served == {name: float(name == winner["variant"]) for name in VARIANTS}
    assert winner["half_embeddings"] == (VARIANTS[winner["variant"]].embeddings == "float16")


def test_settings_say_what_the_models_were_fitted_with(tiny: Tiny):
    settings = Settings.model_validate_json(exported(tiny).settings.read_text())
    assert (settings.history_length, settings.embedding_dim) == (10, 8)
    assert (settings.positive_rating, settings.other_weight) == (4.0, NEIGHBOURS.other_weight)


def test_what_training_left_counts_the_fitted_periods_alone(tiny: Tiny):
    left = catalogue_index.read_trained(exported(tiny))
    fitted = tiny.interactions.in_periods(TRAIN, VALIDATION)
    count = np.bincount(fitted.movie_index, minlength=MOVIES)
    assert left.statistics.count.tolist() == count.tolist()
    for rows in (left.retrieval_id_row, left.ranking_id_row):
        assert ((rows > 0) == (count > 0)).all()
        assert sorted(rows[rows > 0].tolist()) == list(range(1, int((count > 0).sum()) + 1))
    assert left.popular[np.argmax(count)] == left.popular.max()


def test_the_exported_candidate_tower_gives_tensorflows_embeddings(tiny: Tiny):
    from marquee.models.retrieval import fitting

    with contextlib.chdir(tiny.root):
        catalogue = Catalogue.read(paths.PROCESSED.movie_features)
        two_tower = fitting.load(
            paths.RETRIEVAL.weights,
            tiny.interactions.in_periods(TRAIN, VALIDATION),
            catalogue,
            read_best(Retrieval, paths.RETRIEVAL.best_params),
            PARAMS.preprocess_data,
        )
    left = catalogue_index.read_trained(exported(tiny))
    tower = LiteRtModel(exported(tiny).candidate_tower.read_bytes())
    embedded = tower(
        content=catalogue.content,
        names=catalogue.names,
        id_row=left.retrieval_id_row,
        release=catalogue.release,
    )
    np.testing.assert_allclose(embedded, two_tower.candidate_embeddings(), atol=1e-5)


def test_a_ranker_loaded_from_its_weights_is_the_one_that_was_trained(tiny: Tiny):
    from marquee.models.ranking import fitting
    from marquee.models.ranking import rows as data

    with contextlib.chdir(tiny.root):
        catalogue = Catalogue.read(paths.PROCESSED.movie_features)
        preprocessing = PARAMS.preprocess_data
        known = data.known_movies(tiny.interactions, (TRAIN, VALIDATION), preprocessing)
        knobs = read_best(Ranking, paths.RANKING.best_params)
        dcn = fitting.load(paths.RANKING.weights, catalogue, known, knobs)
        with np.load(paths.RANKING.weights) as stored:
            assert [stored[name].tolist() for name in stored.files] == [
                array.tolist() for array in dcn.get_weights()
            ]


@pytest.mark.parametrize("name", ["float32", "int8", "onnx"])
def test_the_ranker_takes_any_number_of_rows(tiny: Tiny, name: str):
    dcn = open_model(VARIANTS[name].dcn(exported(tiny).variant(name)))
    rng = np.random.default_rng(0)
    catalogue = tiny.bundle.index.movies.catalogue
    inputs = {
        "features": rng.normal(3, 1, (7, len(tiny.bundle.settings.ranking_features))).astype(np.float32),
        "content": np.concatenate([catalogue.genres, catalogue.language], axis=1)[:7],
        "id_row": np.arange(7, dtype=np.int32),
    }
    together = dcn(**inputs)
    alone = [dcn(**{key: rows[row : row + 1] for key, rows in inputs.items()})[0] for row in range(7)]
    assert len(set(alone)) > 1
    np.testing.assert_allclose(together, alone, rtol=1e-6)


def test_the_stage_writes_the_same_bytes_wherever_it_runs(tiny: Tiny, tmp_path: Path):
    houses = [_house(tiny, tmp_path / seed) for seed in ("1", "2")]
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "stages.export_models"],
            env=os.environ | {"PYTHONHASHSEED": house.name},
            cwd=house,
            stderr=subprocess.PIPE,
            text=True,
        )
        for house in houses
    ]
    errors = [run.communicate(timeout=240)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], errors
    made = (paths.EXPORTED.folder, Path("metrics"), paths.reports("export_models"))
    one, other = (
        {
            str(path.relative_to(house)): path.read_bytes()
            for folder in made
            for path in (house / folder).rglob("*")
            if path.is_file()
        }
        for house in houses
    )
    # Three files of each of two SavedModels, two models in each of four variants, the candidate tower, what
    # training left, settings and winner; the metrics; a picture and two tables.
    assert len(one) == 6 + 8 + 4 + 1 + 3
    assert one == other


def _house(tiny: Tiny, root: Path) -> Path:
    """A folder of its own that holds what the stage reads."""
    for name in ("stages", "marquee", "params.yaml", "data", "models/retrieval", "models/ranking"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(tiny.root / name)
    for folder, knobs in ((paths.NEIGHBOURS, NEIGHBOURS), (paths.RECOMMENDER, VALUES)):
        (root / folder.folder).mkdir()
        (root / folder.best_params).write_text(yaml.safe_dump(knobs.model_dump()))
    return root
