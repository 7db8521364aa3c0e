"""GroupLens archives and folders of one's own ratings: found, downloaded, checked, opened."""

import contextlib
import logging
import lzma
import os
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pooch
import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from marquee.data.sources.network import Network, retrying_session
from marquee.data.sources.rules import DataError
from marquee.data.tables.schema import EARLIEST

log = logging.getLogger(__name__)

MIRROR_VARIABLE = "MOVIELENS_MIRROR"
CACHE_VARIABLE = "MARQUEE_CACHE"
CHECKSUMS: dict[str, str | None] = {
    "ml-latest-small": None,
    "ml-100k": "0e33842e24a9c977be4e0107933c0723",
    "ml-1m": "c4d9eecfca2ab87c1945afe126590906",
    "ml-10m": "ce571fd55effeba0271552578f2648bd",
    "ml-20m": "cd245b17a1ae2cc31bb14903e1204af3",
    "ml-25m": "6b51fb2759a8657d3bfcbfc42b592ada",
    "ml-32m": "d472be332d4daa821edc399621853b57",
    "ml-latest": None,
}
"""Every archive and its md5 as GroupLens publishes it; the `latest` sets change over time and have none."""

CHUNK = 1 << 20
"""Bytes of a download read at a time."""

ZONE_SLACK = 2 * 86_400
"""Seconds by which the times in a zip may be early: they are local times without their zone."""


DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError)
"""What reading a member raises; NotImplementedError: unknown compression, RuntimeError: encrypted."""


@dataclass(frozen=True)
class Files:
    """The files of an archive or of a folder, by their plain names.

    Attributes:
        path: the zip or the folder.
        members: plain name -> name inside the zip; for a folder, the same name.
        newest: seconds since 1970 after which nothing in it can have happened; None where unknown.
    """

    path: Path
    members: dict[str, str]
    newest: int | None

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return name in self.members

    def listing(self) -> str:
        """What lies in the folder or archive, known or not, cut after ten names."""
        names = (
            sorted(path.name for path in self.path.iterdir()) if self.path.is_dir() else sorted(self.members)
        )
        return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "") or "nothing"

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a file for reading bytes.

        Raises:
            DataError: the file is missing, or the archive is damaged (also while reading).
        """
        if name not in self.members:
            raise DataError(f"{self.path} has no file {name}; it has {self.listing()}. Add the file.")
        if self.path.is_dir():
            with (self.path / name).open("rb") as plain:
                yield plain
            return
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self.members[name]) as member:
                yield member
        except DAMAGED as error:
            problem = f"{self.path} cannot be read at {name}: {error}"
            raise DataError(f"{problem}.\n{_replace_it(self.path)}") from error

    def md5(self) -> dict[str, str]:
        """Checksums by name: of the zip, or of the folder's files."""
        if self.path.is_dir():
            return {name: pooch.file_hash(str(self.path / name), alg="md5") for name in sorted(self.members)}
        return {self.path.name: pooch.file_hash(str(self.path), alg="md5")}


def cache_folder() -> Path:
    """Where downloads are kept: MARQUEE_CACHE, or the system's cache folder."""
    return Path(os.environ.get(CACHE_VARIABLE) or pooch.os_cache("marquee"))


def find(name: str, network: Network | None = None) -> Path:
    """The archive of a data set: from the folder in MOVIELENS_MIRROR if that is set, else downloaded.

    Raises:
        DataError: it cannot be had or its checksum is wrong.
    """
    mirror = os.environ.get(MIRROR_VARIABLE)
    if mirror:
        return _from_mirror(name, Path(mirror))
    return download(name, cache_folder() / "movielens", network or Network())


def _from_mirror(name: str, mirror: Path) -> Path:
    path = mirror / f"{name}.zip"
    if not path.is_file():
        raise DataError(
            f"{MIRROR_VARIABLE} names {mirror}, which has no {path.name}.\n"
            f"Put {path.name} there, or unset {MIRROR_VARIABLE} to download it."
        )
    expected = CHECKSUMS[name]
    received = pooch.file_hash(str(path), alg="md5") if expected else None
    if received != expected:
        raise DataError(
            f"{path}: md5 is {received}, published is {expected}.\n"
            f"The file is damaged or another one: replace it, or unset {MIRROR_VARIABLE} to download it."
        )
    return path


def download(name: str, cache: Path, network: Network) -> Path:
    """Download an archive into `cache`, resuming what an earlier attempt left; at once if it is there.

    Raises:
        DataError: no network, an error from the server, a wrong checksum or no zip; nothing bad is kept.
    """
    url = f"{network.base_url}/{name}.zip"
    cache.mkdir(parents=True, exist_ok=True)
    pooch.get_logger().setLevel(logging.ERROR)
    checksum = CHECKSUMS[name]
    try:
        pooch.retrieve(
            url,
            known_hash=f"md5:{checksum}" if checksum else None,
            fname=f"{name}.zip",
            path=cache,
            downloader=_Resuming(cache / f"{name}.zip.part", network),
        )
    except DataError:
        raise
    except ValueError as error:  # pooch's word for a wrong checksum; it has deleted what came
        raise DataError(
            f"{url}: what came does not have the published md5 {checksum}; it was deleted.\n"
            f"Try again; if it stays so, {_by_hand(name + '.zip')}"
        ) from error
    path = cache / f"{name}.zip"
    if not zipfile.is_zipfile(path):
        path.unlink()
        raise DataError(
            f"{url}: what came is not a whole zip archive; it was deleted.\n"
            f"Try again; if it stays so, {_by_hand(path.name)}"
        )
    return path


