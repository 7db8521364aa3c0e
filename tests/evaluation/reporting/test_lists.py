import numpy as np
import pytest

from marquee.evaluation.measures.metrics import REMOVED
from marquee.evaluation.measures.report import Asked, ReportError
from marquee.evaluation.reporting import lists

ASKED = Asked(
    users=np.array([0, 0, 1, 2], np.int32),
    ratings=np.full(4, 5, np.float32),
    positive=np.ones(4, dtype=bool),
    history_length=np.array([3, 4, 1, 0]),
    popularity=np.ones(4, np.int64),
)
RANKS = {
    "recommender": np.array([1, 3, REMOVED, 2], np.int32),
    "popularity": np.array([11, 3, 200, 1], np.int32),
}


def test_measures_differences_and_counts_by_hand():
    numbers = lists.recommender_metrics(RANKS, ASKED, {"recommender": ["popularity"]}, samples=20, seed=1)
    assert numbers["events"] == {"positive_events": 3, "users": 2, "no_history": 1}
    ours, theirs = numbers["recommender"], numbers["popularity"]
    assert ours["hit_rate_at_10"] == pytest.approx(2 / 3)
    assert ours["ndcg_at_10"] == pytest.approx((1 + 1 / 2) / 3)  # 1 / log2(2) and 1 / log2(4)
    assert ours["mrr"] == pytest.approx((1 + 1 / 3) / 3)
    assert ours["top_100_accuracy"] == pytest.approx(2 / 3)
    assert ours["hit_rate_at_10_low"] <= 2 / 3 <= ours["hit_rate_at_10_high"]
    assert theirs["mrr"] == pytest.approx((1 / 11 + 1 / 3 + 1 / 200) / 3)
    assert ours["minus_popularity"]["hit_rate_at_10"] == pytest.approx(1 / 3)
    assert ours["minus_popularity"]["top_100_accuracy"] == 0
    assert ours["no_history"]["mrr"] == 0.5
    assert theirs["no_history"]["mrr"] == 1
    assert "minus_popularity" not in theirs


def test_a_model_that_answered_other_events_is_refused():
    with pytest.raises(ReportError, match="popularity must answer each of the 4 events once; it answered 3"):
        lists.recommender_metrics(RANKS | {"popularity": RANKS["popularity"][:3]}, ASKED, {}, 20, 1)
