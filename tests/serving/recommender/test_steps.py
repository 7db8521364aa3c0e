"""Where the time of one answer goes, on a clock set by hand."""

import pytest

from marquee.serving.recommender import steps
from marquee.serving.recommender.steps import Steps


def test_a_step_has_the_time_since_the_one_before_and_total_all_of_it(monkeypatch: pytest.MonkeyPatch):
    clock = iter([10.0, 10.001, 10.003, 10.0031, 10.004])
    monkeypatch.setattr(steps.time, "perf_counter", lambda: next(clock))
    answer = Steps()
    answer.done("filter")
    answer.done("order")
    answer.done("filter")  # a step that comes twice has both times
    assert answer.milliseconds() == {"filter": 1.1, "order": 2.0, "total": 4.0}
