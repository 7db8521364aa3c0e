import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stages import params, paths, weights
from stages.data import catalogue
from stages.data.interactions import TRAIN, VALIDATION
from stages.evaluation import events
from stages.params import PreprocessData, Retrieval
from stages.serving import conversion, histories
from stages.serving.conversion import ConversionError
from stages.serving.litert import LiteRtModel
from tests.serving.conftest import Tiny


def test_the_stage_records_sizes_and_a_small_difference(tiny: Tiny):
    numbers = json.loads((tiny.root / paths.metrics("export_models")).read_text())
    assert 0 <= numbers["largest_difference"]["retrieval_score"] < 1e-4
    assert 0 <= numbers["largest_difference"]["predicted_rating"] < 1e-4
    exported = paths.Exported(tiny.root / paths.EXPORTED.folder)
    assert numbers["size"]["dcn_bytes"] == exported.dcn.stat().st_size
    assert set(numbers["size"]) == {"catalogue_bytes", "dcn_bytes", "movies_bytes", "query_tower_bytes"}


def test_positive_ratings_of_the_fitted_period_are_counted(tiny: Tiny):
    table = tiny.interactions.in_periods(TRAIN, VALIDATION)
    liked = np.bincount(table.movie_index[table.rating >= 4], minlength=1200)
    assert tiny.bundle.positive_count.tolist() == liked.tolist()


def test_the_stage_writes_the_same_bytes_wherever_it_runs(tiny: Tiny, tmp_path: Path):
    written = []
    for seed in ("1", "2"):
        house = tmp_path / seed
        for name in ("stages", "params.yaml", "data", "models/retrieval", "models/ranking"):
            (house / name).parent.mkdir(parents=True, exist_ok=True)
            (house / name).symlink_to(tiny.root / name)
        environment = os.environ | {"PYTHONHASHSEED": seed}
        run = [sys.executable, "-m", "stages.serving.export"]
        done = subprocess.run(
            run, env=environment, cwd=house, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        files = [*(house / paths.EXPORTED.folder).iterdir(), house / paths.metrics("export_models")]
        written.append({path.name: path.read_bytes() for path in files})
    assert len(written[0]) == 6
    assert written[0] == written[1]


def test_the_ranker_takes_any_number_of_rows(tiny: Tiny):
    dcn = LiteRtModel(tiny.bundle.dcn)
    rng = np.random.default_rng(0)
    columns = len(tiny.bundle.settings.ranking_features)
    features = rng.normal(size=(7, columns)).astype(np.float32)
    together = dcn(features=features, movie_index=np.arange(7, dtype=np.int32))
    alone = [
        dcn(features=features[row : row + 1], movie_index=np.array([row], np.int32))[0] for row in range(7)
    ]
    assert len(set(alone)) > 1
    np.testing.assert_allclose(together, alone, rtol=1e-6)


def test_an_export_that_answers_otherwise_is_refused(tiny: Tiny, two_tower):
    asked = histories.spread(events.of_period(tiny.interactions, VALIDATION, 1000, 1), 3)
    wrong = np.full((3, tiny.bundle.candidates.shape[1]), 9, np.float32)
    with pytest.raises(ConversionError, match=r"LiteRT's retrieval_score differs from TensorFlow's by"):
        conversion.largest_differences(
            tiny.bundle, wrong, lambda features, _: np.full(len(features), 3.0), tiny.interactions, asked
        )


def test_the_exported_candidates_are_tensorflows(tiny: Tiny, two_tower):
    np.testing.assert_array_equal(
        conversion.candidate_embeddings(two_tower.model, 1200, 8), tiny.bundle.candidates
    )
    with pytest.raises(ConversionError, match="not the vectors a history is made of"):
        conversion.candidate_embeddings(_OtherHistory(two_tower.model), 1200, 8)


class _OtherHistory:
    def __init__(self, model: object) -> None:
        self.candidates = model.candidates

    def history_vectors(self, movie_index: object) -> object:
        return np.zeros((1200, 8), np.float32)


@pytest.fixture
def two_tower(tiny: Tiny, monkeypatch: pytest.MonkeyPatch):
    from stages.retrieval import fitting
    from stages.runtime import start_tensorflow

    monkeypatch.chdir(tiny.root)
    start_tensorflow(seed=1, threads=1)
    built = fitting.build(
        tiny.interactions.in_periods(TRAIN, VALIDATION),
        catalogue.read(paths.PROCESSED.movie_features),
        params.load_best(Retrieval, paths.RETRIEVAL.best_params),
        params.load("preprocess_data", PreprocessData),
    )
    weights.read(built.model, paths.RETRIEVAL.weights)
    return built
