"""The files of a zip or of a folder by their plain names, unpacked while they are read, up to a limit."""

import contextlib
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

import pooch

from marquee.data.sources.files.rules import DataError, quoted
from marquee.data.tables.schema import EARLIEST

ZONE_SLACK = 2 * 86_400
"""Seconds by which the times in a zip may be early: they are local times without their zone."""

ALWAYS, TIMES = 256 << 20, 50
"""A packed file may unpack to this many bytes, or to so many times its size: ratings pack to a fifth."""

LARGEST_TEXT = 512 << 20
"""Bytes of a file that is read whole, such as the movies'."""

GZIP = ".gz"

DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error, ValueError, OverflowError),
    *(NotImplementedError, RuntimeError, OSError),
)
"""What unpacking raises: OSError is bzip2's and gzip's word, NotImplementedError that of an unknown
compression, RuntimeError that of an encrypted file, ValueError that of a name that is no UTF-8."""

REPLACE = "Replace it by a whole one."


class _Unpacked(io.RawIOBase):
    """What a packed file holds; damage, and more than the limit, is an error that names the file."""

    def __init__(self, packed: IO[bytes], most: int, problem: Callable[[str], DataError]) -> None:
        self._packed, self._left, self._most, self._problem = packed, most, most, problem

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            part = self._packed.read(len(buffer))
        except DAMAGED as error:
            raise self._problem(_said(error)) from error
        self._left -= len(part)
        if self._left < 0:
            raise self._problem(f"it unpacks to more than {self._most:,} bytes, too many for its size")
        buffer[: len(part)] = part
        return len(part)


@dataclass(frozen=True)
class Files:
    """The files of an archive or of a folder, by their plain names.

    Attributes:
        path: the zip or the folder.
        members: plain name, without ".gz" -> the names in the zip or the folder.
        newest: seconds since 1970 after which nothing in it can have happened; None where unknown.
        cure: what to do where the zip is damaged.
    """

    path: Path
    members: dict[str, list[str]]
    newest: int | None
    cure: str = REPLACE

    def has(self, name: str) -> bool:
        """Whether there is such a file, perhaps packed by gzip."""
        return name in self.members

    def listing(self) -> str:
        """What lies in the folder or archive, known or not, cut after ten names."""
        names = (
            sorted(path.name for path in self.path.iterdir()) if self.path.is_dir() else sorted(self.members)
        )
        return quoted(", ".join(names[:10])) + (", ..." if len(names) > 10 else "") if names else "nothing"

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a file for reading bytes, unpacked.

        Raises:
            DataError: the file is missing, is there twice, or is damaged (also while reading).
        """
        inside = self._only(name)
        with contextlib.ExitStack() as stack:
            try:
                packed, size = self._packed(stack, inside)
            except DAMAGED as error:
                raise self._problem(inside, _said(error)) from error
            if self.path.is_dir() and not inside.endswith(GZIP):
                yield packed
                return
            unpacked = cast("IO[bytes]", gzip.GzipFile(fileobj=packed)) if inside.endswith(GZIP) else packed
            most = max(ALWAYS, TIMES * size)
            yield io.BufferedReader(_Unpacked(unpacked, most, lambda why: self._problem(inside, why)))

    def read(self, name: str) -> bytes:
        """A file whole.

        Raises:
            DataError: see `open`; it is larger than `LARGEST_TEXT`.
        """
        with self.open(name) as source:
            data = source.read(LARGEST_TEXT + 1)
        if len(data) > LARGEST_TEXT:
            raise DataError(f"{name} has more than {LARGEST_TEXT:,} bytes; it lists movies. Shorten it.")
        return data

    def md5(self, names: Iterable[str]) -> dict[str, str]:
        """Checksums: of the zip, or of those of these files that are in the folder."""
        if self.path.is_dir():
            inside = sorted(inside for name in names for inside in self.members.get(name, []))
            return {name: pooch.file_hash(str(self.path / name), alg="md5") for name in inside}
        return {self.path.name: pooch.file_hash(str(self.path), alg="md5")}

    def _only(self, name: str) -> str:
        """What the file is called in the zip or the folder."""
        if name not in self.members:
            raise DataError(f"{self.path} has no file {name}; it has {self.listing()}. Add the file.")
        first, *others = self.members[name]
        if others:
            both = quoted(", ".join(sorted([first, *others])[:10]))
            raise DataError(f"{self.path} has more than one {name}: {both}. Keep one of them.")
        return first

    def _packed(self, stack: contextlib.ExitStack, inside: str) -> tuple[IO[bytes], int]:
        """A file as it lies there, open until the stack is closed, and its bytes there."""
        if self.path.is_dir():
            path = self.path / inside
            return stack.enter_context(path.open("rb")), path.stat().st_size
        archive = stack.enter_context(zipfile.ZipFile(self.path))
        return stack.enter_context(archive.open(inside)), archive.getinfo(inside).compress_size

    def _problem(self, inside: str, why: str) -> DataError:
        cure = f"Mend {inside}, or let this user read it." if self.path.is_dir() else self.cure
        return DataError(f"{self.path} cannot be read at {inside}: {why}.\n{cure}")


def open_archive(path: Path, cure: str = REPLACE) -> Files:
    """Open a zip; its files go by their plain names, whatever folder they lie in.

    Args:
        path: the zip.
        cure: what to do where it is damaged.

    Raises:
        DataError: it is not a whole zip archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except PermissionError as error:
        raise DataError(f"{path} cannot be read: {error}.\nLet this user read it.") from error
    except DAMAGED as error:
        raise DataError(f"{path} is not a whole zip archive ({_said(error)}).\n{cure}") from error
    dates = []
    for entry in entries:
        with contextlib.suppress(ValueError):  # some writers leave 1980-00-00, which is no date
            dates.append(datetime(*entry.date_time, tzinfo=UTC))
    newest = int(max(dates).timestamp()) + ZONE_SLACK if dates else 0
    # A zip made reproducibly says 1980: no knowledge of when its files were written.
    members = _by_plain_name(entry.filename for entry in entries)
    return Files(path, members, newest if newest > EARLIEST else None, cure)


def open_folder(path: Path) -> Files:
    """Open a folder of one's own ratings, or one that an archive was unpacked to.

    Raises:
        DataError: it may not be read.
    """
    try:
        names = sorted(file.name for file in path.iterdir() if file.is_file())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}.\nLet this user read it.") from error
    return Files(path, _by_plain_name(names), None)


def _by_plain_name(names: Iterable[str]) -> dict[str, list[str]]:
    members: dict[str, list[str]] = {}
    for name in names:
        plain = name.replace("\\", "/").rpartition("/")[2]  # some programs of Windows write backslashes
        members.setdefault(plain.removesuffix(GZIP), []).append(name)
    return members


def _said(error: Exception) -> str:
    """What an exception says, in a few words."""
    return quoted(str(error) or type(error).__name__)
