"""Dashboards that Grafana can read, and that ask for nothing the service does not show."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.expressions import DASHBOARDS, DEPLOY, series_of


@pytest.fixture(params=DASHBOARDS, ids=lambda path: path.stem)
def dashboard(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(json.loads(request.param.read_text(encoding="utf-8")))


def datasource() -> dict[str, Any]:
    text = (DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text(encoding="utf-8")
    (found,) = yaml.safe_load(text)["datasources"]
    return dict(found)


def area(panel: dict[str, Any]) -> set[tuple[int, int]]:
    place = panel["gridPos"]
    return {
        (x, y)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    }


def test_there_are_three_dashboards_each_with_a_name_of_its_own():
    boards = [json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARDS]
    assert [path.stem for path in DASHBOARDS] == ["model", "overview", "system"]
    assert len({board["uid"] for board in boards}) == len({board["title"] for board in boards}) == 3


def test_panels_have_ids_and_titles_of_their_own_and_say_what_they_show(dashboard: dict[str, Any]):
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
    assert all(panel["description"].endswith(".") for panel in panels)


def test_panels_lie_beside_each_other_within_24_columns(dashboard: dict[str, Any]):
    cells = [cell for panel in dashboard["panels"] for cell in area(panel)]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_every_query_asks_the_provisioned_datasource(dashboard: dict[str, Any]):
    asked = {query["datasource"]["uid"] for panel in dashboard["panels"] for query in panel["targets"]}
    assert asked == {datasource()["uid"]}


def test_queries_of_a_panel_have_letters_of_their_own(dashboard: dict[str, Any]):
    for panel in dashboard["panels"]:
        letters = [query["refId"] for query in panel["targets"]]
        assert len(set(letters)) == len(letters)


def test_grafana_finds_the_dashboards_where_compose_puts_them():
    provider = yaml.safe_load(
        (DEPLOY / "grafana/provisioning/dashboards/marquee.yml").read_text(encoding="utf-8")
    )["providers"][0]
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    mounts = dict(mount.split(":")[:2] for mount in compose["services"]["grafana"]["volumes"])
    assert mounts["./grafana/dashboards"] == provider["options"]["path"]
    assert mounts["./grafana/provisioning"] == "/etc/grafana/provisioning"
    assert Path(DEPLOY / "grafana/dashboards").is_dir()


def test_series_are_told_from_functions_labels_and_numbers():
    promql = (
        'sum by (endpoint, le) (rate(marquee_a_total{code=~"5.."}[5m])) / on () group_left () 0.5e3'
        " and endpoint:marquee_b:rate5m unless absent(up{job='x'} offset 1d) > 1000"
    )
    assert series_of(promql) == {"marquee_a_total", "endpoint:marquee_b:rate5m", "up"}
