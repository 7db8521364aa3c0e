"""Arrays that the workers of a machine read from one place: files that each of them maps.

The bundle's own files are not mapped: whoever copies a new bundle over them would change, or cut off, what is
being read. So the first process to open a bundle writes its arrays aside, and all of them map that copy.
"""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from marquee.pipeline.arrays import Array

Arrays = Mapping[str, Array]
KEPT = 3
"""Copies that stay: of the champion, a challenger, and what the champion was before."""
log = logging.getLogger(__name__)


class SharedArrays:
    """A folder of copies, by key; only its owner may look into it."""

    def __init__(self, folder: Path | None = None) -> None:
        """Share by way of `folder`; None: one of this user's where temporary files go (TMPDIR)."""
        self._folder = folder or Path(tempfile.gettempdir()) / f"marquee-arrays-{os.getuid()}"

    def get(self, key: str, make: Callable[[], Arrays]) -> Arrays:
        """Arrays by name, read-only where they are mapped.

        Args:
            key: names the arrays: equal keys have equal arrays.
            make: called where nobody has written them yet. Where they cannot be written, what it made is
                returned: this process has them for itself.
        """
        copy = self._folder / key
        try:
            self._require_own()
            if not copy.is_dir():
                self._write(make(), copy)
            arrays = {path.stem: _mapped(path) for path in copy.iterdir()}
            copy.stat()  # else it was forgotten meanwhile, and some of its files may not have been seen
            return arrays
        except OSError as error:
            log.warning("each worker keeps the arrays of bundle %s for itself: %s", key[:12], error)
            return make()

    def forget(self, key: str) -> None:
        """Delete a copy; whoever has mapped it keeps what it reads until it lets go."""
        with suppress(OSError):  # it is gone already
            gone = self._folder / f".gone-{key}-{os.getpid()}"
            (self._folder / key).rename(gone)
            shutil.rmtree(gone)

    def _require_own(self) -> None:
        """Make the folder; nobody else may have put anything into it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self._folder.lstat()
        if found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise PermissionError(f"{self._folder} is open to others; make it yours alone, or set TMPDIR")

    def _write(self, made: Arrays, copy: Path) -> None:
        """Whole or not at all; whoever is first has written it for all."""
        aside = Path(tempfile.mkdtemp(prefix=".writing-", dir=self._folder))
        try:
            for name, array in made.items():
                with (aside / f"{name}.npy").open("wb") as file:
                    np.save(file, array, allow_pickle=False)
                    file.flush()
                    os.fsync(file.fileno())
            try:
                aside.rename(copy)
            except OSError:
                if not copy.is_dir():  # else another worker was first
                    raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        self._forget_old()

    def _forget_old(self) -> None:
        copies = sorted(self._folder.iterdir(), key=lambda copy: copy.stat().st_mtime_ns, reverse=True)
        for copy in copies[KEPT:]:
            self.forget(copy.name)


def _mapped(path: Path) -> Array:
    array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    return array.view(np.ndarray)  # numpy.memmap's own bookkeeping costs every slice of it


OF_THIS_USER = SharedArrays()
"""What the workers of a machine share."""
