"""The tables behind the plots, and the plots."""

import numpy as np
import pytest

from marquee.evaluation.measures.report import Asked
from marquee.evaluation.reporting import curves, pictures

# Event 3 is not positive, event 4 has no history: neither is in a retrieval curve.
ASKED = Asked(
    users=np.array([0, 0, 1, 1, 1], dtype=np.int32),
    ratings=np.array([5, 4, 4, 2, 5], dtype=np.float32),
    positive=np.array([True, True, True, False, True]),
    history_length=np.array([4, 5, 5000, 9, 0]),
    popularity=np.array([0, 7, 19, 1, 1]),
)
RANKS = {
    "two_tower": np.array([1, 2, 300, 1, 1], dtype=np.int32),
    "popularity": np.array([101, 100, 501, 1, 1], dtype=np.int32),
}
PREDICTED = {"dcn": np.array([4.5, 4.4, 4.0, 3.0, 1.0], dtype=np.float32)}


def test_accuracy_by_k_counts_the_ranks_up_to_k():
    table = curves.retrieval_curves(RANKS, ASKED)["accuracy_by_k"].set_index(["model", "k"])["accuracy"]
    tower, popularity = table["two_tower"], table["popularity"]
    assert (tower[1], tower[2], tower[100], tower[500]) == pytest.approx((1 / 3, 2 / 3, 2 / 3, 1))
    assert (popularity[10], popularity[100], popularity[500]) == pytest.approx((0, 1 / 3, 2 / 3))
    assert (tower.index.min(), tower.index.max()) == (1, 500)
    assert tower.is_monotonic_increasing


def test_accuracy_is_split_by_history_and_popularity():
    tables = curves.retrieval_curves(RANKS, ASKED)
    history = tables["accuracy_by_history"].query("model == 'two_tower'")
    assert history["bucket"].tolist() == ["1-4", "5-19", "1000+"]
    assert history["events"].tolist() == [1, 1, 1]
    assert history["accuracy"].tolist() == [1, 1, 0]
    popularity = tables["accuracy_by_popularity"].query("model == 'popularity'")
    assert popularity["bucket"].tolist() == ["0", "5-19"]
    assert popularity["accuracy"].tolist() == [0, 0.5]


def test_calibration_compares_means_within_bins_of_the_prediction():
    table = curves.rating_curves(PREDICTED, ASKED)["calibration"]
    # 4.5 and 4.4 are nearest to the bin at 4.5; the event without a history is out.
    assert table["bin"].tolist() == [3.0, 4.0, 4.5]
    assert table["events"].tolist() == [1, 1, 2]
    assert table["predicted"].tolist() == pytest.approx([3.0, 4.0, 4.45])
    assert table["observed"].tolist() == [2.0, 4.0, 4.5]


def test_residuals_are_given_minus_predicted_and_sum_to_one():
    table = curves.rating_curves(PREDICTED, ASKED)["residuals"].set_index("residual")["share"]
    # 0.5, -0.4, 0 and -1.
    assert table[[0.5, -0.5, 0.0, -1.0]].tolist() == [0.25] * 4
    assert table.sum() == 1
    assert (table.index.min(), table.index.max()) == (-5.0, 5.0)


def test_tables_are_written_as_csv(tmp_path):
    tables = curves.rating_curves(PREDICTED, ASKED)
    curves.write(tables, tmp_path)
    first, second = (tmp_path / "calibration.csv").read_text(encoding="utf-8").splitlines()[:2]
    assert first == "model,bin,events,predicted,observed"
    assert second == "dcn,3.000000,1,3.000000,2.000000"
    assert {path.name for path in tmp_path.iterdir()} == {"calibration.csv", "residuals.csv"}


def test_pictures_are_drawn_and_repeat_byte_for_byte(tmp_path):
    for folder in (tmp_path / "one", tmp_path / "two"):
        pictures.draw_retrieval(curves.retrieval_curves(RANKS, ASKED), folder)
        pictures.draw_ratings(curves.rating_curves(PREDICTED, ASKED), folder)
    drawn = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert set(drawn) == {
        "accuracy_by_k.png",
        "accuracy_by_history.png",
        "accuracy_by_popularity.png",
        "calibration.png",
        "residuals.png",
    }
    assert all(data.startswith(b"\x89PNG") for data in drawn.values())
    assert drawn == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert len(set(drawn.values())) == 5


def test_no_event_still_gives_tables_and_pictures(tmp_path):
    nothing = ASKED.only(np.zeros(5, dtype=bool))
    tables = curves.retrieval_curves({"two_tower": np.array([], dtype=np.int32)}, nothing)
    assert [len(table) for table in tables.values()] == [0, 0, 0]
    pictures.draw_retrieval(tables, tmp_path)
    pictures.draw_ratings(curves.rating_curves({"dcn": np.array([], dtype=np.float32)}, nothing), tmp_path)
    assert len(list(tmp_path.iterdir())) == 5
