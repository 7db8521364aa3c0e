"""What of a machine may decide last bits is named."""

from importlib import metadata
from pathlib import Path

import pytest

from marquee.upkeep import machine
from tests import canary

HERE = metadata.version("numpy")


def test_packages_that_are_not_the_lock_s_are_named_with_what_it_wants():
    lock = f"numpy==0.1 ; python_version < '3' \\\n    --hash=sha256:0\nnumpy=={HERE} \\\n"
    lock += "pandas==0.2 \\\nnot-there==1 \\\n"
    installed = metadata.version("pandas")
    assert machine.other_packages(lock) == [f"pandas {installed} for 0.2", "not-there missing for 1"]


def test_a_package_for_other_systems_may_be_absent():
    assert machine.other_packages("not-there==1 ; sys_platform == 'win32' \\\n") == []


def test_the_processor_is_the_one_that_linux_names(tmp_path: Path):
    told = tmp_path / "cpuinfo"
    told.write_text("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n")
    assert machine.processor(told) == "Some CPU @ 2 GHz"
    told.write_text("processor\t: 0\n")
    assert machine.processor(told) == "unknown"


def test_this_machine_is_described_without_its_secrets(monkeypatch: pytest.MonkeyPatch):
    for name, value in canary.CLOUD.items():
        monkeypatch.setenv(name, value)
    assert canary.CANARY not in "".join(machine.described())


def test_this_machine_is_described():
    facts = dict(line.split(": ", 1) for line in machine.described())
    assert facts["packages other than requirements.lock"] == "none"
    assert facts["variables not heeded"] == "none"