@dataclass(frozen=True)
class _Resuming:
    """A pooch downloader that keeps an interrupted download in `part` and asks for the rest."""

    part: Path
    network: Network

    def __call__(self, url: str, output_file: str, pooch_instance: object) -> None:
        log.info("downloading %s", url)
        with retrying_session(self.network.attempts, self.network.backoff) as session:
            self._complete(session, url)
        self.part.replace(output_file)
        self._validator.unlink(missing_ok=True)

    @property
    def _validator(self) -> Path:
        return self.part.with_name(self.part.name + ".etag")

    def _complete(self, session: requests.Session, url: str) -> None:
        for attempt in range(self.network.attempts + 1):
            with self._ask(session, url) as response:
                try:
                    return self._append(response)
                except HTTPError as error:
                    # What came before the connection broke stays in `part`, for the next attempt or run.
                    log.info("interrupted (%s); attempt %d", type(error).__name__, attempt + 1)
                except OSError as error:
                    raise DataError(
                        f"{self.part} could not be written: {error}.\n"
                        f"Free some space, or set {CACHE_VARIABLE} to a folder that has it; then run again."
                    ) from error
            if attempt < self.network.attempts:
                time.sleep(self.network.backoff * 2**attempt)
        raise DataError(
            f"{url}: the connection broke {self.network.attempts + 1} times; "
            f"{self.part.stat().st_size:,} bytes are kept.\n"
            f"Run again to fetch the rest, or {_by_hand(url.rpartition('/')[2])}"
        )

    def _ask(self, session: requests.Session, url: str) -> requests.Response:
        """Ask for what is missing. `If-Range` makes a changed archive come whole, never mixed."""
        headers = {"Accept-Encoding": "identity"}
        held = self.part.stat().st_size if self.part.exists() else 0
        if held:
            headers["Range"] = f"bytes={held}-"
            if self._validator.exists():
                headers["If-Range"] = self._validator.read_text(encoding="ascii")
        try:
            response = session.get(url, headers=headers, stream=True, timeout=self.network.timeout)
        except requests.RequestException as error:
            raise DataError(_unreachable(url, error, self.network)) from error
        if response.status_code == requests.codes.requested_range_not_satisfiable and held:
            response.close()
            self.part.unlink()
            return self._ask(session, url)
        if response.status_code not in (requests.codes.ok, requests.codes.partial_content):
            response.close()
            raise DataError(
                f"{url}: the server answered {response.status_code} {response.reason}.\n"
                f"Try again later, or {_by_hand(url.rpartition('/')[2])}"
            )
        return response

    def _append(self, response: requests.Response) -> None:
        continued = response.status_code == requests.codes.partial_content
        held = self.part.stat().st_size if continued else 0
        etag = response.headers.get("ETag", "")
        if etag and not etag.startswith("W/"):  # a weak one must not be used with ranges (RFC 9110)
            self._validator.write_text(etag, encoding="ascii")
        else:
            self._validator.unlink(missing_ok=True)
        length = response.headers.get("Content-Length")
        with (
            self.part.open("ab" if continued else "wb") as file,
            tqdm(
                total=held + int(length) if length else None,
                initial=held,
                unit="B",
                unit_scale=True,
                desc=self.part.stem,
                disable=None,
            ) as bar,
        ):
            # Not iter_content: it throws away what came of a chunk when the connection breaks inside.
            while chunk := response.raw.read1(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))


def open_archive(path: Path) -> Files:
    """Open a zip; its files go by their plain names, whatever folder they lie in.

    Raises:
        DataError: it is not a whole zip archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} is not a whole zip archive ({error}).\n{_replace_it(path)}") from error
    members = {entry.filename.rpartition("/")[2]: entry.filename for entry in reversed(entries)}
    dates = []
    for entry in entries:
        with contextlib.suppress(ValueError):  # some writers leave 1980-00-00, which is no date
            dates.append(datetime(*entry.date_time, tzinfo=UTC))
    newest = int(max(dates).timestamp()) + ZONE_SLACK if dates else 0
    # A zip made reproducibly says 1980: no knowledge of when its files were written.
    return Files(path, members, newest if newest > EARLIEST else None)


def open_folder(path: Path) -> Files:
    """Open a folder of one's own ratings, or one that an archive was unpacked to."""
    names = ("ratings.csv", "movies.csv", "links.csv", "ratings.dat", "movies.dat", "u.data", "u.item")
    return Files(path, {name: name for name in names if (path / name).is_file()}, None)


def _by_hand(file: str) -> str:
    return f"put {file} in a folder and set {MIRROR_VARIABLE} to it."


def _replace_it(path: Path) -> str:
    return f"Delete {path} and run again to download it afresh, or {_by_hand(path.name)}"


def _unreachable(url: str, error: requests.RequestException, network: Network) -> str:
    slow = isinstance(error, requests.Timeout) or "timed out" in str(error).lower()
    what = f"no answer within {network.timeout:g} seconds" if slow else "no connection to the server"
    return f"{url}: {what}.\nCheck the network, or {_by_hand(url.rpartition('/')[2])}"
