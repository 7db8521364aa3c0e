import csv
from dataclasses import replace
from pathlib import Path

import pytest

from marquee.pipeline import scores
from marquee.pipeline.files import read_json
from marquee.pipeline.params import ExportModels
from marquee.serving.variants import variant_pictures, variants
from marquee.serving.variants.variants import Measured, VariantError

TOLERANCE = ExportModels(accuracy_tolerance=0.01, rmse_tolerance=0.02)
FULL = Measured(
    query_tower_bytes=300,
    dcn_bytes=100,
    embedding_bytes=600,
    top_100_accuracy=0.5,
    rmse=0.8,
    retrieval_score_difference=0.0,
    predicted_rating_difference=0.0,
)
HALF = replace(FULL, query_tower_bytes=150, dcn_bytes=50, embedding_bytes=300)
QUARTER = replace(FULL, query_tower_bytes=75, dcn_bytes=25, embedding_bytes=300)
ALL = {"saved_model": FULL, "onnx": FULL, "float32": FULL, "float16": HALF, "int8": QUARTER}


def test_a_variant_weighs_its_models_and_its_embeddings():
    assert (FULL.bytes, HALF.bytes, QUARTER.bytes) == (1000, 500, 400)


def test_the_smallest_wins_where_all_answer_alike():
    assert variants.choose(ALL, TOLERANCE) == "int8"


def test_a_loss_up_to_the_tolerance_is_allowed_and_a_greater_one_is_not():
    exactly = replace(QUARTER, top_100_accuracy=0.5 - 0.01, rmse=0.8 + 0.02)
    assert variants.choose(ALL | {"int8": exactly}, TOLERANCE) == "int8"
    for beyond in (replace(exactly, top_100_accuracy=0.4899), replace(exactly, rmse=0.8201)):
        assert variants.choose(ALL | {"int8": beyond}, TOLERANCE) == "float16"


def test_the_best_of_all_variants_sets_the_mark():
    # int8 is better by luck: float32 and float16 now lose 0.02 to it.
    lucky = replace(QUARTER, top_100_accuracy=0.52, embedding_bytes=9000)
    assert variants.choose(ALL | {"int8": lucky}, TOLERANCE) == "int8"


def test_what_the_service_cannot_run_does_not_win():
    tiny = replace(FULL, query_tower_bytes=1, dcn_bytes=1, embedding_bytes=1)
    assert variants.choose(ALL | {"onnx": tiny, "saved_model": tiny}, TOLERANCE) == "int8"


def test_where_nothing_may_be_served_the_error_says_what_each_reached():
    better = ALL | {"onnx": replace(FULL, top_100_accuracy=0.6)}
    with pytest.raises(VariantError, match=r"top_100_accuracy 0\.5900.*onnx 0\.6000 and 0\.8000.*Raise"):
        variants.choose(better, TOLERANCE)


@pytest.mark.parametrize("name", ["saved_model", "onnx", "float32"])
@pytest.mark.parametrize("kind", ["retrieval_score_difference", "predicted_rating_difference"])
def test_a_float32_variant_that_answers_otherwise_is_refused(name: str, kind: str):
    variants.require_exact(ALL | {name: replace(FULL, **{kind: 1e-4})})
    for wrong in (0.01, float("nan")):
        with pytest.raises(VariantError, match=rf"{name} differs from TensorFlow by (0\.01|nan)"):
            variants.require_exact(ALL | {name: replace(FULL, **{kind: wrong})})


def test_smaller_variants_may_differ():
    variants.require_exact(ALL | {"int8": replace(QUARTER, retrieval_score_difference=0.4)})


def test_without_a_liked_movie_there_is_nothing_to_compare_on():
    variants.require_liked(1)
    with pytest.raises(VariantError, match=r"no positive event.*Move preprocess_data\.validation_cutoff"):
        variants.require_liked(0)


