"""The locks, checked without a network: they pin what pyproject.toml asks for, and pip can install them.

Whether newer releases exist is not asked: a lock does not go stale because the world moved on.
"""

import platform
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME, DEV = "requirements.lock", "requirements-dev.lock"
ASIDE = {f"requirements-{group}.lock": group for group in ("audit", "bench", "remotes")}
"""Locks of environments of their own, each with its group of dependencies."""
LOCKS = [RUNTIME, DEV, *ASIDE]


@dataclass(frozen=True)
class Pin:
    """One entry of a lock: `name==version ; marker`, its hashes, and whether pyproject.toml asks for it."""

    requirement: Requirement
    hashes: frozenset[str]
    direct: bool

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        (only,) = self.requirement.specifier
        assert only.operator == "==", f"{self.requirement} is not pinned"
        return only.version


def parse(text: str) -> list[Pin]:
    """Entries begin in the first column; their hashes and who asked for them follow, indented."""
    entries = re.split(r"\n(?=\S)", text.strip())
    return [
        Pin(
            Requirement(entry.split("\\")[0].strip()),
            frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})(?!\S)", entry)),
            direct=re.search(rf"^    # +(via )?{PYPROJECT['project']['name']}$", entry, re.M) is not None,
        )
        for entry in entries
    ]


def text_of(lock: str) -> str:
    return (ROOT / lock).read_text(encoding="utf-8")


@cache
def pins(lock: str) -> list[Pin]:
    return parse(text_of(lock))


def asked_for(lock: str) -> list[Requirement]:
    project, groups = PYPROJECT["project"]["dependencies"], PYPROJECT["dependency-groups"]
    lines = {RUNTIME: project, DEV: [*project, *groups["dev"]]}
    return [Requirement(line) for line in lines.get(lock) or groups[ASIDE[lock]]]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_dependency_is_pinned_at_a_version_that_pyproject_accepts(lock: str):
    for requirement in asked_for(lock):
        name = canonicalize_name(requirement.name)
        versions = [pin.version for pin in pins(lock) if pin.name == name]
        assert versions, f"{lock} lacks {requirement}: run make lock"
        for version in versions:
            accepted = requirement.specifier.contains(version)
            assert accepted, f"{lock} pins {name} {version}, pyproject asks {requirement}: run make lock"


def test_no_dependency_stays_pinned_after_pyproject_dropped_it():
    named = {canonicalize_name(requirement.name) for requirement in asked_for(RUNTIME)}
    assert {pin.name for pin in pins(RUNTIME) if pin.direct} == named, "run make lock"


def test_the_development_lock_holds_the_very_pins_of_the_other():
    both = {(pin.name, pin.version): pin.hashes for pin in pins(DEV)}
    assert {key: both.get(key) for key in ((pin.name, pin.version) for pin in pins(RUNTIME))} == {
        (pin.name, pin.version): pin.hashes for pin in pins(RUNTIME)
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes_and_no_lock_names_an_address(lock: str):
    assert [str(pin.requirement) for pin in pins(lock) if not pin.hashes] == []
    assert re.findall(r"https?:|file:|--(?:extra-)?index-url|--find-links| @ ", text_of(lock)) == []


def test_what_speaks_to_remotes_is_the_dvc_that_the_pipeline_has():
    # Both use one cache; the other packages may differ: S3's client wants an older python-dateutil.
    both = {pin.name: pin.version for pin in pins(RUNTIME) if pin.name.startswith("dvc")}
    plugins = {"dvc-azure", "dvc-gs", "dvc-s3"}
    assert "dvc" in both
    assert {
        pin.name: pin.version
        for pin in pins("requirements-remotes.lock")
        if pin.name.startswith("dvc") and pin.name not in plugins
    } == both


def test_each_supported_python_gets_one_version_of_each_package():
    # uv may pin a package twice, for older and newer Pythons; markers must not overlap, or pip refuses.
    machine = {"sys_platform": "linux", "platform_machine": "x86_64"}
    for python in ("3.11", "3.12", "3.13"):
        environment = {**machine, "python_version": python, "python_full_version": f"{python}.9"}
        chosen = [
            pin.name
            for pin in pins(DEV)
            if pin.requirement.marker is None or pin.requirement.marker.evaluate(environment)
        ]
        assert sorted(set(chosen)) == sorted(chosen)
        assert {canonicalize_name(requirement.name) for requirement in asked_for(DEV)} <= set(chosen)


def pins_here() -> list[Pin]:
    markers = ((pin, pin.requirement.marker) for pin in pins(DEV))
    return [pin for pin, marker in markers if marker is None or marker.evaluate()]


def test_the_environment_is_the_lock():
    installed = {pin.name: metadata.version(pin.name) for pin in pins_here()}
    assert installed == {pin.name: pin.version for pin in pins_here()}, "run make install-dev"


def test_no_pin_refuses_this_python():
    # uv overlooks the upper bound of a package's Requires-Python; pip does not, and would install nothing.
    for pin in pins_here():
        wanted = metadata.metadata(pin.name).get("Requires-Python")
        refused = f"{pin.requirement} is for Python {wanted}: constrain it in pyproject.toml, run make lock"
        assert wanted is None or SpecifierSet(wanted).contains(platform.python_version()), refused


# ---- the reader itself ------------------------------------------------------------------------------------


def test_an_entry_is_read_with_its_marker_hashes_and_who_asked_for_it():
    one, two = "a" * 64, "b" * 64
    lock = f"""\
Some_Name==1.2 ; python_full_version < '3.12' \\
    --hash=sha256:{one} \\
    --hash=sha256:{two}
    # via
    #   marquee
    #   other
other==3 \\
    --hash=sha256:{one}short
    # via marquee-not
"""
    first, second = parse(lock)
    assert (first.name, first.version, first.direct) == ("some-name", "1.2", True)
    assert first.hashes == {one, two}
    assert str(first.requirement.marker) == 'python_full_version < "3.12"'
    assert (second.name, second.version, second.direct) == ("other", "3", False)
    assert second.hashes == set()


def test_a_range_is_not_a_pin():
    (pin,) = parse("name>=1.2")
    with pytest.raises(AssertionError, match="is not pinned"):
        assert pin.version
