"""GroupLens archives: found in a folder of one's own or downloaded, resumed where broken off, checked."""

import logging
import os
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pooch
import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from marquee.data.sources.files.network import Network, retrying_session
from marquee.data.sources.files.rules import DataError

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


def cure_of(path: Path) -> str:
    """What to do where an archive that `find` found is damaged."""
    if os.environ.get(MIRROR_VARIABLE):
        return f"Replace it in {path.parent}, or unset {MIRROR_VARIABLE} to download it."
    return f"Delete {path} and run again to download it afresh, or {_by_hand(path.name)}"


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


def _by_hand(file: str) -> str:
    return f"put {file} in a folder and set {MIRROR_VARIABLE} to it."


def _unreachable(url: str, error: requests.RequestException, network: Network) -> str:
    slow = isinstance(error, requests.Timeout) or "timed out" in str(error).lower()
    what = f"no answer within {network.timeout:g} seconds" if slow else "no connection to the server"
    return f"{url}: {what}.\nCheck the network, or {_by_hand(url.rpartition('/')[2])}"
