import pytest

from benchmarks.clock import ClockError, Moment, Rate, fastest, percentiles


def test_a_rate_counts_things_per_second_of_the_wall_and_of_a_processor():
    rate = Rate.between(Moment(wall=10.0, processor=3.0), Moment(wall=14.0, processor=11.0), count=200)
    assert rate.per_second == 50.0
    assert rate.per_processor_second == 25.0  # two threads were busy all the time
    assert rate.named("rows") == {"rows_per_second": 50.0, "rows_per_processor_second": 25.0, "seconds": 4.0}


@pytest.mark.parametrize(("end", "count"), [(10.0, 5), (11.0, 0)])
def test_no_time_or_no_work_is_no_rate(end: float, count: int):
    with pytest.raises(ClockError, match="is no rate"):
        Rate.between(Moment(10.0, 0.0), Moment(end, 1.0), count)


def test_calls_take_turns_after_a_round_that_is_not_timed():
    called: list[str] = []
    calls = {name: lambda name=name: called.append(name) or name.upper() for name in ("a", "b")}
    results = fastest(calls, count=7, rounds=2)
    assert called == ["a", "b"] * 3
    assert {name: answer for name, (answer, _) in results.items()} == {"a": "A", "b": "B"}
    assert all(rate.count == 7 and 0 < rate.seconds < 1 for _, rate in results.values())


def test_percentiles_are_durations_that_were_measured():
    assert percentiles([4.0, 1.0, 3.0, 2.0]) == {"p50_ms": 3.0, "p99_ms": 4.0}
    assert percentiles([float(n) for n in range(1, 202)]) == {"p50_ms": 101.0, "p99_ms": 199.0}


def test_nothing_measured_has_no_percentiles():
    with pytest.raises(ClockError, match="No call was timed"):
        percentiles([])
