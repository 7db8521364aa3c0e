"""False alarms come as often as asked, and a real change is found."""

import dataclasses

import numpy as np
import pytest

from marquee.monitoring.statistics import drift, signals
from marquee.monitoring.statistics.drift import Detector
from marquee.monitoring.statistics.signals import SIGNALS
from tests.monitoring import people

WINDOW, RUN_TIME = 100, 4000
NAMES = [signal.name for signal in SIGNALS]


@pytest.fixture(scope="module")
def detector() -> Detector:
    reference = people.requests(visitors=300, seed=3)
    return Detector(reference, signals.bins_of(reference, seed=1), WINDOW)


@pytest.mark.parametrize("span", [np.inf, 180.0], ids=["whole visitors", "visits of three minutes"])
def test_the_run_without_drift_is_within_30_percent_of_the_one_asked_for(detector: Detector, span: float):
    # Each seed: a stationary stream of 1,500 windows, some 37 false alarms at the rate asked for.
    lengths = []
    for seed in range(6):
        rows = drift.stream(
            drift.blocks(detector.reference, span), 1500 * WINDOW, np.random.default_rng(100 + seed)
        )
        thresholds = detector.thresholds(detector.reference.visitor[rows], RUN_TIME, draws=3000, seed=seed)
        totals = detector.totals_of(rows.reshape(-1, WINDOW))
        alarms = detector.distances(totals, thresholds.reference) > thresholds.values
        lengths.append(WINDOW / alarms.any(axis=1).mean())
    assert 0.7 * RUN_TIME < np.mean(lengths) < 1.3 * RUN_TIME


def test_rows_instead_of_visitors_would_alarm_far_too_often(detector: Detector):
    # Why blocks are drawn: thresholds from single requests take visitors' likeness for drift.
    rows = drift.stream(drift.blocks(detector.reference, np.inf), 1000 * WINDOW, np.random.default_rng(1))
    alone = np.arange(len(detector.reference))
    single = detector.thresholds(alone, RUN_TIME, draws=3000, seed=1)
    totals = detector.totals_of(rows.reshape(-1, WINDOW))
    alarms = detector.distances(totals, single.reference) > single.values
    assert WINDOW / alarms.any(axis=1).mean() < 0.5 * RUN_TIME


def test_a_shifted_rating_scale_is_found_by_the_ratings(detector: Detector):
    shifted = people.requests(visitors=300, seed=4, stars=-1.0)
    thresholds = detector.thresholds(shifted.visitor, RUN_TIME, draws=3000, seed=1)
    judged = detector.judge(shifted, thresholds)
    found = judged.alarm.mean(axis=0)
    assert found[NAMES.index("rating")] > 0.9
    assert found[NAMES.index("hour")] < 0.1


def test_one_visitor_who_floods_the_service_weighs_as_one(detector: Detector):
    calm = people.requests(visitors=300, seed=3)
    flood = np.tile(np.flatnonzero(calm.visitor == 0), 60)
    rows = np.concatenate([np.arange(60), flood])[:WINDOW]
    totals = detector.totals_of(rows[None, :])
    visitors = len(np.unique(calm.visitor[rows]))
    hours = signals.HOURS_A_DAY // signals.HOURS_A_PART
    start = detector._ends[NAMES.index("hour")]
    assert totals[0, start : start + hours].sum() == pytest.approx(visitors)


def test_whole_windows_are_judged_and_the_oldest_rest_left_out(detector: Detector):
    some = detector.reference.at(slice(0, 2 * WINDOW + 30))
    thresholds = detector.thresholds(some.visitor, RUN_TIME, draws=1000, seed=1)
    assert detector.judge(some, thresholds).starts.tolist() == [30, 30 + WINDOW]
    few = detector.reference.at(slice(0, 30))
    assert detector.judge(few, thresholds).alarm.shape == (0, len(SIGNALS))


def test_clumping_is_what_a_request_meets_of_its_own_visitor():
    # Window 1: visitor 7 three times, 8 once: (9 + 1) / 4. Window 2: two of each: (4 + 4) / 4.
    visitors = np.array([7, 7, 8, 7, 8, 8, 7, 7])
    assert drift.clumping(visitors, 4) == pytest.approx((2.5 + 2.0) / 2)
    assert drift.clumping(visitors[:3], 4) == 1.0


def test_a_block_is_what_one_visitor_asks_within_a_span():
    requests = people.requests(visitors=2, seed=0).at(np.array([0, 0, 0, -1]))
    requests = dataclasses.replace(requests, time=np.array([10.0, 20.0, 70.0, 20.0]))
    assert [block.tolist() for block in drift.blocks(requests, 60.0)] == [[0, 1], [2], [3]]
    assert [block.tolist() for block in drift.blocks(requests, np.inf)] == [[0, 1, 2], [3]]


def test_distances_are_worked_out_in_the_signals_unit():
    reference = dataclasses.replace(
        people.requests(visitors=1, seed=0).at(np.zeros(2, dtype=np.int64)),
        rating=np.array([3.0, 4.0], dtype=np.float32),
    )
    bins = signals.bins_of(reference, seed=1)[NAMES.index("rating")]
    assert bins.positions is not None
    totals = np.zeros((3, len(bins.positions)))
    totals[0] = bins.weights(reference).sum(axis=0)
    totals[1] = 2 * bins.weights(reference)[1]  # all four stars: half of them moved by one star
    assert signals.distances(bins, totals, totals[0]) == pytest.approx([0.0, 0.5, 0.0])


def test_shares_that_have_nothing_in_common_are_at_distance_1():
    reference = people.requests(visitors=5, seed=0)
    old = dataclasses.replace(reference, is_new_movie=np.zeros(len(reference), dtype=np.float32))
    bins = signals.bins_of(old, seed=1)[NAMES.index("new_movies")]
    totals = np.array([[5.0, 0.0], [0.0, 5.0], [0.0, 0.0]])
    assert signals.distances(bins, totals, np.array([0.0, 9.0])) == pytest.approx([1.0, 0.0, 0.0])
