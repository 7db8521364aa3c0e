"""The image that `bentoml containerize` makes, read as text: no container is built here."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml
from bentoml._internal.bento.build_config import CondaOptions, DockerOptions
from bentoml._internal.container.generate import generate_containerfile

from marquee.serving.packaging import bento, service_lock
from marquee.serving.service import readiness
from marquee.serving.service.guard import token
from tests.places import ROOT

OPTIONS = yaml.safe_load((ROOT / bento.BENTOFILE).read_text(encoding="utf-8"))
COMPOSE = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text(encoding="utf-8"))["services"]["marquee"]
POD = yaml.safe_load((ROOT / "deploy/kubernetes/deployment.yaml").read_text(encoding="utf-8"))["spec"][
    "template"
]["spec"]


@pytest.fixture(params=[False, True], ids=["built", "containerized"])
def lines(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The instructions of the Dockerfile as BentoML renders it: into the Bento, and for BuildKit."""
    monkeypatch.chdir(ROOT)  # BentoML reads a template only below the folder it was started in
    text = generate_containerfile(
        DockerOptions(**OPTIONS["docker"]).with_defaults(),
        str(ROOT),
        conda=CondaOptions(),
        bento_fs=tmp_path,
        enable_buildkit=request.param,
    )
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return [" ".join(line.split()) for line in code.replace("\\\n", " ").splitlines() if line.strip()]


def of(lines: list[str], instruction: str) -> list[str]:
    """What follows each instruction of a kind."""
    return [line.split(" ", 1)[1] for line in lines if line.split(" ", 1)[0] == instruction]


def test_it_starts_from_the_slim_image_of_the_python_that_built_the_bento(lines: list[str]):
    assert of(lines, "FROM") == [f"python:{sys.version_info[0]}.{sys.version_info[1]}-slim"]


def test_it_installs_the_lock_with_hashes_and_no_package_of_the_system(lines: list[str]):
    (install,) = [line for line in of(lines, "RUN") if "pip install" in line]
    wanted = {"--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"}
    assert wanted <= set(install.split())
    (copied,) = [line.split() for line in of(lines, "COPY") if "service.lock" in line]
    assert copied[0] == f"src/{service_lock.LOCK}"
    assert f"--requirement {copied[1]}" in install
    others = ("apt", "curl", "wget", "build-essential", "gcc", "uv ")
    assert [line for line in lines for other in others if re.search(rf"\b{other}\b", line)] == []


def test_what_it_copies_is_in_the_bento():
    wanted = {str(service_lock.LOCK), OPTIONS["docker"]["dockerfile_template"]}
    assert wanted <= set(OPTIONS["include"])
    assert OPTIONS["python"] == {"lock_packages": False, "requirements_txt": str(service_lock.LOCK)}


def test_it_exposes_the_documented_port_alone(lines: list[str]):
    (port,) = of(lines, "EXPOSE")
    assert COMPOSE["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert [str(one["containerPort"]) for one in POD["containers"][0]["ports"]] == [port]
    assert f"port {port}" in (ROOT / "docs/serving.md").read_text(encoding="utf-8")


def test_it_runs_as_the_user_that_the_manifests_name_and_never_as_root(lines: list[str]):
    (user,) = of(lines, "USER")
    security = POD["securityContext"]
    assert user == f"{security['runAsUser']}:{security['runAsGroup']}"
    assert int(user.partition(":")[0]) > 0
    # What runs after it would be the service's; what belongs to root it cannot change.
    assert "USER" in lines[-4]
    assert not any("--chown" in line for line in of(lines, "COPY"))


def test_the_service_may_write_events_where_volumes_are_mounted(lines: list[str]):
    (made,) = [line for line in of(lines, "RUN") if "install --directory" in line]
    assert "--owner=bentoml --group=bentoml" in made
    (workdir,) = of(lines, "WORKDIR")
    assert COMPOSE["volumes"] == [f"events:{workdir}/{made.split()[-1]}"]


def health(lines: list[str]) -> str:
    (check,) = of(lines, "HEALTHCHECK")
    return check.partition(" CMD ")[2]


def test_its_health_is_the_services_readiness_which_needs_no_token(lines: list[str]):
    assert health(lines).count(f":${{PORT:-{of(lines, 'EXPOSE')[0]}}}{readiness.PATH}'") == 1
    assert readiness.PATH in token.OPEN
    assert readiness.PATH in " ".join(COMPOSE["healthcheck"]["test"])


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A server that says the same to everybody; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    asked: list[str] = []
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
    assert asked == [readiness.PATH]


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_its_health_follows_readiness(lines: list[str], status: int, healthy: bool):
    with answering(status) as port:
        command = health(lines).replace("python ", f"{sys.executable} ", 1)
        done = subprocess.run(
            ["sh", "-c", command], env={"PORT": str(port)}, capture_output=True, check=False
        )
    assert (done.returncode == 0) is healthy
