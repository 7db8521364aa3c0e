import pytest

from marquee.pipeline.params import Requirements
from marquee.serving.packaging import gates
from marquee.serving.packaging.gates import Gate, GateError

REQUIREMENTS = Requirements(
    latency_ms=400.0, bundle_mb=40.0, retrieval_above_popularity=0.0, rmse_at_most=1.0
)
PAIRED = {"metric": "top_100_accuracy", "model": "two_tower", "group": "minus_popularity", "value": 0.1}
RMSE = {"metric": "rmse", "model": "dcn", "value": 0.9}
METRICS = {
    "evaluate_retrieval": {"scores": [PAIRED | {"low": 0.02, "high": 0.2}]},
    "evaluate_ranking": {"scores": [RMSE]},
}


def test_every_requirement_is_judged_in_its_own_unit():
    # 101 latencies 0, 1 ... 100: the 99th percentile is 99.
    judged = gates.judge(REQUIREMENTS, [float(value) for value in range(101)], 12_500_000, METRICS)
    assert [(gate.name, gate.measured, gate.passed) for gate in judged] == [
        ("latency_ms", 99.0, True),
        ("bundle_mb", 12.5, True),
        ("retrieval_above_popularity", 0.02, True),
        ("rmse_at_most", 0.9, True),
    ]
    gates.require(judged)


@pytest.mark.parametrize(
    ("measured", "at_least", "passed"),
    [(1.0, False, True), (1.1, False, False), (1.0, True, False), (1.1, True, True),
     (float("nan"), True, False), (float("nan"), False, False)],
)  # fmt: skip
def test_a_ceiling_may_be_touched_a_floor_must_be_passed_and_nothing_measured_fails(
    measured: float, at_least: bool, passed: bool
):
    assert Gate("name", 1.0, measured, at_least).passed is passed


def test_a_failed_gate_raises_the_table_of_required_against_measured():
    judged = gates.judge(
        REQUIREMENTS, [500.0], 12_500_000, METRICS | {"evaluate_ranking": {"scores": [RMSE | {"value": 2}]}}
    )
    with pytest.raises(GateError) as failure:
        gates.require(judged)
    assert str(failure.value).splitlines() == [
        "latency_ms, rmse_at_most not met, nothing was packaged:",
        "requirement                 required     measured",
        "latency_ms                  at most 400  500       FAILED",
        "bundle_mb                   at most 40   12.5      passed",
        "retrieval_above_popularity  above 0      0.02      passed",
        "rmse_at_most                at most 1    2         FAILED",
        "Improve the model, or change the requirement under `requirements` in params.yaml.",
    ]


@pytest.mark.parametrize(
    "found",
    [{}, {"scores": []}, {"scores": [PAIRED]}, {"scores": [PAIRED | {"low": None}]}, {"scores": [RMSE]}],
)
def test_a_metric_that_is_missing_or_null_is_named(found: dict[str, object]):
    with pytest.raises(
        GateError,
        match=r"evaluate_retrieval\.json has no number 'low' in the row of top_100_accuracy, two_tower",
    ):
        gates.judge(REQUIREMENTS, [1.0], 1, METRICS | {"evaluate_retrieval": found})


def test_what_is_recorded_is_what_was_required_and_that_it_passed_never_the_measurement():
    rows = gates.as_scores([Gate("latency_ms", 400.0, 12.0), Gate("rmse_at_most", 1.0, 2.0)])
    assert [(row.metric, row.group, row.value) for row in rows] == [
        ("latency_ms", "required", 400.0),
        ("rmse_at_most", "required", 1.0),
        ("latency_ms", "passed", 1),
        ("rmse_at_most", "passed", 0),
    ]


def test_every_call_is_timed_with_its_own_arguments():
    asked: list[tuple[int, str]] = []
    taken = gates.milliseconds([(1, "a"), (2, "b")], lambda *call: asked.append(call))
    assert asked == [(1, "a"), (2, "b")]
    assert len(taken) == 2
    assert min(taken) > 0
