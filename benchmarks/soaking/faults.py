"""What happens to the service meanwhile: swaps of its bundle, killed workers; and its memory is watched."""

import re
import shutil
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.server import HOST, Server
from marquee.pipeline import paths
from marquee.pipeline.stage import Log

WORKERS = 2
BACK_SECONDS = 30.0
"""Until a killed worker is given up."""
SAMPLE_SECONDS = 1.0
_ALIVE = re.compile(r"^marquee_workers (\S+)$", re.MULTILINE)


@dataclass
class Happened:
    """Moments in seconds since 1970.

    Attributes:
        swaps: a bundle was put in its place, and its folder's name.
        kills: a worker was killed, by SIGKILL.
        back_seconds: from each kill until as many workers answered as before.
        megabytes: of the oldest worker (proportional set size), with the moment.
    """

    swaps: list[tuple[float, str]] = field(default_factory=list)
    kills: list[float] = field(default_factory=list)
    back_seconds: list[float] = field(default_factory=list)
    megabytes: list[tuple[float, float]] = field(default_factory=list)


def run(
    server: Server,
    folder: Path,
    bundles: tuple[Path, Path],
    seconds: float,
    counts: tuple[int, int],
    log: Log,
) -> Happened:
    """Swap and kill so many times, evenly over the time, and return when it is over.

    The younger worker is killed: the older one lives through every swap, and its memory tells.
    """
    happened, begun = Happened(), time.time()
    swaps, kills = counts
    due = sorted(
        [(begun + seconds * (number + 0.5) / swaps, "swap") for number in range(swaps)]
        + [(begun + seconds * (number + 0.7) / kills, "kill") for number in range(kills)]
    )
    over = threading.Event()
    watching = threading.Thread(target=_watch_memory, args=(server, happened, over))
    watching.start()
    try:
        for moment, fault in due:
            time.sleep(max(0.0, moment - time.time()))
            if fault == "swap":
                _swap(folder, bundles[(len(happened.swaps) + 1) % 2], happened, log)
            else:
                _kill(server, happened, log)
        time.sleep(max(0.0, begun + seconds - time.time()))
    finally:
        over.set()
        watching.join()
    return happened


def workers(server: Server) -> list[psutil.Process]:
    """The processes that answer, the oldest first."""
    found = [child for child in server.process.children() if _is_worker(child)]
    return sorted(found, key=lambda process: process.create_time())


def _swap(folder: Path, bundle: Path, happened: Happened, log: Log) -> None:
    """As promotion does it: a copy beside it takes the champion's place."""
    champion = folder / paths.CHAMPION
    part, old = champion.with_name(".part"), champion.with_name(".old")
    shutil.copytree(bundle, part)
    if champion.exists():
        champion.rename(old)
    part.rename(champion)
    happened.swaps.append((time.time(), bundle.name))
    shutil.rmtree(old, ignore_errors=True)
    log.info("swap %d: %s", len(happened.swaps), bundle.name)


def _kill(server: Server, happened: Happened, log: Log) -> None:
    before = {worker.pid for worker in workers(server)}
    killed = workers(server)[-1]
    killed.kill()
    moment = time.time()
    happened.kills.append(moment)
    # Until another process is in its place, /metrics may still count the dead one.
    while {worker.pid for worker in workers(server)} <= before or _answering(server) < WORKERS:
        if time.time() > moment + BACK_SECONDS:
            log.error("no worker came in the place of %d within %g s", killed.pid, BACK_SECONDS)
            break
        time.sleep(0.1)
    happened.back_seconds.append(time.time() - moment)
    log.info("kill %d: back after %.1f s", len(happened.kills), happened.back_seconds[-1])


def _answering(server: Server) -> float:
    """Workers that /metrics counts."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{server.port}/metrics", timeout=5) as answer:
            found = _ALIVE.search(answer.read().decode())
    except OSError:
        return 0.0
    return float(found[1]) if found else 0.0


def _watch_memory(server: Server, happened: Happened, over: threading.Event) -> None:
    while not over.wait(SAMPLE_SECONDS):
        try:
            oldest = workers(server)[0]
            happened.megabytes.append((time.time(), oldest.memory_full_info().pss / 1e6))
        except (psutil.Error, IndexError):  # between two workers
            continue


def _is_worker(process: psutil.Process) -> bool:
    try:
        alive = process.status() != psutil.STATUS_ZOMBIE
        return alive and any("worker.service" in word for word in process.cmdline())
    except psutil.Error:
        return False
