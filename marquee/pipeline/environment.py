"""What decides bits and must be set before numpy or TensorFlow is first imported: here and nowhere else.

Libraries pick their kernels by the processor and by variables of the environment, and other kernels have
other last bits. On x86-64 the newest instructions they may use are those of AVX2, in servers since 2013: a
processor with AVX-512 gives the bytes of one without.
"""

import os
import platform
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path

PINNED = {
    "TF_USE_LEGACY_KERAS": "1",  # TensorFlow Recommenders needs Keras 2
    "TF_ENABLE_ONEDNN_OPTS": "1",  # TensorFlow proposes 0 when it starts
    "ONEDNN_DEFAULT_FPMATH_MODE": "STRICT",
}
OF_AVX2 = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_ENABLE_CPU_FEATURES": "X86_V3",
    "ARROW_USER_SIMD_LEVEL": "AVX2",
}
REMOVED = (
    "DNNL_MAX_CPU_ISA",
    "DNNL_DEFAULT_FPMATH_MODE",
    "NPY_DISABLE_CPU_FEATURES",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
)
"""Older names of the above, and what would compile TensorFlow's operations anew."""
X86_V3 = {"avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"}
"""Flags, as Linux names them, of a processor with AVX2 and what came with it: level 3 of the x86-64 psABI."""
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}
"""What TensorFlow's C++ says beside an exception is about GPUs that are not there; yours to change."""


def pins(machine: str, flags: Iterable[str]) -> dict[str, str]:
    """Variables that must have these values, for a kind of machine and its processor's flags."""
    return PINNED | (OF_AVX2 if machine == "x86_64" and set(flags) >= X86_V3 else {})


def settle(environment: MutableMapping[str, str], pinned: Mapping[str, str]) -> list[str]:
    """Set what is pinned, remove what is not to be set, and say what had another value: "NAME=value"."""
    wanted: dict[str, str | None] = {**dict.fromkeys(REMOVED), **pinned}
    overruled = []
    for name, value in wanted.items():
        received = environment.get(name)
        if received not in (None, value):
            overruled.append(f"{name}={received}")
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    for name, value in QUIET.items():
        environment.setdefault(name, value)
    return overruled


def processor_flags(path: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Flags of the first processor; none where the system does not tell."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    told = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")
    return frozenset(told.split())


OVERRULED = settle(os.environ, pins(platform.machine(), processor_flags()))
"""What the environment had otherwise; every stage says so."""
