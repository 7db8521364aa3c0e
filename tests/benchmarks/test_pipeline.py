"""`benchmarks/dvc.yaml` leaves the main pipeline alone: `dvc status` of a clone is clean without it."""

import yaml

from tests.places import ROOT

STAGES = yaml.safe_load((ROOT / "benchmarks/dvc.yaml").read_text(encoding="utf-8"))["stages"]
DRAWN = {"dashboards"}
"""Pictures, and no number of their own."""


def test_a_measurement_depends_on_nothing_so_that_status_never_calls_it_changed():
    assert {name: sorted({"deps", "params"} & set(stage)) for name, stage in STAGES.items()} == {
        name: [] for name in STAGES
    }


def test_module_metrics_and_reports_bear_the_name_of_their_stage():
    for name, stage in STAGES.items():
        assert (ROOT / f"benchmarks/{name}.py").is_file()
        assert stage["cmd"] == f"python -m benchmarks.{name}"
        metrics = [] if name in DRAWN else [{f"benchmarks/metrics/{name}.json": {"cache": False}}]
        assert stage.get("metrics", []) == metrics
        for out in stage["outs"]:
            ((path, options),) = out.items()
            assert path.startswith((f"reports/bench/{name}.", f"reports/bench/{name}_"))
            assert options == {"cache": False}


def test_each_is_run_by_make():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [name for name in STAGES if f"benchmarks/dvc.yaml:{name}" not in makefile] == []
