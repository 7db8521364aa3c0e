"""What visitors said, worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from marquee.monitoring.evidence import recorded
from marquee.monitoring.evidence.recorded import Recorded
from marquee.monitoring.statistics import performance
from marquee.monitoring.statistics.performance import Measured

BUNDLE = "a" * 64


def answers(*visitors: str | None, **columns: object) -> pd.DataFrame:
    count = len(visitors)
    frame = pd.DataFrame(
        {
            "request_id": [f"r{row}" for row in range(count)],
            "time": np.arange(count, dtype=np.float64),
            "kind": "recommend",
            "arm": "champion",
            "bundle": BUNDLE,
            "visitor_id": list(visitors),
            "now": 1,
            "history_movie_id": [np.array([], dtype=np.int32)] * count,
            "history_rating": [np.array([], dtype=np.float32)] * count,
            "history_timestamp": [None] * count,
            "total_ms": np.arange(1.0, count + 1),
        }
    )
    return frame.assign(**columns)


def results(requests: int, places: int = 2) -> pd.DataFrame:
    rows = [
        (f"r{row}", place, 10 * place, 1.0, 4.0) for row in range(requests) for place in range(1, places + 1)
    ]
    return pd.DataFrame(rows, columns=["request_id", "place", "movie_id", "score", "predicted_rating"])


def feedback(*rows: tuple[str | None, int, str, float | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["answer_id", "movie_id", "event", "rating"])
    return frame.assign(
        request_id=[f"f{row}" for row in range(len(frame))],
        time=np.arange(len(frame), dtype=np.float64),
        place=None,
        bundle=BUNDLE,
        visitor_id=None,
    )


def select(told: pd.DataFrame, given: pd.DataFrame, most: int = 100) -> Recorded:
    return recorded.select(given, results(len(given)), told, BUNDLE, most)


def test_headline_numbers_by_hand():
    told = feedback(
        ("r0", 10, "clicked", None),  # place 1
        ("r1", 20, "rated", 5.0),  # place 2, liked, predicted 4: error 1
        ("r2", 10, "rated", 2.0),  # not liked, error -2
        ("r0", 10, "clicked", None),  # again: counts once
        ("r0", 99, "clicked", None),  # was not in the list
        (None, 10, "clicked", None),
    )
    kept = select(told, answers("ann", "ben", "ann", "cat"))
    made = Measured(kept, positive_rating=4.0, samples=200, seed=1).headline()
    assert made["mrr"].value == pytest.approx((1 + 1 / 2) / 2)
    assert made["hit_rate_at_10"].value == pytest.approx(2 / 4)
    assert made["click_share"].value == pytest.approx(1 / 4)
    assert made["rmse"].value == pytest.approx(np.sqrt((1 + 4) / 2))
    assert kept.unattributed == 2


def test_a_movie_clicked_and_then_rated_high_is_liked_once():
    told = feedback(("r0", 10, "clicked", None), ("r0", 10, "rated", 5.0), ("r1", 20, "rated", 5.0))
    measured = Measured(select(told, answers("ann", "ben")), positive_rating=4.0, samples=20, seed=1)
    assert measured.counts()["liked"] == 2
    assert measured.headline()["mrr"].value == pytest.approx((1 + 1 / 2) / 2)


def test_other_bundles_arms_and_endpoints_are_left_out_and_counted():
    given = answers("ann", "ann", "ann", "ann").assign(
        kind=["recommend", "similar", "recommend", "recommend"],
        arm=["champion", "champion", "shadow", "champion"],
        bundle=[BUNDLE, BUNDLE, BUNDLE, "b" * 64],
    )
    kept = select(feedback(("r2", 10, "clicked", None)), given)
    assert (kept.answers["request_id"].tolist(), kept.other_answers, kept.unattributed) == (["r0"], 3, 0)


def test_a_visitor_without_an_id_is_known_by_how_the_history_begins():
    begins = [[5, 6], [5, 6, 7], [8], []]
    given = answers(None, None, None, None).assign(
        history_movie_id=[np.array(movies) for movies in begins],
        history_rating=[np.full(len(movies), 4.0) for movies in begins],
    )
    assert select(feedback(), given).answers["visitor"].tolist() == [0, 0, 1, 2]


def test_a_loss_is_above_0_whatever_the_measure():
    # Six visitors before, six after: hits fall from all to none, errors grow from 0 to 2 stars.
    before = [(f"r{row}", 10, "rated", 4.0) for row in range(6)]
    after = [(f"r{row}", 10, "rated", 2.0) for row in range(6, 12)]
    kept = select(feedback(*before, *after), answers(*(f"visitor {row}" for row in range(12))))
    changes = Measured(kept, positive_rating=4.0, samples=200, seed=1).changes(first_recent=6)
    assert changes["rmse"].worse_by.value == pytest.approx(2.0)
    assert changes["hit_rate_at_10"].worse_by.value == pytest.approx(1.0)
    assert (changes["rmse"].count, changes["hit_rate_at_10"].count) == (6, 0)


def test_no_feedback_gives_no_number_instead_of_an_error():
    made = Measured(select(feedback(), answers("ann")), 4.0, samples=50, seed=1).headline()
    assert np.isnan(made["rmse"].value)
    assert made["click_share"].value == 0


def test_exposure_by_hand():
    # 20 movies, the tenth rated most are 10 and 20 of the ids; windows of two answers, two places each.
    rows_of = {movie_id: row for row, movie_id in enumerate([10, 20, *range(100, 118)])}
    ratings = np.array([9, 8] + [1] * 18, dtype=np.float32)
    kept = select(feedback(), answers("ann", "ben", "ann", "cat"))
    swapped = kept.results.assign(
        movie_id=kept.results["movie_id"].where(kept.results["request_id"] != "r3", 100)
    )
    kept = Recorded(kept.answers, swapped, kept.feedback, 0, 0)
    shown = performance.exposure(kept, rows_of, ratings, np.array([0, 2]))
    assert shown.popular_share.tolist() == [1.0, 0.5]
    assert shown.coverage == pytest.approx(3 / 20)


def test_a_steady_climb_has_its_slope_and_too_few_windows_none():
    assert performance.trend(np.array([0.1, 0.2, 0.3, 0.4])).value == pytest.approx(0.1)
    assert np.isnan(performance.trend(np.array([0.1, 0.2])).value)
