"""False alarms come as often as asked, and a real change is found."""

import dataclasses

import numpy as np
import pytest
import scipy.stats

from marquee.monitoring.evidence.requests import Requests
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


def drawn(pool: Requests, span: float, windows: int, seed: int) -> Requests:
    """A stream of visitors who ask within a span of time, one after the other."""
    rows = drift.stream(drift.blocks(pool, span), windows * WINDOW, np.random.default_rng(seed))
    return pool.at(rows)


def known(requests: Requests) -> Requests:
    """Nobody is new: of what 1 in 1,000 are, 300 people cannot tell how often it comes."""
    return dataclasses.replace(requests, history_length=np.maximum(requests.history_length, 1))


@pytest.mark.parametrize(
    ("span", "least"), [(np.inf, 0.7), (180.0, 0.5)], ids=["whole visitors", "three minutes of each"]
)
def test_the_run_without_drift_is_about_the_one_asked_for(span: float, least: float):
    # Each seed: a reference of 300 people, and 400 windows of others, 10 of which alarm at the rate asked.
    alarming = []
    for seed in range(8):
        reference = known(people.requests(visitors=300, seed=seed))
        detector = Detector(reference, signals.bins_of(reference, seed=1), WINDOW)
        live = drawn(known(people.requests(visitors=3000, seed=100 + seed)), span, windows=400, seed=seed)
        thresholds = detector.thresholds(live, RUN_TIME, draws=2000, seed=seed)
        alarming.append(detector.judge(live, thresholds).alarm.any(axis=1).mean())
    assert least * RUN_TIME < WINDOW / np.mean(alarming) < 1.3 * RUN_TIME


def test_rows_instead_of_visitors_would_alarm_far_too_often(detector: Detector):
    # Why blocks are drawn: thresholds from single requests take visitors' likeness for drift.
    live = drawn(people.requests(visitors=3000, seed=9), np.inf, windows=1000, seed=1)
    alone = dataclasses.replace(live, visitor=np.arange(len(live)))
    single = detector.thresholds(alone, RUN_TIME, draws=3000, seed=1)
    assert WINDOW / detector.judge(live, single).alarm.any(axis=1).mean() < 0.5 * RUN_TIME


def test_the_luck_of_the_references_people_is_part_of_the_thresholds():
    # Forty people in a window of a hundred requests, and no more in the reference: it may be far off.
    wide, narrow = (people.requests(visitors=count, seed=5, most=3) for count in (40, 4000))
    values = []
    for reference in (wide, narrow):
        detector = Detector(reference, signals.bins_of(reference, seed=1), WINDOW)
        values.append(detector.thresholds(reference, RUN_TIME, draws=2000, seed=1).values)
    column = NAMES.index("rating")
    assert values[0][column] > 1.2 * values[1][column]


def test_hours_are_judged_in_windows_of_a_week_or_more(detector: Detector):
    # All at the same hour: the windows of one evening say nothing of hours, those of months do.
    live = people.requests(visitors=300, seed=4)
    column = NAMES.index("hour")
    for seconds, judged in ((1.0, False), (86_400.0, True)):
        at = dataclasses.replace(live, time=people.START + np.arange(len(live)) * seconds)
        thresholds = detector.thresholds(at, RUN_TIME, draws=1000, seed=1)
        assert (detector.judge(at, thresholds).distance[:, column] > 0).all() == judged


def test_a_shifted_rating_scale_is_found_by_the_ratings(detector: Detector):
    shifted = people.requests(visitors=300, seed=4, stars=-1.0)
    thresholds = detector.thresholds(shifted, RUN_TIME, draws=3000, seed=1)
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
    thresholds = detector.thresholds(some, RUN_TIME, draws=1000, seed=1)
    assert detector.judge(some, thresholds).starts.tolist() == [30, 30 + WINDOW]
    few = detector.reference.at(slice(0, 30))
    assert detector.judge(few, thresholds).alarm.shape == (0, len(SIGNALS))


def test_visitors_of_a_window_are_counted_once_each():
    # The first is left out; then 7 and 8, then 7 alone.
    visitors = np.array([9, 7, 7, 8, 7, 7, 7, 7, 7])
    assert drift.visitors_of(visitors, 4) == pytest.approx(1.5)
    assert drift.visitors_of(visitors[:3], 4) == 4.0


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


def test_many_windows_are_compared_as_scipy_compares_one():
    rng = np.random.default_rng(0)
    positions, totals, reference = rng.normal(size=7), rng.random((5, 7)), rng.random(7)
    one_by_one = [scipy.stats.wasserstein_distance(positions, positions, row, reference) for row in totals]
    assert signals.wasserstein(positions, totals, reference) == pytest.approx(one_by_one)


def test_shares_that_have_nothing_in_common_are_at_distance_1():
    reference = people.requests(visitors=5, seed=0)
    old = dataclasses.replace(reference, is_new_movie=np.zeros(len(reference), dtype=np.float32))
    bins = signals.bins_of(old, seed=1)[NAMES.index("new_movies")]
    totals = np.array([[5.0, 0.0], [0.0, 5.0], [0.0, 0.0]])
    assert signals.distances(bins, totals, np.array([0.0, 9.0])) == pytest.approx([1.0, 0.0, 0.0])
