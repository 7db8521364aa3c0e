"""What of a machine may decide last bits: its processor, Python, and packages that are not the lock's."""

import platform
import re
from importlib import metadata
from pathlib import Path

from marquee.pipeline import environment

LOCK = Path("requirements.lock")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)")
TOLD = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_tile")
"""Flags of the processor that libraries choose kernels by."""


def described() -> list[str]:
    """One line per fact."""
    flags = environment.processor_flags()
    pinned = environment.pins(platform.machine(), flags)
    other = other_packages(LOCK.read_text(encoding="utf-8"))
    return [
        f"processor: {platform.machine()}, {processor()}",
        f"of its flags: {', '.join(flag for flag in TOLD if flag in flags) or 'none of those that matter'}",
        f"kernels: {'those of AVX2' if 'OPENBLAS_CORETYPE' in pinned else 'as the libraries choose'}",
        f"python: {platform.python_version()}, {' '.join(platform.libc_ver())}",
        f"packages other than {LOCK}: {', '.join(other) or 'none'}",
        f"variables not heeded: {', '.join(environment.OVERRULED) or 'none'}",
    ]


def processor(path: Path = Path("/proc/cpuinfo")) -> str:
    """Its model, as the kernel names it."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def other_packages(lock: str) -> list[str]:
    """Packages whose installed version no pin of a lock names, as "name 1.2 for 1.3"; absent ones as well."""
    wanted: dict[str, list[str]] = {}
    conditional = set()  # pinned for some Pythons or systems only, so rightly absent from others
    for line in lock.splitlines():
        if found := PIN.match(line):
            wanted.setdefault(found[1], []).append(found[2])
            if ";" in line:
                conditional.add(found[1])
    installed = {name: installed_version(name) for name in wanted}
    return [
        f"{name} {installed[name] or 'missing'} for {' or '.join(versions)}"
        for name, versions in wanted.items()
        if installed[name] not in versions and not (installed[name] is None and name in conditional)
    ]


def installed_version(name: str) -> str | None:
    """The version of a package that is installed here, if one is."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
