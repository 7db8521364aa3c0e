"""What decides bits is set whatever the environment says, and what it said is told."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from marquee.pipeline import environment
from marquee.pipeline.environment import pins, processor_flags, settle

AVX2 = "fpu sse2 avx avx2 bmi1 bmi2 f16c fma abm movbe"
PROBE = """
import json, os, sys
import stages
import numpy
from numpy._core._multiarray_umath import __cpu_features__ as features
from marquee.pipeline import environment
numpy.dot(numpy.ones((2, 2)), numpy.ones((2, 2)))
print(json.dumps({
    "environment": {name: os.environ.get(name) for name in (*environment.PINNED, *environment.OF_AVX2)},
    "overruled": environment.OVERRULED,
    "avx512": features.get("X86_V4", False) or features.get("AVX512_ICL", False),
}))
"""


@pytest.mark.parametrize(
    ("machine", "flags", "kernels"),
    [
        ("x86_64", f"{AVX2} avx512f", "Haswell"),
        ("x86_64", AVX2, "Haswell"),
        ("x86_64", AVX2.replace(" movbe", ""), None),
        ("aarch64", "fp asimd", None),
    ],
)
def test_kernels_are_those_of_avx2_where_the_processor_has_it(machine: str, flags: str, kernels: str | None):
    pinned = pins(machine, flags.split())
    assert pinned.get("OPENBLAS_CORETYPE") == kernels
    assert pinned["TF_USE_LEGACY_KERAS"] == "1"


def test_what_is_set_otherwise_is_overruled_and_told_and_the_rest_is_left_alone():
    given = {"A": "0", "B": "1", "XLA_FLAGS": "--fast", "HOME": "/root", "TF_CPP_MIN_LOG_LEVEL": "0"}
    assert settle(given, {"A": "1", "B": "1", "C": "1"}) == ["XLA_FLAGS=--fast", "A=0"]
    assert given == {"A": "1", "B": "1", "C": "1", "HOME": "/root", "TF_CPP_MIN_LOG_LEVEL": "0"}


def test_flags_are_those_of_the_first_processor(tmp_path: Path):
    told = tmp_path / "cpuinfo"
    told.write_text("model name\t: A\nflags\t\t: sse2 avx2\n\nmodel name\t: B\nflags\t\t: sse2\n")
    assert processor_flags(told) == {"sse2", "avx2"}
    assert processor_flags(tmp_path / "none") == frozenset()


def test_a_hostile_environment_gives_the_kernels_of_an_empty_one():
    hostile = {
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "DNNL_MAX_CPU_ISA": "SSE41",
        "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3",
        "XLA_FLAGS": "--xla_cpu_enable_fast_math=true",
    }
    bare = {"PATH": os.environ["PATH"]}
    empty, other = (_probed(bare), _probed(bare | hostile))
    assert empty["overruled"] == []
    assert {said.partition("=")[0] for said in other.pop("overruled")} >= {
        "TF_ENABLE_ONEDNN_OPTS",
        "XLA_FLAGS",
    }
    assert other == {name: value for name, value in empty.items() if name != "overruled"}
    assert not empty["avx512"]
    assert empty["environment"]["TF_ENABLE_ONEDNN_OPTS"] == environment.PINNED["TF_ENABLE_ONEDNN_OPTS"]


def _probed(given: dict[str, str]) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE], env=given, capture_output=True, text=True, check=True, timeout=60
    )
    return dict(json.loads(done.stdout))
