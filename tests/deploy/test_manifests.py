"""Compose and Kubernetes: valid, locked down, and in agreement with each other and with params.yaml."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from marquee.pipeline import paths
from tests.deploy.expressions import DEPLOY
from tests.places import ROOT

KUBERNETES = DEPLOY / "kubernetes"
OLDEST, NEWEST = "1.30", "1.37"
OF_AN_OPERATOR = {"PodMonitor"}
"""Kinds that Kubernetes' own schemas do not know."""


def manifests() -> dict[str, dict[str, Any]]:
    """By kind; one in each file."""
    read = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(KUBERNETES.glob("*.yaml"))]
    return {manifest["kind"]: manifest for manifest in read}


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"])


def container() -> dict[str, Any]:
    (found,) = manifests()["Deployment"]["spec"]["template"]["spec"]["containers"]
    return dict(found)


def job() -> dict[str, Any]:
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text(encoding="utf-8"))
    (found,) = config["scrape_configs"]
    return dict(found)


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.y*ml")), ids=lambda path: path.name)
def test_every_file_is_yaml(path: Path):
    assert yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_manifests_are_what_kubernetes_expects(version: str):
    checked = {kind: one for kind, one in manifests().items() if kind not in OF_AN_OPERATOR}
    assert set(checked) == {"Deployment", "Service", "HorizontalPodAutoscaler"}
    for manifest in checked.values():
        kubernetes_validate.validate(manifest, version, strict=True)


def test_a_field_that_does_not_exist_is_noticed():
    wrong = manifests()["Service"]
    wrong["spec"]["selectors"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, NEWEST, strict=True)


def test_all_manifests_mean_the_same_pods():
    all_of_them = manifests()
    labels = all_of_them["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert all_of_them["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert all_of_them["Service"]["spec"]["selector"] == labels
    assert all_of_them["PodMonitor"]["spec"]["selector"]["matchLabels"] == labels
    target = all_of_them["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", all_of_them["Deployment"]["metadata"]["name"])


def test_the_service_and_the_probes_name_a_port_of_the_container():
    names = {port["name"] for port in container()["ports"]}
    assert {port["targetPort"] for port in manifests()["Service"]["spec"]["ports"]} <= names
    probes = {
        probe: container()[f"{probe}Probe"]["httpGet"] for probe in ("startup", "readiness", "liveness")
    }
    assert {probe["port"] for probe in probes.values()} <= names
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startup": "/readyz",
        "readiness": "/readyz",
        "liveness": "/livez",
    }


def test_the_pod_monitor_keeps_the_labels_that_rules_and_alerts_read():
    spec = manifests()["PodMonitor"]["spec"]
    (endpoint,) = spec["podMetricsEndpoints"]
    assert endpoint["port"] in {port["name"] for port in container()["ports"]}
    # The operator adds a label `endpoint`; without honorLabels ours would become `exported_endpoint`.
    assert endpoint["honorLabels"] is True
    labels = manifests()["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert labels[spec["jobLabel"]] == job()["job_name"] == "marquee"
    assert spec["sampleLimit"] == job()["sample_limit"] == 2000


def test_nothing_runs_as_root_or_writes_beside_its_volumes():
    pod = manifests()["Deployment"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert compose()["marquee"]["read_only"] is True
    mounted = {mount["name"]: mount["mountPath"] for mount in container()["volumeMounts"]}
    assert {volume["name"] for volume in pod["volumes"]} == set(mounted) == {"events", "tmp"}
    assert compose()["marquee"]["volumes"] == [f"events:{mounted['events']}"]


def test_both_run_the_same_image_and_every_image_has_a_version():
    default = compose()["marquee"]["image"].removeprefix("${MARQUEE_IMAGE:-").removesuffix("}")
    assert container()["image"] == default
    images = [default, *(service["image"] for name, service in compose().items() if name != "marquee")]
    assert all(image.partition(":")[2][-1:].isdigit() for image in images)


def test_prometheus_scrapes_the_service_by_its_name_in_compose():
    (target,) = job()["static_configs"][0]["targets"]
    host, _, port = target.partition(":")
    assert host in compose()
    assert compose()[host]["ports"][0].endswith(f":{port}")


def test_ports_are_open_to_this_machine_alone():
    assert all(port.startswith("127.0.0.1:") for service in compose().values() for port in service["ports"])


def test_the_events_fit_their_volume():
    params = yaml.safe_load((ROOT / paths.PARAMS).read_text(encoding="utf-8"))
    most = params["serving"].get("events", {}).get("max_gb", 10.0)
    volumes = manifests()["Deployment"]["spec"]["template"]["spec"]["volumes"]
    size = next(volume["emptyDir"]["sizeLimit"] for volume in volumes if volume["name"] == "events")
    assert int(size.removesuffix("Gi")) * 2**30 > most * 1e9