def test_rows_name_the_winner_and_every_variant(tmp_path: Path):
    variants.write_numbers(ALL, "int8", 77, tmp_path / "metrics.json", tmp_path)
    numbers = read_json(tmp_path / "metrics.json")
    assert numbers["value"] == 400  # the bytes that are served: all that `dvc metrics show` shows
    assert scores.find(numbers, "events")["value"] == 77
    assert [scores.find(numbers, "served", name)["value"] for name in ALL] == [0, 0, 0, 0, 1]
    assert scores.find(numbers, "bytes", "float16")["value"] == 500
    assert scores.find(numbers, "rmse", "int8")["value"] == 0.8
    with (tmp_path / "scores.csv").open() as file:
        rows = {(row["model"], row["metric"]): row["value"] for row in csv.DictReader(file)}
    assert rows["int8", "embedding_bytes"] == "300"
    assert rows["int8", "top_100_accuracy"] == "0.5"


def test_the_report_is_a_table_for_people_and_a_picture(tmp_path: Path):
    measured = ALL | {"int8": replace(QUARTER, top_100_accuracy=0.4951)}
    variants.write_report(measured, "int8", 1234, TOLERANCE, tmp_path)
    text = (tmp_path / "variants.md").read_text()
    assert "1,234 events" in text
    assert "do not foretell quality" in text
    assert "| **int8**, served | 0 | 0 | 0.4951 | 0.8000 |" in text
    variant_pictures.draw(measured, "int8", TOLERANCE, tmp_path / "variants.png")
    variant_pictures.draw(measured, "int8", TOLERANCE, tmp_path / "again.png")
    assert (tmp_path / "variants.png").read_bytes() == (tmp_path / "again.png").read_bytes()


@pytest.mark.parametrize(
    ("difference", "bound"),
    [(0.0, 1e-3), (4e-6, 1e-3), (1e-3, 1e-3), (0.00101, 0.01), (0.05295, 0.1), (0.4, 1.0), (3.0, 10.0)],
)
def test_a_difference_is_recorded_as_the_power_of_ten_it_stays_within(difference: float, bound: float):
    assert variants.at_most(difference) == bound


def test_two_kinds_of_processor_write_the_same_bytes(tmp_path: Path):
    # As measured on two servers: float32 sums in another order, and what follows from it.
    one = {
        "onnx": replace(
            FULL, retrieval_score_difference=4e-6, predicted_rating_difference=4.8e-7, rmse=0.835837
        ),
        "int8": replace(QUARTER, retrieval_score_difference=0.05295, rmse=0.835846),
    }
    other = {
        "onnx": replace(
            FULL, retrieval_score_difference=5e-6, predicted_rating_difference=7.2e-7, rmse=0.835838
        ),
        "int8": replace(QUARTER, retrieval_score_difference=0.05301, rmse=0.835844),
    }
    for folder, measured in ((tmp_path / "one", one), (tmp_path / "other", other)):
        recorded = variants.as_recorded(ALL | measured)
        variants.write_numbers(recorded, "int8", 77, folder / "metrics.json", folder)
        variants.write_report(recorded, "int8", 77, TOLERANCE, folder)
        variant_pictures.draw(recorded, "int8", TOLERANCE, folder / "variants.png")
    written = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert sorted(written) == ["metrics.json", "scores.csv", "variants.md", "variants.png"]
    assert written == {path.name: path.read_bytes() for path in (tmp_path / "other").iterdir()}
    assert b"0.05" not in written["scores.csv"]


def test_variants_that_are_all_alike_are_drawn_with_no_tolerance_too(tmp_path: Path):
    none = ExportModels(accuracy_tolerance=0.0, rmse_tolerance=0.0)
    heavier = ALL | {"int8": replace(QUARTER, embedding_bytes=599)}
    drawn = set()
    for measured, winner in ((ALL, "int8"), (ALL, "float16"), (heavier, "int8")):
        variant_pictures.draw(measured, winner, none, tmp_path / "variants.png")
        drawn.add((tmp_path / "variants.png").read_bytes())
    assert len(drawn) == 3, "the picture shows who wins and what each weighs"
