"""A disk that can be filled: a small one in memory where mounting is allowed, else a limit on files."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

MEGABYTES = 1500
"""Of the disk in memory; a scene takes about a tenth."""
FILLER = "filler"
STEP = 1 << 20
"""Bytes by which it is filled, and then ever smaller ones."""


@dataclass(frozen=True)
class Disk:
    """A folder, and whether it is a disk of its own."""

    folder: Path
    mounted: bool

    def fill(self, leave: int, processes: list[psutil.Process]) -> None:
        """Leave so many bytes free; without a disk of its own, let the processes write no longer files."""
        if not self.mounted:
            for process in processes:
                with suppress(psutil.NoSuchProcess):
                    process.rlimit(psutil.RLIMIT_FSIZE, (leave, leave))
            return
        with (self.folder / FILLER).open("wb") as filler:
            size, step = 0, STEP
            while step >= os.sysconf("SC_PAGE_SIZE"):
                try:
                    os.posix_fallocate(filler.fileno(), size, step)
                    size += step
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    step //= 2
            filler.truncate(max(0, size - leave))

    def free(self) -> None:
        """Undo `fill`; limits end with their processes."""
        (self.folder / FILLER).unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """Mount a small disk in memory on a folder, where that is allowed."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "marquee-chaos", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield Disk(folder, mounted)
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)
