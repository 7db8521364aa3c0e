import csv
from dataclasses import replace
from pathlib import Path

import pytest

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


def test_numbers_name_the_winner_and_every_variant():
    numbers = variants.numbers(ALL, "int8", 77)
    assert (numbers["winner"], numbers["events"]) == ("int8", 77)
    assert numbers["variants"]["float16"]["bytes"] == 500
    assert numbers["variants"]["int8"]["rmse"] == 0.8


def test_the_report_is_a_table_for_machines_one_for_people_and_a_picture(tmp_path: Path):
    measured = ALL | {"int8": replace(QUARTER, top_100_accuracy=0.4951)}
    variants.write_report(measured, "int8", 1234, TOLERANCE, tmp_path)
    with (tmp_path / "variants.csv").open() as file:
        rows = {row["variant"]: row for row in csv.DictReader(file)}
    assert list(rows) == list(ALL)
    assert (rows["int8"]["served"], rows["float16"]["served"]) == ("True", "False")
    assert (rows["int8"]["bytes"], rows["int8"]["top_100_accuracy"]) == ("400", "0.495100")
    text = (tmp_path / "variants.md").read_text()
    assert "1,234 events" in text
    assert "do not foretell quality" in text
    assert "| **int8**, served | 0 | 0 | 0.4951 | 0.8000 |" in text
    variant_pictures.draw(measured, "int8", TOLERANCE, tmp_path / "variants.png")
    variant_pictures.draw(measured, "int8", TOLERANCE, tmp_path / "again.png")
    assert (tmp_path / "variants.png").read_bytes() == (tmp_path / "again.png").read_bytes()


def test_variants_that_are_all_alike_are_drawn_with_no_tolerance_too(tmp_path: Path):
    none = ExportModels(accuracy_tolerance=0.0, rmse_tolerance=0.0)
    variant_pictures.draw(ALL, "int8", none, tmp_path / "variants.png")
    assert (tmp_path / "variants.png").stat().st_size > 10_000
